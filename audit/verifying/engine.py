"""The full check, put together: parts go to the checkers, and what they saw must make one whole. No Django.

From the stored bytes up: bytes → leaf hash → tile → tiles above → root of the tree → roots that were signed → what
others signed. Beside that: columns and payloads against the bytes, each entry in the tree or waiting for it, each
leaf with its entry, and each writer's chain without a gap.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from audit.identifiers import first_id_at, time_of
from audit.log.checkpoints import Checkpoint, CheckpointInvalid, open_checkpoint
from audit.log.merkle import HASH_BYTES
from audit.log.notes import NoteInvalid, parse_vkey
from audit.log.tiles import TILE_WIDTH, TilesInvalid
from audit.verifying.chains import Epoch, Follower, Run, breaks, broken_promises, joined
from audit.verifying.checking import BLOCK, Checker, Trusted, tiles_of
from audit.verifying.crew import Crew
from audit.verifying.dropped import Dropped, dropped_months
from audit.verifying.report import NotProvable, Report
from audit.verifying.roots import Roots, fold
from audit.verifying.worker import answer, look_at

# Entries of one part.
PART = 32_768
# An id is made before its entry's number in the chain: within this time, one may be earlier and the other later.
SLACK = timedelta(minutes=5)
# A gateway that is there says so each minute.
SILENT_AFTER = timedelta(minutes=3)
PORTAL = "portal/"
_FIRST = str(UUID(int=0))


@dataclass(frozen=True)
class Check:
    """What to check, where, and against what."""

    conninfo: str
    trusted: Trusted
    last_signed: Path
    since: datetime | None = None
    processes: int = 0


def run(check: Check, *, look: Callable[[float], None] = lambda part: None) -> Report:
    """The report. `psycopg.Error` where the database cannot be read, `CrewFailed` where a process was ended.

    `look` is told now and then which part of the check, 0..1, is about done.
    """
    began = time.monotonic()
    # Before the moment at which the database is read: what was signed then must be in the tree.
    signed = _signed(check)
    with psycopg.connect(check.conninfo, autocommit=True) as connection:
        look_at(connection)
        # A month that is dropped while we read would look like a month that was taken away.
        connection.execute("lock table audit_entry, audit_payload, audit_leaf in access share mode")
        whole = _Whole(connection, check)
        whole.check(look)
        whole.check_last_signed(signed)
    whole.report.seconds = time.monotonic() - began
    return whole.report


class _Whole:
    """One check on one session, whose moment the crew shares."""

    def __init__(self, connection: psycopg.Connection, check: Check) -> None:
        self._connection = connection
        self._check = check
        self._since = str(first_id_at(check.since)) if check.since else _FIRST
        self._read_from = str(first_id_at(check.since - SLACK)) if check.since else _FIRST
        self.report = Report(since=check.since.isoformat() if check.since else None)
        self._size, self._root = connection.execute("select size, root from audit_tree").fetchone() or (0, b"")
        self.report.size = self._size
        self._roots = Roots(lambda level, n: tiles_of(connection, level, [n]).get(n, b""))
        self._runs: list[tuple[int, int]] = []
        self._chains: dict[Epoch, list[Run]] = defaultdict(list)
        self._followers: list[Follower] = []
        self._orphans: list[tuple[str, int]] = []
        self._dropped: Dropped = dropped_months(connection, self.report)

    def check(self, look: Callable[[float], None]) -> None:
        """Everything but the file."""
        with ExitStack() as stack:
            ask = self._asker(stack)
            expected = max(1, self._size)
            for _, found in ask(("entries", *bounds) for bounds in self._ranges()):
                self._take(found)
                look(min(0.9, 0.9 * self.report.entries / expected))
            first_block = min((low for low, _ in self._runs), default=self._size) // BLOCK if self._check.since else 0
            unknown: dict[str, int] = defaultdict(int)
            for _, found in ask(("block", n, self._size) for n in range(first_block, max(1, -(-self._size // BLOCK)))):
                self._blame(found)
                self.report.checkpoints += found["checkpoints"]
                self.report.anchors += found["anchors"]
                for name, number in found["unknown"].items():
                    unknown[name] += number
        self._check_upper_tiles(first_block)
        self._check_root()
        self._check_indices()
        self._check_orphans()
        self._check_chains()
        self._check_writers()
        self._say_what_is_not_provable(unknown)
        look(1.0)

    def check_last_signed(self, signed: Checkpoint | str | None) -> None:
        """The checkpoint that the sealer keeps outside the database must be one of this tree."""
        if signed is None:
            self._not_provable("that no signed checkpoint was taken back", f"{self._check.last_signed} is not here")
        elif isinstance(signed, str):
            self.report.contradict(None, f"{self._check.last_signed} {signed}")
        elif signed.size > self._size:
            self.report.contradict(None, f"size {signed.size} was signed, and the tree has {self._size} leaves")
        elif self._root_at(signed.size) != signed.root:
            self.report.contradict(None, f"at size {signed.size} another root was signed than the tree has")

    def _asker(self, stack: ExitStack) -> Callable[[Iterator[Sequence[Any]]], Iterator[tuple[Any, dict[str, Any]]]]:
        processes = self._check.processes or (os.cpu_count() or 1 if self._is_long() else 1)
        if processes == 1:
            checker = Checker(self._connection, self._check.trusted)
            return lambda parts: ((part, answer(checker, list(part))) for part in parts)
        [snapshot] = self._connection.execute("select pg_export_snapshot()").fetchone() or [""]
        crew = Crew(processes, conninfo=self._check.conninfo, snapshot=snapshot, trusted=self._check.trusted)
        return stack.enter_context(crew).answers

    def _is_long(self) -> bool:
        """Whether there is more than one part: below that, processes cost more than they bring."""
        return self._bound_after(self._read_from) is not None

    def _ranges(self) -> Iterator[tuple[str, str | None]]:
        low: str = self._read_from
        while (high := self._bound_after(low)) is not None:
            yield low, high
            low = high
        yield low, None

    def _bound_after(self, low: str) -> str | None:
        """Where a part from `low` on ends: no table has many more than PART rows of an id in it."""
        found = [
            self._connection.execute(
                f"select {column} from {table} where {column} > %s order by {column} offset {PART} limit 1", [low]
            ).fetchone()
            for table, column in (("audit_entry", "id"), ("audit_leaf", "entry_id"))
        ]
        return min((str(row[0]) for row in found if row), default=None)

    def _take(self, found: dict[str, Any]) -> None:
        self._blame(found)
        self.report.entries += found["entries"]
        self.report.waiting += found["waiting"]
        self._runs += map(tuple, found["runs"])
        for writer, epoch, runs in found["chains"]:
            self._chains[writer, epoch] += [Run(*run) for run in runs]
        self._followers += [Follower(entry, tuple(epoch), number) for entry, epoch, number in found["followers"]]
        self._orphans += map(tuple, found["orphans"])
        self.report.contradicted += found["unnamed_orphans"]

    def _blame(self, found: dict[str, Any]) -> None:
        for entry, what in found["named"]:
            self.report.contradict(entry, what)
        self.report.contradicted += found["number"] - len(found["named"])

    def _check_upper_tiles(self, first_block: int) -> None:
        """From level 1 up; level 0 against level 1 is the blocks' part. Few tiles: one for 65,536 leaves."""
        count, level, first = self._size // TILE_WIDTH, 1, first_block
        while count:
            last = -(-count // TILE_WIDTH)
            for start in range(first, last, TILE_WIDTH):
                numbers = range(start, min(start + TILE_WIDTH, last))
                kept = tiles_of(self._connection, level, numbers)
                above = tiles_of(self._connection, level + 1, sorted({n // TILE_WIDTH for n in numbers}))
                for n in numbers:
                    self._check_upper_tile(level, n, count, kept.get(n, b""), above.get(n // TILE_WIDTH, b""))
            count, level, first = count // TILE_WIDTH, level + 1, first // TILE_WIDTH
        self._check_no_more_tiles()

    def _check_upper_tile(self, level: int, n: int, count: int, tile: bytes, above: bytes) -> None:
        width = min(TILE_WIDTH, count - n * TILE_WIDTH)
        if len(tile) != width * HASH_BYTES:
            held = len(tile) // HASH_BYTES
            self.report.contradict(None, f"tile {n} at level {level} holds {held} hashes; the tree has {width} there")
        elif width == TILE_WIDTH:
            place = n % TILE_WIDTH * HASH_BYTES
            if fold(tile)[-1] != above[place : place + HASH_BYTES]:
                what = f"tile {n} at level {level} does not hash to what level {level + 1} holds"
                self.report.contradict(None, what)

    def _check_no_more_tiles(self) -> None:
        rows = self._connection.execute(
            "select level, n from audit_tile where n >= ceil((%s::bigint >> (8 * level)) / 256.0) limit 100",
            [self._size],
        )
        for level, n in rows.fetchall():
            self.report.contradict(None, f"tile {n} at level {level} is beyond the tree of {self._size} leaves")

    def _check_root(self) -> None:
        made = self._root_at(self._size)
        if made != self._root:
            told = made.hex() if made else "that cannot be made"
            self.report.contradict(None, f"the tree's root is {self._root.hex()}; its tiles make one {told}")
        row = self._connection.execute("select max(size) from audit_checkpoint").fetchone()
        newest = row[0] if row and row[0] is not None else None
        if newest is not None and newest > self._size:
            self.report.contradict(None, f"the tree has {self._size} leaves, and one of {newest} was signed")
        elif (newest or 0) < self._size:
            what = f"the leaves from {newest or 0} to {self._size - 1}"
            self._not_provable(what, "no signed checkpoint covers them yet")

    def _root_at(self, size: int) -> bytes:
        try:
            return self._roots.at(size)
        except TilesInvalid:
            return b""

    def _check_indices(self) -> None:
        """Each leaf of the tree has one entry, unless retention dropped it."""
        runs = sorted(self._runs)
        # With a start in time, leaves before the first one seen are not looked for.
        reached = runs[0][0] if runs and self._check.since else self._size if self._check.since else 0
        for low, high in [*runs, (self._size, self._size - 1)]:
            if low > reached:
                self._check_gap(reached, low - 1)
            for index in range(low, min(reached, high + 1)):
                self._blame_shared(index)
            reached = max(reached, high + 1)
        if runs and runs[-1][1] >= self._size:
            self.report.contradict(None, f"an entry claims leaf {runs[-1][1]}; the tree has {self._size} leaves")
        if not self._check.since:
            self._dropped.compare(self.report)

    def _check_gap(self, low: int, high: int) -> None:
        for start, end in self._dropped.unexplained(low, high):
            if self._check.since and self._held_by_earlier(start, end):
                continue
            leaves = f"leaf {start}" if start == end else f"leaves {start} to {end}"
            self.report.contradict(None, f"no entry stands at {leaves} of the tree")

    def _held_by_earlier(self, low: int, high: int) -> bool:
        row = self._connection.execute(
            "select count(*) from audit_leaf where leaf_index between %s and %s and entry_id < %s",
            [low, high, self._read_from],
        ).fetchone()
        return row is not None and row[0] == high - low + 1

    def _blame_shared(self, index: int) -> None:
        rows = self._connection.execute("select entry_id from audit_leaf where leaf_index = %s", [index]).fetchall()
        self.report.contradict(str(rows[-1][0]), f"claims leaf {index}, which is another entry's as well")

    def _check_orphans(self) -> None:
        for entry, index in self._orphans:
            self.report.contradict(entry, f"is leaf {index} of the tree, and its entry is gone")

    def _check_chains(self) -> None:
        whole = {epoch: joined(runs) for epoch, runs in self._chains.items()}
        reached = {epoch: max(run.last for run in runs) for epoch, runs in whole.items()}
        found = [found for epoch, runs in sorted(whole.items()) for found in breaks(epoch, runs, self._unread)]
        found += broken_promises(self._followers, reached, self._unread)
        for entry, what in found:
            if entry >= self._since:
                self.report.contradict(entry, what)
        self._chains = whole
        self._say_who_did_not_stop()

    def _check_writers(self) -> None:
        """The portal's writers know how far they came."""
        rows = self._connection.execute("select name, epoch, next_seq, head from audit_writer order by name")
        for name, epoch, next_seq, head in rows.fetchall():
            runs = self._chains.get((name, str(epoch)), [])
            last = max(runs, key=lambda run: run.last, default=None)
            if last is None and (next_seq == 0 or self._unread(str(epoch), str(epoch))):
                continue
            at, leaf, entry = (last.last + 1, last.leaf, last.last_id) if last else (0, "", None)
            if (at, leaf) != (next_seq, head.hex() if head else ""):
                what = f"writer {name} wrote {next_seq} entries; the last that is there is number {at - 1}"
                self.report.contradict(entry, what)

    def _unread(self, low: str, high: str) -> bool:
        """Whether entries between these two ids may not have been looked at, or are dropped by now."""
        return low < self._since or self._dropped.touches(low, high)

    def _say_who_did_not_stop(self) -> None:
        """Gateways' chains that end without their word, and that no other chain follows."""
        followed = {follower.epoch for follower in self._followers}
        ends = {
            max(runs, key=lambda run: run.last).last_id: epoch
            for epoch, runs in self._chains.items()
            if not epoch[0].startswith(PORTAL) and epoch not in followed
        }
        rows = self._connection.execute(
            "select id, type from audit_entry where id = any(%s) order by id desc", [[UUID(end) for end in ends]]
        ).fetchall()
        recent = datetime.now(UTC) - SILENT_AFTER
        lost = [id for id, type in rows if type != "gateway.stop" and time_of(id) < recent]
        for id in lost[:100]:
            self.report.remarks.append(f"Gateway {ends[str(id)][0]} ended without a stop after entry {id}.")
        if len(lost) > 100:
            self.report.remarks.append(f"{len(lost) - 100} more ended without a stop.")

    def _say_what_is_not_provable(self, unknown: dict[str, int]) -> None:
        if self.report.waiting:
            what = f"{self.report.waiting} entries that wait to be sealed"
            self._not_provable(what, "they are in the tree some seconds after they were written")
        if self._check.since:
            self._not_provable("entries before the start", "they were not looked at")
        for name, number in sorted(unknown.items()):
            self._not_provable(f"{number} checkpoints by {name}", "its key is not configured here")

    def _not_provable(self, what: str, why: str) -> None:
        self.report.not_provable.append(NotProvable(what, why))


def _signed(check: Check) -> Checkpoint | str | None:
    """The checkpoint in the file; None where there is no file, or in words what is wrong with it."""
    try:
        return open_checkpoint(check.last_signed.read_bytes(), parse_vkey(check.trusted.log))
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except (NoteInvalid, CheckpointInvalid) as error:
        return f"holds no checkpoint of this log: {error}"
