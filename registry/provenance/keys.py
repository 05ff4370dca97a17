"""The public keys of issuers: fetched, kept for a while, and looked for again when a token names an unknown one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import jwt

from audit.witnessing.calling import CallFailed, get
from registry.provenance.issuers import Issuer

FETCH_SECONDS = 3.0
# Keys are asked for anew after this time, and where that fails the old ones serve for a day.
FRESH_SECONDS = 3_600.0
STALE_SECONDS = 86_400.0
# Whoever sends made-up key ids must not make us hammer the issuer.
AGAIN_SECONDS = 60.0
# While it does not answer, callers must not wait for it one after the other.
SILENT_SECONDS = 5.0


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had now; the message says why."""


@dataclass(frozen=True)
class _Kept:
    keys: dict[str, jwt.PyJWK]
    fetched_at: float


class KeyStore:
    """The keys of every issuer that was asked for, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[Issuer, _Kept] = {}
        self._asked: dict[Issuer, float] = {}

    def find(self, issuer: Issuer, kid: str) -> jwt.PyJWK | None:
        """The key of that id, or None where the issuer has none; `KeysUnavailable` where it cannot be asked."""
        # Under the lock: of many tokens that arrive at once, one asks the issuer.
        with self._lock:
            kept = self._kept.get(issuer)
            age = self._clock() - kept.fetched_at if kept else STALE_SECONDS
            if kept is None or age >= FRESH_SECONDS or kid not in kept.keys:
                kept = self._refresh(issuer, kept if age < STALE_SECONDS else None)
            return kept.keys.get(kid)

    def _refresh(self, issuer: Issuer, kept: _Kept | None) -> _Kept:
        now = self._clock()
        since = now - self._asked.get(issuer, -AGAIN_SECONDS)
        if kept is not None and since < AGAIN_SECONDS:
            return kept
        if kept is None and since < SILENT_SECONDS:
            raise KeysUnavailable("it did not answer a moment ago")
        self._asked[issuer] = now
        try:
            self._kept[issuer] = _Kept(_keys_of(issuer), now)
        except KeysUnavailable:
            if kept is None:
                raise
            return kept
        return self._kept[issuer]


def _keys_of(issuer: Issuer) -> dict[str, jwt.PyJWK]:
    try:
        listed = jwt.PyJWKSet.from_dict(json.loads(_read(issuer)))
    except (ValueError, AttributeError, jwt.PyJWTError) as error:
        raise KeysUnavailable(f"what it publishes is no set of keys ({type(error).__name__})") from None
    return {key.key_id: key for key in listed.keys if key.key_id}


def _read(issuer: Issuer) -> bytes:
    try:
        if issuer.jwks_file:
            return Path(issuer.jwks_file).read_bytes()
        answer = get(issuer.jwks_url, seconds=FETCH_SECONDS)
    except (OSError, CallFailed) as error:
        raise KeysUnavailable(str(error)) from None
    if answer.status != 200:
        raise KeysUnavailable(f"{issuer.jwks_url} answered {answer.status}")
    return answer.body
