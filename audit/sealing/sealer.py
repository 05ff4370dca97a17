"""One round of sealing: queue → leaves and tiles → commit → check against what was signed → sign → publish.

The row lock on `audit_tree` is the fence: whoever holds it grows the tree, and a sealer that was paused loses its
session and with it the lock. Nothing is signed before the commit, so one size never has two roots. A checkpoint says
more than the one before only where the tiles prove that the tree grew out of it; otherwise the sealer halts.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg

from audit.log.checkpoints import Checkpoint, open_checkpoint, sign_checkpoint
from audit.log.merkle import verify_consistency
from audit.log.notes import Signer, parse_vkey
from audit.log.tiles import Growth, TilesInvalid, append, consistency_proof, edge_of, root_at
from audit.sealing.last_signed import LastSigned, LastSignedUnreadable

MOST_LEAVES = 10_000
# Of all numbers the one by which our sealers know each other.
_POLITENESS = 4711
_TREE = "select size, root from audit_tree"
_FENCE = f"{_TREE} for update"
_TAKE = """
delete from audit_pending where id in (select id from audit_pending order by id limit %s) returning id, leaf_hash
"""
_KEEP = """
insert into audit_tile (level, n, data) select * from unnest(%b::int2[], %b::int8[], %b::bytea[])
on conflict (level, n) do update set data = excluded.data
"""


class Halted(Exception):
    """The tree contradicts itself or what was signed; nothing more may be signed until a person has looked."""


class NotYet(Exception):
    """Nothing can be signed at the moment; it will be tried again."""


class Head(NamedTuple):
    """The tree as the database has it."""

    size: int
    root: bytes


class Sealer:
    """Seals over one connection in autocommit, as the sealer's role."""

    def __init__(
        self,
        connection: psycopg.Connection,
        signer: Signer,
        kept: LastSigned,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connection
        self._signer = signer
        self._kept = kept
        self._now = now

    def seal(self) -> int:
        """Take what waits, at most MOST_LEAVES, into the tree; how many leaves that were. 0 also beside another sealer.

        `Halted` when the tiles are not those of the tree's root.
        """
        with self._connection.transaction():
            self._execute("set local synchronous_commit = on")
            if not self._one("select pg_try_advisory_xact_lock(%s)", [_POLITENESS])[0]:
                return 0
            head = self._head(_FENCE)
            taken = self._execute(_TAKE, [MOST_LEAVES]).fetchall()
            if not taken:
                return 0
            taken.sort()
            edge = {place: self._tile(*place) for place in edge_of(head.size)}
            try:
                if root_at(head.size, lambda level, n: edge.get((level, n), b"")) != head.root:
                    raise Halted(f"the tiles of size {head.size} do not make the tree's root")
                growth = append(head.size, edge, [leaf for _, leaf in taken])
            except TilesInvalid as error:
                raise Halted(f"the tiles of size {head.size} are not whole: {error}") from error
            self._write(head.size, [identifier for identifier, _ in taken], growth)
            return len(taken)

    def publish(self) -> Checkpoint | None:
        """Sign the committed tree and publish that; None where it was published before.

        `Halted` when the tree went back or forked; `NotYet` when the clock did; OSError when the disk is full.
        """
        with self._kept.held():
            head, newest = self._head(), self._newest()
            kept = self._kept_one(newest)
            for before in (kept, newest):
                self._check_growth(before, head)
            if newest is not None and newest.size == head.size:
                return None
            now = self._now()
            last_at = self._one("select max(at) from audit_checkpoint")[0]
            if last_at is not None and now < last_at:
                raise NotYet(f"the clock is {(last_at - now).total_seconds():.0f} s before the last checkpoint")
            checkpoint = Checkpoint(self._signer.name, head.size, head.root)
            note = sign_checkpoint(checkpoint, self._signer)
            self._kept.write(note)
            self._execute(
                "insert into audit_checkpoint (size, root, note, at) values (%s, %s, %s, %s)"
                " on conflict (size) do nothing",
                [head.size, head.root, note, now],
            )
            return checkpoint

    def adopt(self) -> Checkpoint:
        """Keep the newest published checkpoint as the last one signed, after a person decided so.

        `Halted` when there is none, or the tree did not grow out of it.
        """
        with self._kept.held():
            newest = self._newest()
            if newest is None:
                raise Halted("there is no checkpoint to adopt")
            self._check_growth(newest, self._head())
            self._kept.write(self._one("select note from audit_checkpoint where size = %s", [newest.size])[0])
            return newest

    def _kept_one(self, newest: Checkpoint | None) -> Checkpoint | None:
        try:
            kept = self._kept.read()
        except LastSignedUnreadable as error:
            raise Halted(str(error)) from error
        if kept is None and newest is not None:
            raise Halted(
                f"{self._kept.path} is gone, though size {newest.size} was signed. If you know why, run:"
                " python -m audit.sealing adopt"
            )
        return kept

    def _check_growth(self, before: Checkpoint | None, head: Head) -> None:
        if before is None:
            return
        if head.size < before.size:
            raise Halted(f"the tree went back: size {before.size} was signed, and now it is {head.size}")
        if head.size == before.size and head.root != before.root:
            raise Halted(f"the tree forked: at size {head.size} another root was signed")
        if head.size > before.size > 0:
            try:
                proof = consistency_proof(before.size, head.size, self._tile)
            except TilesInvalid as error:
                raise Halted(f"the tiles of size {head.size} are not whole: {error}") from error
            if not verify_consistency(
                size1=before.size, size2=head.size, root1=before.root, root2=head.root, proof=proof
            ):
                raise Halted(f"the tree forked: size {head.size} did not grow out of size {before.size}")

    def _write(self, first: int, ids: Sequence[uuid.UUID], growth: Growth) -> None:
        with self._connection.cursor() as cursor:
            with cursor.copy("copy audit_leaf (entry_id, leaf_index) from stdin (format binary)") as copy:
                copy.set_types(["uuid", "int8"])
                for number, identifier in enumerate(ids, first):
                    copy.write_row((identifier, number))
            places = list(growth.tiles)
            levels, numbers = [level for level, _ in places], [n for _, n in places]
            cursor.execute(_KEEP, [levels, numbers, list(growth.tiles.values())])
            cursor.execute("update audit_tree set size = %s, root = %s", [growth.size, growth.root])

    def _head(self, statement: str = _TREE) -> Head:
        size, root = self._one(statement)
        return Head(size, bytes(root))

    def _newest(self) -> Checkpoint | None:
        row = self._execute("select note from audit_checkpoint order by size desc limit 1").fetchone()
        return None if row is None else open_checkpoint(row[0], parse_vkey(self._signer.vkey))

    def _tile(self, level: int, n: int) -> bytes:
        row = self._execute("select data from audit_tile where level = %s and n = %s", [level, n]).fetchone()
        return b"" if row is None else bytes(row[0])

    def _one(self, statement: str, parameters: Sequence[object] = ()) -> tuple:
        row = self._execute(statement, parameters).fetchone()
        assert row is not None
        return row

    def _execute(self, statement: str, parameters: Sequence[object] = ()) -> psycopg.Cursor:
        return self._connection.execute(statement, parameters)
