"""The writing of records: everything that waits goes into one durable commit, and only then is anything answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from audit.canonical import EntryInvalid
from audit.chain import first_place, link, lost_sight
from audit.records import Draft, Record
from audit.writing import INSERT_ANSWERS, INSERT_RECORDS, IdempotencyRow, answer_arrays, record_arrays
from registry.gateway.batches import Batches
from registry.gateway.metrics import Metrics
from registry.gateway.refusals import RecordUnavailable
from registry.gateway.sessions import DatabaseDown, Session

MOST_RECORDS = 200
log = logging.getLogger(__name__)


class KeyTaken(Exception):
    """Another gateway has just answered under this idempotency key; nothing was written."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One record to write, and the idempotency key that it shall hold."""

    draft: Draft
    key: IdempotencyRow | None = None


class Recorder:
    """Group commit on one connection, and the gateway's own chain through everything that it commits.

    When the database does not answer in time, all that waits is refused. A commit whose confirmation was lost may
    stand all the same: then the trail holds an answer that nobody received, never the other way round.
    """

    def __init__(self, session: Session, metrics: Metrics, writer: str) -> None:
        self._session = session
        self._metrics = metrics
        self._place = first_place(writer)
        self._batches: Batches[Writing, Record] = Batches(self._write, MOST_RECORDS, metrics.record_rows.observe)
        self.problem = ""

    async def write(self, draft: Draft, key: IdempotencyRow | None = None) -> Record:
        """The record, once it is durable. `RecordUnavailable` when it is not; `KeyTaken` when the key is held."""
        return await self._batches.put(Writing(draft, key))

    async def close(self) -> None:
        """Write what waits, then end the session."""
        await self._batches.drain()
        await self._session.close()

    async def _write(self, batch: Sequence[Writing]) -> list[Record | Exception]:
        started = time.perf_counter()
        results = await self._commit(batch)
        self._metrics.record_seconds.observe(time.perf_counter() - started)
        failed = sum(isinstance(result, RecordUnavailable) for result in results)
        self._metrics.unrecorded.inc(failed)
        if failed < len(batch):
            self.problem = ""
        elif self._session.is_up:
            # A session on which nothing can be written may lead to a server that is no longer the primary.
            await self._session.close()
        return results

    async def _commit(self, batch: Sequence[Writing]) -> list[Record | Exception]:
        keys = [item.key for item in batch if item.key is not None]
        try:
            records, place = link([item.draft for item in batch], self._place)
            if keys:
                await self._session.execute(INSERT_ANSWERS, answer_arrays(records, keys))
            else:
                await self._session.execute(INSERT_RECORDS, record_arrays(records))
        except DatabaseDown as error:
            # Whether these entries stand nobody can tell, so the chain begins anew.
            self._place = lost_sight(self._place)
            self._note(f"PostgreSQL does not answer: {error}")
            return [RecordUnavailable() for _ in batch]
        except (psycopg.Error, EntryInvalid) as error:
            if len(batch) == 1:
                return [self._verdict(error)]
            # One bad record must not take the others with it.
            return [(await self._commit([item]))[0] for item in batch]
        self._place = place
        return list(records)

    def _verdict(self, error: psycopg.Error | EntryInvalid) -> Exception:
        if isinstance(error, EntryInvalid):
            return error
        if error.diag.table_name == "audit_idempotency" and isinstance(error, psycopg.errors.UniqueViolation):
            return KeyTaken()
        # The server's detail line holds values of the row; the primary message does not.
        self._note(f"PostgreSQL refused a record: {error.diag.message_primary or type(error).__name__}")
        return RecordUnavailable()

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            log.error("%s", problem)
        self.problem = problem
