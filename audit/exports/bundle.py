"""The evidence bundle: entries with what proves them, so that a court can check them without us and off line.

Entries stand with their leaf indices beside the tiles of the tree that the newest checkpoint signs. Whoever has the
log's key, from us or from a witness, can recompute everything; `verify.py`, which is in every bundle, does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.utils import timezone

from audit import proofs
from audit.exports import queries
from audit.keys import entry_key
from audit.log.merkle import HASH_BYTES
from audit.log.tiles import TILE_WIDTH, tile_path
from audit.models import Anchor, Checkpoint, Entry, Key, Payload, Tile
from audit.queries import facts_of
from audit.records import Part, payload_opened, timestamp
from portal.errors import Conflict

FORMAT = "countersign-bundle/v1"
HERE = Path(__file__).resolve().parent
# Of the checkpoints that others vouched for, so many of the newest are in a bundle.
MOST_VOUCHED = 200
_TILES_AT_ONCE = 256


def write_bundle(
    folder: Path,
    *,
    system: str,
    since: datetime,
    until: datetime,
    actor_label: str,
    disclose: bool,
    report: Callable[[float], None] = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Write the bundle of the system's entries of that time into the empty folder; personal data only to `disclose`.

    Gives rows, unsealed (entries that no checkpoint covers yet, which are left out), size, root and key_id. `report`
    hears the share of the work that is done; when `cancelled`, the folder stays half full. `Conflict` while nothing
    is sealed.
    """
    head = proofs.newest_checkpoint()
    if head is None:
        raise Conflict("Nothing has been sealed yet. Ask again in a few seconds.", code="nothing_sealed")
    bundle = _Bundle(folder, head)
    span = min(until, timezone.now()) - since
    with bundle:
        for entries in queries.entries_between(system, since, until):
            bundle.add(entries, disclose)
            report(0.9 * ((entries[-1].at - since) / span))
            if cancelled():
                return bundle.result()
    bundle.add_proofs()
    bundle.finish(
        {
            "origin": settings.LOG_ORIGIN,
            "system": system,
            "since": timestamp(since),
            "until": timestamp(until),
            "redaction": queries.DISCLOSED if disclose else queries.REDACTED,
            "exported_at": timestamp(timezone.now()),
            "exported_by": actor_label,
        }
    )
    report(1.0)
    return bundle.result()


class _Bundle:
    """A bundle that is being written under one checkpoint."""

    def __init__(self, folder: Path, head: Checkpoint) -> None:
        self._folder, self._head = folder, head
        self._files: dict[str, str] = {}
        self._tiles: set[int] = set()
        self._rows = self._unsealed = 0
        self._first: uuid.UUID | None = None
        self._last: uuid.UUID | None = None
        self._open = ExitStack()
        self._sinks: dict[str, _Sink] = {}

    def __enter__(self) -> _Bundle:
        for name in ("entries.jsonl", "indices.txt"):
            self._sink(name)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()
        self._files |= {name: sink.digest.hexdigest() for name, sink in self._sinks.items()}

    def add(self, entries: Sequence[Entry], disclose: bool) -> None:
        """Entries in the order of their ids; those that the checkpoint does not cover are counted only."""
        places = queries.leaves_of(entries)
        kept = [entry for entry in entries if places.get(entry.id, self._head.size) < self._head.size]
        self._unsealed += len(entries) - len(kept)
        for entry in kept:
            self._sinks["entries.jsonl"].write(bytes(entry.entry) + b"\n")
            self._sinks["indices.txt"].write(b"%d\n" % places[entry.id])
            self._tiles.add(places[entry.id] // TILE_WIDTH)
        if kept:
            self._first, self._last = self._first or kept[0].id, kept[-1].id
        self._rows += len(kept)
        if disclose:
            sink = self._sink("payloads.jsonl")
            for line in _payload_lines(kept):
                sink.write(line)

    def add_proofs(self) -> None:
        """Checkpoint, who else vouches for the log's history, and the tiles that tie all of it together."""
        self._write("checkpoint", proofs.note_of(self._head).encode())
        self._write("vkeys.txt", proofs.vkeys().encode())
        vouched = _vouched_for(self._head)
        notes = [proofs.note_of(each) for each in vouched if each.size != self._head.size]
        if notes:
            self._write("checkpoints.txt", "\n".join(notes).encode())
        for each in vouched:
            self._add_stamps(each)
        self._tiles |= {each.size // TILE_WIDTH for each in (*vouched, self._head) if each.size % TILE_WIDTH}
        self._add_tiles()

    def finish(self, about: dict[str, Any]) -> None:
        """The manifest, last: it names every other file."""
        for name in ("verify.py", "README.txt"):
            shutil.copyfile(HERE / ("bundle.txt" if name == "README.txt" else name), self._folder / name)
            self._files[name] = hashlib.sha256((self._folder / name).read_bytes()).hexdigest()
        manifest = {
            "format": FORMAT,
            **about,
            "rows": self._rows,
            "unsealed": self._unsealed,
            "first_id": str(self._first) if self._first else None,
            "last_id": str(self._last) if self._last else None,
            "checkpoint": {"size": self._head.size, "root": bytes(self._head.root).hex()},
            "key_id": proofs.log_signer().key_id.hex(),
            "files": self._files,
        }
        (self._folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

    def result(self) -> dict[str, Any]:
        """What the job keeps of it."""
        root = bytes(self._head.root).hex()
        more = {"size": self._head.size, "root": root, "key_id": proofs.log_signer().key_id.hex()}
        return {"rows": self._rows, "unsealed": self._unsealed, **more}

    def _add_stamps(self, head: Checkpoint) -> None:
        stamps = Anchor.objects.filter(size=head.size, kind=Anchor.Kind.RFC3161)
        for stamp in stamps:
            # The text that was stamped is the log's own note, without those who cosigned it later.
            self._write(f"anchors/{head.size}.note", head.note.encode())
            self._write(f"anchors/{head.size}.{stamp.name}.tsr", bytes(stamp.evidence))

    def _add_tiles(self) -> None:
        """The leaves' tiles that are needed, and every tile above them: one for 65,536 leaves, and fewer."""
        level, count = 0, self._head.size
        while count:
            last = -(-count // TILE_WIDTH)
            numbers = sorted(self._tiles) if level == 0 else list(range(last))
            for start in range(0, len(numbers), _TILES_AT_ONCE):
                rows = Tile.objects.filter(level=level, n__in=numbers[start : start + _TILES_AT_ONCE])
                for n, data in rows.values_list("n", "data"):
                    width = min(TILE_WIDTH, count - n * TILE_WIDTH)
                    if width > 0:
                        self._write(tile_path(level, n, width), bytes(data)[: width * HASH_BYTES])
            level, count = level + 1, count // TILE_WIDTH

    def _sink(self, name: str) -> _Sink:
        if name not in self._sinks:
            self._sinks[name] = _Sink(self._open.enter_context((self._folder / name).open("wb")))
        return self._sinks[name]

    def _write(self, name: str, data: bytes) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self._files[name] = hashlib.sha256(data).hexdigest()


class _Sink:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)
        self.digest.update(data)


def _vouched_for(head: Checkpoint) -> list[Checkpoint]:
    """The newest checkpoints up to this one that a witness cosigned or an authority stamped, smallest first."""
    anchors = Anchor.objects.filter(size__lte=head.size, size__gt=0)
    sizes = anchors.order_by("-size").values_list("size", flat=True).distinct()[:MOST_VOUCHED]
    return list(Checkpoint.objects.filter(size__in=list(sizes)).order_by("size"))


def _payload_lines(entries: Sequence[Entry]) -> Iterator[bytes]:
    """What was stored, and what opens it where it still can be opened; in the order of the entries."""
    ids = [entry.id for entry in entries]
    keys = {row.entry_id: row for row in Key.objects.filter(entry_id__in=ids)}
    # Entries of format 1 have no key; their rows, where there are any, hold a subject's token alone.
    formats = {entry.id: facts_of(entry)["v"] for entry in entries}
    for row in Payload.objects.filter(entry_id__in=ids).order_by("entry_id", "part"):
        key, part, stored = keys.get(row.entry_id), Part(row.part), bytes(row.stored)
        said = {"entry": str(row.entry_id), "part": part.name.lower(), "stored": _base64(stored)}
        opened = entry_key(key) if key is not None else None
        if opened is not None or (formats[row.entry_id] == 1 and not (key and key.erased_on)):
            blinding, content = payload_opened(formats[row.entry_id], opened or b"", row.entry_id, part, stored)
            said |= {"blinding": _base64(blinding), **_readable(content)}
        yield json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _readable(content: bytes) -> dict[str, str]:
    try:
        return {"text": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"content": _base64(content)}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
