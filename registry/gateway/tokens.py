"""Who calls: bearer tokens, looked up in memory, and in the database when they are new."""

from __future__ import annotations

import hashlib
import time
from typing import NamedTuple

from portal.accounts.access import Scope
from portal.errors import Forbidden
from registry.gateway.refusals import Unauthorised, Unavailable
from registry.gateway.sessions import DatabaseDown, Session

LOOK_UPS_PER_SECOND = 10
_ALL = "select token_sha256, name, scopes from accounts_token where revoked_at is null"
_ONE = f"{_ALL} and token_sha256 = %s"


class Caller(NamedTuple):
    """A service with a valid token; `label` is what the trail keeps."""

    label: str
    may_decide: bool


class Tokens:
    """All valid tokens by digest. A revoked one stops working with the notification, at the latest with the poll."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._callers: dict[bytes, Caller] = {}
        self._look_ups: list[float] = []

    async def refresh(self) -> None:
        """Read all tokens anew."""
        rows = await self._session.execute(_ALL)
        self._callers = {bytes(digest): _caller(name, scopes) for digest, name, scopes in rows}

    async def caller(self, authorization: str) -> Caller:
        """Who sent this header. `Unauthorised` for no or no valid token, `Unavailable` when that cannot be known."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorised
        digest = hashlib.sha256(token.strip().encode("latin-1")).digest()
        caller = self._callers.get(digest) or await self._look_up(digest)
        if caller is None:
            raise Unauthorised
        return caller

    async def _look_up(self, digest: bytes) -> Caller | None:
        """One question for a token made a moment ago; the rate is bound, so that guessing costs us nothing."""
        now = time.monotonic()
        self._look_ups = [moment for moment in self._look_ups if moment > now - 1]
        if len(self._look_ups) >= LOOK_UPS_PER_SECOND:
            return None
        self._look_ups.append(now)
        try:
            rows = await self._session.execute(_ONE, [digest])
        except DatabaseDown:
            raise Unavailable("Tokens cannot be checked at the moment. Try again.") from None
        if not rows:
            return None
        _, name, scopes = rows[0]
        caller = self._callers[digest] = _caller(name, scopes)
        return caller


def need_decide(caller: Caller) -> None:
    """`Forbidden` unless the token is for making decisions."""
    if not caller.may_decide:
        raise Forbidden(f"This token lacks the scope “{Scope.DECIDE}”.")


def _caller(name: str, scopes: list[str]) -> Caller:
    return Caller(f"service:{name}", Scope.DECIDE in scopes)
