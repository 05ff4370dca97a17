"""A month's archive: its entries as Parquet, a manifest that binds them to the tree, and the reading back of both.

Entries are the bytes that were hashed, so the archive proves itself: each row hashes to its leaf, each leaf stands
in the tree's tiles, which are never dropped. Decisions' payloads are left out, since nobody can read them when a
month is due; the words of acts (reasons, purposes) are kept in clear with what opens their commitments.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from audit.canonical import leaf_hash
from audit.durable import sync, write_durably
from audit.encryption import commitment
from audit.identifiers import time_of
from audit.keys import entry_keys
from audit.log.tiles import TILE_WIDTH, append, edge_of
from audit.models import Entry, Leaf, Payload, Tile
from audit.records import DECISION, Part, payload_opened
from audit.retention import queries

FORMAT = 1
CHUNK = 10_000
HASH_BYTES = 32
MANIFEST = "manifest.json"
Item = TypeVar("Item")


class ArchiveFailed(Exception):
    """There is no archive, or not one to rely on; the message says why."""


class Root:
    """The root over leaf hashes in the order in which they come (RFC 6962 §2.1), without keeping them."""

    def __init__(self) -> None:
        self.size, self.root = 0, hashlib.sha256(b"").digest()
        self._edge: dict[tuple[int, int], bytes] = {}

    def add(self, leaves: list[bytes]) -> None:
        """Append the leaves."""
        grown = append(self.size, self._edge, leaves)
        known = {**self._edge, **grown.tiles}
        self.size, self.root = grown.size, grown.root
        self._edge = {place: known[place] for place in edge_of(grown.size)}


def folder_of(month: date) -> Path:
    """Where the month's archive is: `VAR_DIR/archive/YYYY-MM`."""
    return settings.VAR_DIR / "archive" / f"{month:%Y-%m}"


def write_archive(month: date) -> dict[str, Any]:
    """Write the month's archive and give its manifest. `ArchiveFailed` where an entry is not sealed yet."""
    newest = queries.newest_checkpoint()
    if newest is None:
        raise ArchiveFailed("Nothing is sealed yet.")
    final = folder_of(month)
    making = final.with_name(f".{final.name}.making")
    for leftover in (making, final):
        shutil.rmtree(leftover, ignore_errors=True)
    making.mkdir(parents=True, mode=0o700)
    root, files, systems, indices = Root(), [], dict[str, int](), _Ranges()
    ends: list[uuid.UUID] = []
    for day, rows in groupby(_rows(month, newest.size), key=lambda row: row["at"].date()):
        name = f"{day:%Y-%m-%d}.parquet"
        count = _write_day(making / name, rows, root, systems, indices, ends)
        files.append({"name": name, "rows": count, **_digest(making / name)})
    manifest = {
        "format": FORMAT,
        "month": f"{month:%Y-%m}",
        "origin": settings.LOG_ORIGIN,
        "rows": root.size,
        "first_id": str(ends[0]) if ends else None,
        "last_id": str(ends[-1]) if ends else None,
        "systems": systems,
        "leaf_ranges": indices.ranges(),
        # Over the leaf hashes in the order of the files, which is that of the ids.
        "leaves_root": root.root.hex(),
        "checkpoint": {"size": newest.size, "root": bytes(newest.root).hex(), "note": newest.note},
        "files": files,
    }
    write_durably(making / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    os.rename(making, final)
    sync(final.parent)
    return manifest


def read_back(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest and its SHA-256, after every entry was read and hashed anew. `ArchiveFailed` names what differs."""
    raw = (folder / MANIFEST).read_bytes()
    manifest = json.loads(raw)
    root, last = Root(), uuid.UUID(int=0)
    for file in manifest["files"]:
        if _digest(folder / file["name"]) != {"sha256": file["sha256"], "bytes": file["bytes"]}:
            raise ArchiveFailed(f"{file['name']} is not the file that was written.")
        for chunk in _batches(folder / file["name"]):
            for row in chunk:
                last = _check_row(row, last)
            _check_against_tiles(chunk)
            root.add([row["leaf_hash"] for row in chunk])
    said = (root.size, root.root.hex(), str(last) if root.size else None)
    if said != (manifest["rows"], manifest["leaves_root"], manifest["last_id"]):
        raise ArchiveFailed("The archive holds other entries than its manifest says.")
    return manifest, hashlib.sha256(raw).digest()


def _rows(month: date, sealed: int) -> Iterator[dict[str, Any]]:
    for entries in _chunks(queries.entries_of(month).iterator(chunk_size=CHUNK), CHUNK):
        ids = [entry.id for entry in entries]
        places = dict(Leaf.objects.filter(pk__in=ids).values_list("entry_id", "leaf_index"))
        words = _words([entry.id for entry in entries if entry.type != DECISION])
        for entry in entries:
            place = places.get(entry.id)
            if place is None or place >= sealed:
                raise ArchiveFailed(f"Entry {entry.id} is not sealed yet.")
            blinding, text = words.get(entry.id, (None, None))
            yield {
                "id": entry.id.bytes,
                "at": time_of(entry.id),
                "type": entry.type,
                "system": entry.system,
                "leaf_index": place,
                "leaf_hash": bytes(entry.leaf_hash),
                "entry": bytes(entry.entry),
                "text": text,
                "blinding": blinding,
            }


def _words(acts: list[uuid.UUID]) -> dict[uuid.UUID, tuple[bytes, bytes]]:
    """What people wrote with their acts, where it can be read: blinding and text."""
    stored = dict(Payload.objects.filter(entry_id__in=acts, part=Part.TEXT.value).values_list("entry_id", "stored"))
    keys = entry_keys(stored)
    formats = {act: 1 for act in stored if act not in keys and _format_of(act) == 1}
    return {
        act: payload_opened(formats.get(act, 2), keys.get(act, b""), act, Part.TEXT, bytes(kept))
        for act, kept in stored.items()
        if act in keys or act in formats
    }


def _format_of(act: uuid.UUID) -> int:
    return json.loads(bytes(Entry.objects.get(pk=act).entry))["v"]


def _write_day(
    path: Path,
    rows: Iterable[dict[str, Any]],
    root: Root,
    systems: dict[str, int],
    indices: _Ranges,
    ends: list[uuid.UUID],
) -> int:
    import pyarrow as pa  # here, since only archives need it
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            pa.field("id", pa.binary(16), nullable=False),
            pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
            pa.field("type", pa.string(), nullable=False),
            pa.field("system", pa.string()),
            pa.field("leaf_index", pa.int64(), nullable=False),
            pa.field("leaf_hash", pa.binary(32), nullable=False),
            pa.field("entry", pa.binary(), nullable=False),
            pa.field("text", pa.binary()),
            pa.field("blinding", pa.binary()),
        ]
    )
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for chunk in _chunks(rows, CHUNK):
            writer.write_batch(pa.RecordBatch.from_pylist(chunk, schema=schema))
            root.add([row["leaf_hash"] for row in chunk])
            indices.add(row["leaf_index"] for row in chunk)
            for row in chunk:
                if row["system"]:
                    systems[row["system"]] = systems.get(row["system"], 0) + 1
            ends[1:] = [uuid.UUID(bytes=chunk[-1]["id"])]
            ends[:1] = ends[:1] or [uuid.UUID(bytes=chunk[0]["id"])]
            count += len(chunk)
    path.chmod(0o600)
    sync(path)
    return count


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=CHUNK):
            yield batch.to_pylist()


def _check_row(row: dict[str, Any], last: uuid.UUID) -> uuid.UUID:
    identifier, raw = uuid.UUID(bytes=row["id"]), row["entry"]
    if leaf_hash(raw) != row["leaf_hash"]:
        raise ArchiveFailed(f"Entry {identifier} does not hash to its leaf.")
    facts = json.loads(raw)
    if facts["id"] != str(identifier) or identifier <= last:
        raise ArchiveFailed(f"Entry {identifier} stands at another entry's place.")
    sealed = facts.get("payloads", {}).get("text", {}).get("commitment")
    if row["text"] is not None and sealed not in (None, commitment(row["blinding"], row["text"]).hex()):
        raise ArchiveFailed(f"The words of {identifier} are not those that its entry commits to.")
    return identifier


def _check_against_tiles(rows: list[dict[str, Any]]) -> None:
    numbers = {row["leaf_index"] // TILE_WIDTH for row in rows}
    tiles = dict(Tile.objects.filter(level=0, n__in=numbers).values_list("n", "data"))
    for row in rows:
        n, offset = divmod(row["leaf_index"], TILE_WIDTH)
        start, entry = offset * HASH_BYTES, uuid.UUID(bytes=row["id"])
        if bytes(tiles.get(n, b""))[start : start + HASH_BYTES] != row["leaf_hash"]:
            raise ArchiveFailed(f"The tree holds another leaf than {entry} at {row['leaf_index']}.")


class _Ranges:
    """Whole numbers as ranges, in little space while they come nearly in order."""

    def __init__(self) -> None:
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def add(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            start = self._ends.pop(number - 1, number)
            end = self._starts.pop(number + 1, number)
            self._starts[start], self._ends[end] = end, start

    def ranges(self) -> list[list[int]]:
        """First and last of each, in order."""
        return [[start, end] for start, end in sorted(self._starts.items())]


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    waiting = iter(items)
    while chunk := list(islice(waiting, size)):
        yield chunk
