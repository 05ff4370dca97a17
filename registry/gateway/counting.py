"""How many requests were answered, counted apart from the trail: what was counted and is not there was taken away."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import psycopg

from registry.gateway.sessions import DatabaseDown, Session

HOUR_MS = 3_600_000
# An hour's totals are kept this long after their last flush: a late answer must raise them, not begin anew.
_KEPT_HOURS = 2
UNRECORDED = "unrecorded"
_FLUSH = """
insert into audit_counted (gateway, epoch, hour, system, version, status, requests)
select %b::text, %b::uuid, * from unnest(%b::timestamptz[], %b::text[], %b::int4[], %b::text[], %b::int8[])
on conflict (gateway, epoch, hour, system, version, status) do update set requests = excluded.requests
"""
log = logging.getLogger(__name__)

# Hour of the decision's id (hours since 1970, UTC), system, version or 0, status or UNRECORDED.
Key = tuple[int, str, int, str]


class Counts:
    """Totals in memory, raised as answers are sent, and flushed on a session of their own.

    While the database is away they wait. Killed, the gateway loses what it counted since its last flush: then the trail
    holds more than was counted, never less.
    """

    def __init__(self, session: Session, name: str, flush_seconds: float) -> None:
        self._session = session
        self._name = name
        self._flush_seconds = flush_seconds
        self._epoch = uuid.uuid4()
        self._totals: Counter[Key] = Counter()
        self._flushed: dict[Key, int] = {}
        self._stops = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def recorded(self, entry: uuid.UUID, system: str, version: int | None, status: str) -> None:
        """One more request that ended in this entry."""
        self._totals[(entry.int >> 80) // HOUR_MS, system, version or 0, status] += 1

    def unrecorded(self, system: str, version: int | None) -> None:
        """One more request that was answered with 503, for want of a record."""
        self._totals[time.time_ns() // 1_000_000 // HOUR_MS, system, version or 0, UNRECORDED] += 1

    def start(self) -> None:
        """Begin to flush."""
        self._task = asyncio.create_task(self._keep_flushing())

    async def stop(self) -> None:
        """Flush once more, then end the session."""
        self._stops.set()
        if self._task is not None:
            await self._task
        await self.flush()
        await self._session.close()

    async def flush(self) -> bool:
        """Write the totals that changed; False when the database does not take them, and they wait."""
        changed = {key: total for key, total in self._totals.items() if self._flushed.get(key) != total}
        if changed:
            hours = [datetime.fromtimestamp(key[0] * HOUR_MS / 1000, UTC) for key in changed]
            _, systems, versions, statuses = ([*column] for column in zip(*changed, strict=True))
            columns = [hours, systems, versions, statuses, [*changed.values()]]
            try:
                await self._session.execute(_FLUSH, [self._name, self._epoch, *columns])
            except (DatabaseDown, psycopg.Error) as error:
                log.warning("What was counted could not be written yet: %s", error)
                return False
            self._flushed |= changed
        self._forget()
        return True

    async def _keep_flushing(self) -> None:
        # Woken and not cancelled: a statement that is under way comes to its end.
        while not self._stops.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stops.wait(), self._flush_seconds)
            await self.flush()

    def _forget(self) -> None:
        """Let go of hours that are long over."""
        oldest = time.time_ns() // 1_000_000 // HOUR_MS - _KEPT_HOURS
        for key in [key for key, total in self._flushed.items() if key[0] < oldest and self._totals[key] == total]:
            del self._totals[key], self._flushed[key]
