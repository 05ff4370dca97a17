"""One answer for one key: a repeated request gets the answer that was given, and no second record.

Three nets, one behind the other: the requests under way in this process, the keys in the database, and the
table's primary key, which decides between two gateways. Only answered decisions hold keys. A key counts until
its row is deleted; the portal deletes it after its 72 hours, the gateway may not.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from audit.encryption import Keys, KeyUnknown, Unreadable, Wrapped
from audit.records import ENTRY_FORMAT, Part, payload_content
from audit.writing import IdempotencyRow
from portal.errors import Conflict, Malformed
from registry.gateway.batches import Batches
from registry.gateway.recorder import KeyTaken
from registry.gateway.refusals import Unavailable
from registry.gateway.sessions import DatabaseDown, Session

KEPT_FOR = timedelta(hours=72)
MOST_KEYS = 200
_FIND = """
select i.caller, i.key_mac, i.fingerprint, e.id, e.system, e.version, e.release, e.mode, e.latency_us, e.leaf_hash,
  p.stored, k.kek, k.wrapped
from unnest(%s::text[], %s::bytea[]) as asked (caller, key_mac)
join audit_idempotency i using (caller, key_mac)
join audit_entry e on e.id = i.entry_id
left join audit_payload p on p.entry_id = e.id and p.part = %s
left join audit_key k on k.entry_id = e.id
"""


class Slot(NamedTuple):
    """Whose key, and its keyed hash: the key itself is stored nowhere."""

    caller: str
    key_mac: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """A decision as it was answered and recorded. `fingerprint` is of the request, empty where it had no key."""

    id: uuid.UUID
    system: str
    version: int
    release: int
    mode: str
    output: dict[str, Any]
    latency_us: int
    leaf: bytes = b""
    fingerprint: bytes = b""

    def body(self, receipt: str) -> dict[str, Any]:
        """The contract's answer."""
        return {
            "decision_id": str(self.id),
            "system": self.system,
            "version": self.version,
            "release": self.release,
            "mode": self.mode,
            "output": self.output,
            "latency_ms": self.latency_us / 1000,
            "receipt": receipt,
        }


def slot_of(subject_key: str, caller: str, system: str, key: str) -> Slot:
    """Where the caller's key is kept. `Malformed` for a key that is not 1 to 255 printable ASCII characters."""
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Malformed("Idempotency-Key must be 1 to 255 printable ASCII characters.", code="idempotency_key_invalid")
    message = f"{caller}\x00{system}\x00{key}".encode()
    return Slot(caller, hmac.digest(subject_key.encode(), message, "sha256"))


def fingerprint_of(system: str, body: bytes) -> bytes:
    """SHA-256 over system and raw body: what makes two requests under one key the same."""
    return hashlib.sha256(system.encode() + b"\x00" + body).digest()


def key_row(slot: Slot, fingerprint: bytes, entry_id: uuid.UUID) -> IdempotencyRow:
    """The row by which a repeat finds the answer."""
    return (slot.caller, slot.key_mac, fingerprint, entry_id, datetime.now(UTC) + KEPT_FOR)


class Answers:
    """The answers that hold keys: those being made here, and those in the trail."""

    def __init__(self, session: Session, keys: Keys) -> None:
        self._session = session
        self._keys = keys
        self._under_way: dict[Slot, asyncio.Future[Answered | None]] = {}
        self._found: Batches[Slot, Answered | None] = Batches(self._find, MOST_KEYS)

    async def once(
        self, slot: Slot, fingerprint: bytes, decide: Callable[[], Awaitable[Answered]]
    ) -> tuple[Answered, bool]:
        """The key's answer, and whether it is a repeat; `Conflict` when it answered another request.

        When the first request under a key is refused, the next one that waited for it takes its turn.
        """
        while (under_way := self._under_way.get(slot)) is not None:
            answered = await asyncio.shield(under_way)
            if answered is not None:
                return _repeat(answered, fingerprint), True
        mine: asyncio.Future[Answered | None] = asyncio.get_running_loop().create_future()
        self._under_way[slot] = mine
        answered = None
        try:
            answered = await self._look_up(slot)
            if answered is not None:
                return _repeat(answered, fingerprint), True
            try:
                answered = await decide()
                return answered, False
            except KeyTaken:
                answered = await self._look_up(slot)
                return _repeat(answered, fingerprint), True
        finally:
            del self._under_way[slot]
            mine.set_result(answered)

    async def _look_up(self, slot: Slot) -> Answered | None:
        try:
            return await self._found.put(slot)
        except (DatabaseDown, psycopg.Error, KeyUnknown, Unreadable):
            raise Unavailable("The key could not be looked up. Try again.", code="record_unavailable") from None

    async def _find(self, slots: list[Slot]) -> Sequence[Answered | None]:
        parameters = [[slot.caller for slot in slots], [slot.key_mac for slot in slots], Part.OUTPUT.value]
        rows = await self._session.execute(_FIND, parameters)
        found = {Slot(row[0], bytes(row[1])): self._answered(row) for row in rows}
        return [found.get(slot) for slot in slots]


    def _answered(self, row: Sequence[Any]) -> Answered:
        _, _, fingerprint, identifier, system, version, release, mode, latency_us, leaf, stored, kek, wrapped = row
        output = {}
        if wrapped is not None:
            content = self._opened(identifier, bytes(stored), Wrapped(bytes(kek), bytes(wrapped)))
            output = json.loads(content)
        return Answered(
            identifier, system, version, release, mode, output, latency_us, bytes(leaf), bytes(fingerprint)
        )

    def _opened(self, entry: uuid.UUID, stored: bytes, wrapped: Wrapped) -> bytes:
        try:
            key = self._keys.ring().unwrap(wrapped, entry)
        except KeyUnknown:
            # A rotation may just have begun.
            key = self._keys.refresh().unwrap(wrapped, entry)
        return payload_content(ENTRY_FORMAT, key, entry, Part.OUTPUT, stored)


def _repeat(answered: Answered | None, fingerprint: bytes) -> Answered:
    if answered is None or not hmac.compare_digest(answered.fingerprint, fingerprint):
        raise Conflict("This Idempotency-Key answered another request.", code="idempotency_conflict")
    if not answered.output:
        raise Conflict("The answer under this Idempotency-Key has been erased.", code="answer_erased")
    return answered
