"""Parts of the check, each on its own: a range of entries, and a block of the tree with its checkpoints. No Django.

The database is what is checked, so it hands out bytes and computes nothing: every hash and every comparison is made
here. Parts know nothing of each other; what they saw (leaf indices, chains) is put together in `engine`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg

from audit.log.checkpoints import CheckpointInvalid, open_checkpoint
from audit.log.cosignatures import parse_cosigner_vkey
from audit.log.merkle import HASH_BYTES
from audit.log.notes import NoteInvalid, parse_vkey
from audit.log.tiles import TILE_WIDTH, TilesInvalid
from audit.records import Part
from audit.verifying.chains import Epoch, Run, joined
from audit.verifying.roots import Roots, fold
from audit.witnessing.timestamps import TimestampFailed, check_timestamp, load_certificates
from audit.writing import COLUMNS

# Leaves of one block: as many as one tile of the second level (1) stands for.
BLOCK = TILE_WIDTH * TILE_WIDTH
# Of what is wrong in one part, so many are named and the rest counted.
NAMED = 100
_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_PLAIN = [name for name in COLUMNS if name != "features"]
_NONE: dict[str, str] = {}
_PARTS = {part.value: part.name.lower() for part in Part}

# `uuid_send`: ids as bytes, since UUID objects take longer to make than an entry to hash.
_ENTRIES = (
    f"select uuid_send(id), leaf_hash, entry, {', '.join(_PLAIN)}, features::text"
    " from audit_entry where {range} order by id"
)
_LEAVES = "select uuid_send(entry_id), leaf_index from audit_leaf where {range}"
_PENDING = "select uuid_send(id), leaf_hash from audit_pending where {range}"
# Those that can be read, and those of which somebody erased the key; entries of format 1 need none.
_KEYS = (
    "select uuid_send(entry_id), true from audit_key where {range} and (wrapped is not null or erased_on is not null)"
)
_PAYLOADS = "select uuid_send(entry_id), part, stored from audit_payload where {range} order by entry_id, part"
# Rows that are fetched at once; a payload may have a mebibyte.
_FETCHED = 500


class Trusted(NamedTuple):
    """What signatures are checked against: vkeys of the log and its witnesses, certificates (PEM) by authority."""

    log: str
    witnesses: list[str]
    authorities: dict[str, str]


class Wrong:
    """What is wrong: the first are named, all are counted."""

    def __init__(self) -> None:
        self.named: list[tuple[str | None, str]] = []
        self.number = 0

    def add(self, entry: str | None, what: str) -> None:
        """One more."""
        self.number += 1
        if len(self.named) < NAMED:
            self.named.append((entry, what))

    def said(self) -> dict[str, Any]:
        """As it goes to the engine."""
        return {"named": self.named, "number": self.number}


class Checker:
    """Checks parts of the trail that one session sees."""

    def __init__(self, connection: psycopg.Connection, trusted: Trusted) -> None:
        self._connection = connection
        self._log = parse_vkey(trusted.log)
        self._witnesses = {witness.name: witness for witness in map(parse_cosigner_vkey, trusted.witnesses)}
        self._authorities = {name: load_certificates(pem.encode("ascii")) for name, pem in trusted.authorities.items()}

    def entries(self, low: str, high: str | None) -> dict[str, Any]:
        """Entries, payloads and leaves with ids from `low` up to, and not with, `high`."""
        return _Range(self._connection, low, high).checked()

    def block(self, number: int, size: int) -> dict[str, Any]:
        """Block `number` of a tree of `size` leaves: its tiles against the level above, its checkpoints and anchors."""
        wrong = Wrong()
        self._check_tiles(number, size, wrong)
        counted = self._check_checkpoints(number, size, wrong)
        return {**wrong.said(), **counted}

    def _check_tiles(self, number: int, size: int, wrong: Wrong) -> None:
        kept = tiles_of(self._connection, 0, range(number * TILE_WIDTH, (number + 1) * TILE_WIDTH))
        above = b""
        for n in range(number * TILE_WIDTH, min((number + 1) * TILE_WIDTH, -(-size // TILE_WIDTH))):
            width = min(TILE_WIDTH, size - n * TILE_WIDTH)
            tile = kept.get(n, b"")
            if len(tile) != width * HASH_BYTES:
                wrong.add(
                    None, f"tile {n} at level 0 holds {len(tile) // HASH_BYTES} hashes; the tree has {width} there"
                )
            if width == TILE_WIDTH:
                above += fold(tile)[-1] if len(tile) == _TILE_BYTES else bytes(HASH_BYTES)
        stored = tiles_of(self._connection, 1, [number]).get(number, b"")
        for place in range(0, len(above), HASH_BYTES):
            if above[place : place + HASH_BYTES] != stored[place : place + HASH_BYTES]:
                n = number * TILE_WIDTH + place // HASH_BYTES
                wrong.add(None, f"tile {n} at level 0 does not hash to what level 1 holds")

    def _check_checkpoints(self, number: int, size: int, wrong: Wrong) -> dict[str, Any]:
        """Checkpoints of sizes that end in the block: signature, columns, root; and who else vouches for them."""
        low, high = number * BLOCK if number else -1, min((number + 1) * BLOCK, size)
        roots = Roots(lambda level, n: tiles_of(self._connection, level, [n]).get(n, b""))
        rows = self._connection.execute(
            "select size, root, note from audit_checkpoint where size > %s and size <= %s order by size", [low, high]
        ).fetchall()
        for at, root, note in rows:
            problem = self._problem_of(at, root, note, roots)
            if problem:
                wrong.add(None, f"the checkpoint of size {at} {problem}")
        notes = {at: note for at, _, note in rows}
        anchors = self._connection.execute(
            "select size, kind, name, evidence from audit_anchor where size > %s and size <= %s", [low, high]
        ).fetchall()
        unknown: dict[str, int] = defaultdict(int)
        for at, kind, name, evidence in anchors:
            self._check_anchor(kind, name, evidence, notes.get(at), at, wrong, unknown)
        return {"checkpoints": len(rows), "anchors": len(anchors), "unknown": unknown}

    def _problem_of(self, size: int, root: bytes, note: str, roots: Roots) -> str:
        try:
            signed = open_checkpoint(note, self._log)
        except (NoteInvalid, CheckpointInvalid) as error:
            return f"is not signed by the log: {error}"
        if (signed.size, signed.root) != (size, root):
            return "is signed for another size or root than its row says"
        try:
            made = roots.at(size)
        except TilesInvalid as error:
            return f"cannot be made from the tiles: {error}"
        return "" if made == root else f"contradicts the tree: it says {root.hex()}, the tree {made.hex()}"

    def _check_anchor(
        self, kind: str, name: str, evidence: bytes, note: str | None, size: int, wrong: Wrong, unknown: dict[str, int]
    ) -> None:
        if note is None:
            wrong.add(None, f"{name} vouched for a checkpoint of size {size} that is not there")
        elif name not in (self._witnesses if kind == "witness" else self._authorities):
            unknown[f"{kind} {name}"] += 1
        else:
            try:
                if kind == "witness":
                    self._witnesses[name].verify_line(evidence.decode("utf-8"), note[: note.rindex("\n\n") + 1])
                else:
                    check_timestamp(evidence, certificates=self._authorities[name], text=note)
            except (NoteInvalid, TimestampFailed, UnicodeDecodeError, ValueError) as error:
                wrong.add(None, f"what {name} said of the checkpoint of size {size} does not hold: {error}")


class _Range:
    """The check of one range of ids."""

    def __init__(self, connection: psycopg.Connection, low: str, high: str | None) -> None:
        self._connection = connection
        self._low, self._high = low, high
        self._wrong = Wrong()
        self._leaves: dict[bytes, int] = dict(self._rows(_LEAVES, "entry_id"))
        self._indices = sorted(self._leaves.values())
        self._pending = dict(self._rows(_PENDING, "id"))
        self._keys: dict[bytes, bool] = dict(self._rows(_KEYS, "entry_id"))
        self._payloads: dict[bytes, dict[str, str]] = {}
        self._tiles = tiles_of(connection, 0, sorted({index // TILE_WIDTH for index in self._indices}))
        self._chains: dict[Epoch, list[Run]] = defaultdict(list)
        self._current: dict[Epoch, list[Any]] = {}
        self._followers: list[tuple[str, Epoch, int]] = []

    def checked(self) -> dict[str, Any]:
        """All that the engine needs to know of the range."""
        waiting = len(self._pending)
        self._read_payloads()
        number = self._check_entries()
        for id, parts in self._payloads.items():
            self._wrong.add(str(UUID(bytes=id)), f"has payloads ({', '.join(parts)}), and no entry")
        for id in self._pending:
            self._wrong.add(str(UUID(bytes=id)), "waits to be sealed, and its entry is gone")
        return {
            **self._wrong.said(),
            "entries": number,
            "waiting": waiting,
            "runs": list(_runs(self._indices)),
            "chains": [(*epoch, runs) for epoch, runs in self._whole_chains()],
            "followers": self._followers,
            "orphans": [(str(UUID(bytes=id)), index) for id, index in sorted(self._leaves.items())[:NAMED]],
            "unnamed_orphans": max(0, len(self._leaves) - NAMED),
        }

    def _rows(self, query: str, column: str) -> Iterator[tuple]:
        """Row by row from a cursor at the server, so that no size of payloads fills the memory.

        A COPY would be read by Python code, which costs three times as much as all else that is done with a row.
        """
        bounds, values = f"{column} >= %s", [self._low]
        if self._high is not None:
            bounds, values = f"{bounds} and {column} < %s", [self._low, self._high]
        with self._connection.cursor("part", binary=True) as cursor:
            cursor.execute(query.format(range=bounds), values)
            while rows := cursor.fetchmany(_FETCHED):
                yield from rows

    def _read_payloads(self) -> None:
        digest, names, kept = sha256, _PARTS, self._payloads
        rows = self._rows(_PAYLOADS, "entry_id")
        for id, parts in groupby(rows, key=itemgetter(0)):
            kept[id] = {names.get(part, f"part {part}"): digest(stored).hexdigest() for _, part, stored in parts}

    def _check_entries(self) -> int:
        # The innermost loop of the whole check: local names, and one look at each thing.
        digest, loads = sha256, orjson.loads
        take_payloads, keys = self._payloads.pop, self._keys
        number = 0
        for row in self._rows(_ENTRIES, "id"):
            number += 1
            leaf = digest(b"\0" + row[2]).digest()
            sealed, misplaced = self._place_of(row[0], leaf)
            try:
                facts = loads(row[2])
                stored = take_payloads(row[0], _NONE)
                problem = _problem_of(row, leaf, facts, stored) or misplaced
                if facts["v"] > 1:
                    if stored and row[0] not in keys:
                        problem = problem or "the key of its payloads is gone, and nobody erased it"
                    # Bytes that are not their leaf's stand in the chain as the tree has them: followers are blameless.
                    self._follow(facts, (leaf if leaf == row[1] else sealed or row[1]).hex())
            except (ValueError, KeyError, TypeError, AttributeError):
                problem = "the bytes are no entry" if leaf == row[1] else "the bytes do not hash to the leaf"
            if problem:
                self._wrong.add(str(UUID(bytes=row[0])), problem)
        return number

    def _place_of(self, id: bytes, leaf: bytes) -> tuple[bytes, str]:
        """The leaf that the tree holds for the entry (empty while it waits), and what is wrong about its place."""
        index, waits = self._leaves.pop(id, None), self._pending.pop(id, None)
        if index is None:
            if waits is None:
                return b"", "is neither in the tree nor waiting to be sealed"
            return b"", "" if waits == leaf else "waits to be sealed with another hash than that of its bytes"
        place = index % TILE_WIDTH * HASH_BYTES
        sealed = self._tiles.get(index // TILE_WIDTH, b"")[place : place + HASH_BYTES]
        if sealed != leaf:
            return sealed, f"is not what the tree holds as leaf {index}"
        return sealed, "" if waits is None else "waits to be sealed, and is in the tree already"

    def _follow(self, facts: dict[str, Any], leaf: str) -> None:
        writer = facts["writer"]
        epoch = (writer["id"], writer["epoch"])
        number, prev = writer["seq"], writer.get("prev")
        run = self._current.get(epoch)
        if run is not None and number == run[3] + 1 and prev == run[4]:
            run[3], run[4], run[5] = number, leaf, facts["id"]
            return
        if run is not None:
            self._chains[epoch].append(Run(*run))
        self._current[epoch] = [number, prev, facts["id"], number, leaf, facts["id"]]
        if number == 0 and "after" in writer:
            after = writer["after"]
            self._followers.append((facts["id"], (writer["id"], after["epoch"]), after["entries"]))

    def _whole_chains(self) -> Iterator[tuple[Epoch, list[Run]]]:
        for epoch, run in self._current.items():
            yield epoch, joined([*self._chains[epoch], Run(*run)])


def tiles_of(connection: psycopg.Connection, level: int, numbers: Sequence[int]) -> dict[int, bytes]:
    """The stored tiles of a level with these numbers."""
    cursor = connection.cursor(binary=True)
    cursor.execute("select n, data from audit_tile where level = %s and n = any(%s)", [level, list(numbers)])
    return dict(cursor.fetchall())


def _problem_of(row: tuple, leaf: bytes, facts: dict[str, Any], stored: dict[str, str]) -> str:
    """What the entry's own rows contradict; may fail in any way on bytes that are no entry."""
    if leaf != row[1]:
        return "the bytes do not hash to the leaf"
    if bytes.fromhex(facts["id"].replace("-", "")) != row[0]:
        return f"the bytes are those of {facts['id'][:36]}"
    if row[3:-1] != tuple(map(facts.get, _PLAIN)):
        different = next(name for name, kept in zip(_PLAIN, row[3:-1], strict=True) if kept != facts.get(name))
        return f"the column {different} differs from the bytes"
    if (orjson.loads(row[-1]) if row[-1] is not None else None) != facts.get("features"):
        return "the column features differs from the bytes"
    sealed = {name: seal["sha256"] for name, seal in facts["payloads"].items()}
    return "" if stored == sealed else _payload_problem(stored, sealed)


def _payload_problem(stored: dict[str, str], sealed: dict[str, str]) -> str:
    name = next(name for name in sorted({*stored, *sealed}) if stored.get(name) != sealed.get(name))
    if name not in stored:
        return f"the payload {name} is gone"
    if name not in sealed:
        return f"the payload {name} is none that the bytes name"
    return f"the payload {name} does not hash to what the bytes say"


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The sorted indices as runs without a gap; one that stands there twice begins a run of its own."""
    for _, run in groupby(enumerate(indices), key=lambda numbered: numbered[1] - numbered[0]):
        found = [index for _, index in run]
        yield found[0], found[-1]
