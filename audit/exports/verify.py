"""Checks an evidence bundle of a Countersign log: one file, which needs Python 3.9+ and the package `cryptography`.

    python verify.py [BUNDLE] [--vkey VKEY]... [--checkpoint FILE]... [--json]

BUNDLE is the folder or zip; by default the folder in which this file lies. Nothing is unpacked, nothing is fetched.

    exit 0  verified        everything in the bundle is as it was when the log's checkpoint was signed
    exit 1  contradicted    something is not; it is named
    exit 2  not provable    something that the bundle should show cannot be shown here; it is named

--vkey        a verifier key that you have from somebody you trust: the log's, or a witness's. Without the log's own,
              the one in the bundle is believed, and that is said.
--checkpoint  a checkpoint that somebody kept (a signed note): must be of the same history, or is a contradiction.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import re
import stat
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.stdout.write("NOT PROVABLE: this needs the package `cryptography` (pip install cryptography)\n")
    sys.exit(2)

FORMAT = "countersign-bundle/v1"
WIDTH, HASH = 256, 32
MOST_NAMED = 100
# Bounds on what a broken or hostile bundle may make us read, in bytes.
_MANIFEST, _NOTES, _SMALL, _LINE = 512 << 20, 256 << 20, 1 << 20, 64 << 20
_RATIO, _FREE = 200, 256 << 20
_TILE = re.compile(r"tile/([0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_LOG_KEY, _WITNESS_KEY = 0x01, 0x04


class Unreadable(Exception):
    """Something cannot be read as what it should be; the message says what."""


class Missing(Exception):
    """Something that is needed is not in the bundle; the message says what."""


class Findings:
    """What was found. `trusted` was believed without proof, `unchecked` was not looked into."""

    def __init__(self) -> None:
        self.contradictions: list[str] = []
        self.not_provable: list[str] = []
        self.trusted: list[str] = []
        self.unchecked: list[str] = []
        self.verified: list[str] = []
        self.number = 0

    def contradict(self, what: str) -> None:
        self.number += 1
        if len(self.contradictions) < MOST_NAMED:
            self.contradictions.append(what)

    def not_shown(self, what: str) -> None:
        if len(self.not_provable) < MOST_NAMED:
            self.not_provable.append(what)

    @property
    def verdict(self) -> str:
        if self.number:
            return "contradicted"
        return "not provable" if self.not_provable else "verified"


# The bundle


class Folder:
    """A bundle as a folder. Links that lead out of it are refused."""

    def __init__(self, path: Path) -> None:
        self._root = path.resolve()

    def has(self, name: str) -> bool:
        return self._file(name).is_file()

    def open(self, name: str) -> BinaryIO:
        file = self._file(name)
        if not file.is_file():
            raise Missing(f"{name} is not in the bundle")
        return file.open("rb")

    def _file(self, name: str) -> Path:
        file = (self._root / _plain(name)).resolve()
        if self._root not in file.parents:
            raise Unreadable(f"{name!r} leads out of the bundle")
        return file


class Zip:
    """A bundle as a zip, read in place. Names that lead out, twice the same name and zip bombs are refused."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        packed = unpacked = 0
        for info in self._archive.infolist():
            name = _plain(info.filename)
            if name in self._infos:
                raise Unreadable(f"{name!r} is in the zip twice")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise Unreadable(f"{name!r} is a link")
            packed, unpacked = packed + info.compress_size, unpacked + info.file_size
            self._infos[name] = info
        if unpacked > _RATIO * packed + _FREE:
            raise Unreadable("the zip unpacks to far more than a bundle can hold")

    def has(self, name: str) -> bool:
        return name in self._infos

    def open(self, name: str) -> BinaryIO:
        if name not in self._infos:
            raise Missing(f"{name} is not in the bundle")
        return io.BufferedReader(_Bounded(self._archive.open(self._infos[name]), self._infos[name].file_size))


class _Bounded(io.RawIOBase):
    """A member of a zip, and not a byte more of it than the zip says that it has."""

    def __init__(self, source: Any, size: int) -> None:
        self._source, self._left = source, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


def _plain(name: str) -> str:
    parts = name.rstrip("/").split("/")
    if not name or name.startswith("/") or "\\" in name or ":" in parts[0] or {"", ".", ".."} & set(parts):
        raise Unreadable(f"{name!r} is not a name that a bundle may hold")
    return name


def open_bundle(path: Path) -> Any:
    """The bundle at the path; `Unreadable` for what is none."""
    if path.is_dir():
        return Folder(path)
    try:
        return Zip(path)
    except FileNotFoundError:
        raise Unreadable(f"{path} is not there") from None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise Unreadable(f"{path} is neither a folder nor a whole zip: {error}") from None


def read(bundle: Any, name: str, limit: int) -> bytes:
    """The whole file; `Unreadable` above `limit` bytes, or where a zip is damaged."""
    try:
        with bundle.open(name) as source:
            data = source.read(limit + 1)
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise Unreadable(f"{name} cannot be read: {error}") from None
    if len(data) > limit:
        raise Unreadable(f"{name} has more than {limit} bytes")
    return bytes(data)


def lines(bundle: Any, name: str) -> Iterator[bytes]:
    """The file's lines, without their newlines."""
    try:
        with bundle.open(name) as source:
            while True:
                line = source.readline(_LINE)
                if not line:
                    return
                if not line.endswith(b"\n"):
                    raise Unreadable(f"{name} has a line that does not end, or ends in the middle of one")
                yield line[:-1]
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise Unreadable(f"{name} cannot be read: {error}") from None


def json_of(text: bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(f"{what} is not JSON") from None


# Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature)


class Key(NamedTuple):
    """A verifier key: whose, its four bytes of id, its type, and whether it came with the bundle."""

    name: str
    id: bytes
    type: int
    public: Any
    text: str
    is_given: bool


class Note(NamedTuple):
    """A checkpoint as it was signed; nothing of it is verified."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: list[tuple[str, bytes, bytes]]
    raw: str


def key_of(text: str, is_given: bool) -> Key:
    """The key in a vkey `<name>+<id>+<base64>`; `Unreadable` for anything else."""
    name, _, rest = text.partition("+")
    id_text, _, encoded = rest.partition("+")
    try:
        typed = _base64(encoded)
        id = bytes.fromhex(id_text)
        public = Ed25519PublicKey.from_public_bytes(typed[1:])
    except ValueError:
        raise Unreadable(f"{text[:80]!r} is no verifier key") from None
    if not name or hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4] != id:
        raise Unreadable(f"the id of the verifier key {text[:80]!r} is not its own")
    if typed[0] not in (_LOG_KEY, _WITNESS_KEY):
        raise Unreadable(f"the verifier key {text[:80]!r} is of another type")
    return Key(name, id, typed[0], public, text, is_given)


def note_of(raw: str, what: str) -> Note:
    """The checkpoint in a signed note; `Unreadable` for anything else."""
    text, middle, tail = raw.rpartition("\n\n")
    text += "\n"
    try:
        head = text.split("\n")
        if not middle or not tail.endswith("\n") or len(head) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", head[1]):
            raise ValueError
        signatures = []
        for line in tail[:-1].split("\n"):
            mark, name, encoded = line.split(" ")
            signed = _base64(encoded)
            if mark != "\u2014" or len(signed) < 5:
                raise ValueError
            signatures.append((name, signed[:4], signed[4:]))
        root = _base64(head[2])
    except ValueError:
        raise Unreadable(f"{what} is no signed checkpoint") from None
    if len(root) != HASH:
        raise Unreadable(f"{what} has no root of {HASH} bytes")
    return Note(head[0], int(head[1]), root, text, signatures, raw)


def holds(key: Key, text: str, signature: bytes) -> bool:
    """Whether the signature is this key's over the checkpoint's text."""
    message = text.encode("utf-8")
    if key.type == _WITNESS_KEY:
        if len(signature) != 72:
            return False
        message = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8], "big") + message
        signature = signature[8:]
    try:
        key.public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_signed(note: Note, key: Key) -> bool:
    """Whether the key signed the note, and its signature holds."""
    own = [value for name, id, value in note.signatures if (name, id) == (key.name, key.id)]
    return bool(own) and all(holds(key, note.text, value) for value in own)


def _base64(text: str) -> bytes:
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64") from None
    if base64.b64encode(value).decode("ascii") != text:
        raise ValueError("not canonical base64")
    return value


# The tree (RFC 6962, as C2SP tlog-tiles)


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(tile: bytes) -> list[bytes]:
    """A tile's hashes, then those of each level above that it fills."""
    rows = [tile]
    while len(rows[-1]) >= 2 * HASH:
        row = rows[-1]
        pairs = range(0, len(row) - 2 * HASH + 1, 2 * HASH)
        rows.append(b"".join(node_hash(row[at : at + HASH], row[at + HASH : at + 2 * HASH]) for at in pairs))
    return rows


def tile_name(level: int, n: int, width: int) -> str:
    groups = [f"{n % 1000:03}"]
    rest = n // 1000
    while rest:
        groups.append(f"x{rest % 1000:03}")
        rest //= 1000
    return f"tile/{level}/{'/'.join(reversed(groups))}" + ("" if width == WIDTH else f".p/{width}")


class Tree:
    """The tree of the bundle's checkpoint, as far as its tiles are in the bundle."""

    def __init__(self, bundle: Any, size: int) -> None:
        self._bundle, self.size = bundle, size
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def width(self, level: int, n: int) -> int:
        """How many hashes the tile has; 0 or less where the tree has no such tile."""
        return min(WIDTH, (self.size >> (8 * level)) - n * WIDTH)

    def tile(self, level: int, n: int) -> list[bytes]:
        """The tile and the rows above it. `Missing`, or `Unreadable` when it is not as long as the tree has it."""
        if (level, n) not in self._kept:
            width = self.width(level, n)
            name = tile_name(level, n, width)
            data = read(self._bundle, name, WIDTH * HASH)
            if len(data) != width * HASH:
                raise Unreadable(f"{name} does not hold {width} hashes")
            self._kept[level, n] = fold(data)
            if len(self._kept) > 1024:
                self._kept.popitem(last=False)
        return self._kept[level, n]

    def leaf(self, index: int) -> bytes:
        n, place = divmod(index, WIDTH)
        return self.tile(0, n)[0][place * HASH : (place + 1) * HASH]

    def root(self, size: int) -> bytes:
        """The root of the first `size` leaves."""
        made, position, height = b"", size, 0
        while position:
            if position & 1:
                level, inside = divmod(height, 8)
                n, place = divmod(position - 1, WIDTH >> inside)
                node = self.tile(level, n)[inside][place * HASH : (place + 1) * HASH]
                made = node_hash(node, made) if made else node
            position, height = position >> 1, height + 1
        return made or hashlib.sha256(b"").digest()


# The check


class Check:
    """One check of one bundle."""

    def __init__(self, bundle: Any, keys: Sequence[str], checkpoints: Sequence[Path]) -> None:
        self.found = Findings()
        self._bundle, self._checkpoints = bundle, checkpoints
        self._given = [key_of(text, True) for text in keys]

    def run(self) -> Findings:
        """Everything; what keeps the rest from being checked ends it as not provable."""
        try:
            self._run()
        except (Unreadable, Missing) as error:
            self.found.not_shown(str(error))
        except Exception as error:  # noqa: BLE001  whatever a hostile bundle makes of the parsers, it proves nothing
            self.found.not_shown(f"the bundle cannot be read as one: {type(error).__name__}: {error}")
        return self.found

    def _run(self) -> None:
        self._manifest = self._read_manifest()
        self._check_files()
        self._keys = self._all_keys()
        self._log = self._log_key()
        self._head = note_of(self._text("checkpoint", _SMALL), "checkpoint")
        self._check_head()
        self._tree = Tree(self._bundle, self._head.size)
        self._check_tiles()
        self._check_entries()
        self._check_kept_checkpoints()
        for file in self._checkpoints:
            self._check_given_checkpoint(file)

    def _text(self, name: str, limit: int) -> str:
        try:
            return read(self._bundle, name, limit).decode("utf-8")
        except UnicodeDecodeError:
            raise Unreadable(f"{name} is not UTF-8") from None

    def _read_manifest(self) -> dict[str, Any]:
        manifest = json_of(read(self._bundle, "manifest.json", _MANIFEST), "manifest.json")
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise Unreadable(f"manifest.json is not of the format {FORMAT}")
        files = manifest.get("files")
        if not isinstance(files, dict) or not all(isinstance(value, str) for value in files.values()):
            raise Unreadable("manifest.json does not name the bundle's files")
        if not isinstance(manifest.get("checkpoint"), dict) or not isinstance(manifest.get("rows"), int):
            raise Unreadable("manifest.json does not say how many entries there are, and under which checkpoint")
        return manifest

    def _check_files(self) -> None:
        for name, expected in self._manifest["files"].items():
            digest = hashlib.sha256()
            try:
                with self._bundle.open(name) as source:
                    for block in iter(lambda: source.read(1 << 20), b""):
                        digest.update(block)
            except Missing as error:
                self.found.not_shown(f"{error}, though the manifest names it")
                continue
            except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
                self.found.contradict(f"{name} is damaged: {error}")
                continue
            if digest.hexdigest() != expected:
                self.found.contradict(f"{name} is not the file that the manifest names: its SHA-256 differs")
        for name in ("entries.jsonl", "indices.txt", "checkpoint", "vkeys.txt"):
            if name not in self._manifest["files"]:
                self.found.contradict(f"the manifest does not name {name}")

    def _all_keys(self) -> list[Key]:
        texts = [line.strip() for line in self._text("vkeys.txt", _SMALL).splitlines()]
        given = {key.text for key in self._given}
        kept = [key_of(text, False) for text in texts if text and not text.startswith("#") and text not in given]
        return [*self._given, *kept]

    def _log_key(self) -> Key:
        origin = self._manifest.get("origin")
        own = [key for key in self._keys if (key.name, key.type) == (origin, _LOG_KEY)]
        if not own:
            raise Missing(f"there is no verifier key of the log {origin!r}")
        if not own[0].is_given:
            self.found.trusted.append(
                f"the log's key {own[0].text}: it came with this bundle. Compare it with one that you have from"
                " elsewhere, and give that by --vkey"
            )
        return own[0]

    def _check_head(self) -> None:
        said, head = self._manifest["checkpoint"], self._head
        if not is_signed(head, self._log):
            self.found.contradict(f"the checkpoint of size {head.size} is not signed by the log's key {self._log.text}")
        if head.origin != self._manifest.get("origin"):
            self.found.contradict("the checkpoint is of another log than the manifest says")
        if (said.get("size"), said.get("root")) != (head.size, head.root.hex()):
            self.found.contradict("the manifest names another checkpoint than the one in the bundle")
        self._check_cosignatures(head)

    def _check_cosignatures(self, note: Note) -> None:
        known = {(key.name, key.id): key for key in self._keys if key.type == _WITNESS_KEY}
        for name, id, value in note.signatures:
            key = known.get((name, id))
            if key is None:
                if (name, id) != (self._log.name, self._log.id):
                    self.found.unchecked.append(f"size {note.size} is signed by {name} as well, whose key is not here")
            elif not holds(key, note.text, value):
                self.found.contradict(f"the cosignature of {name} under size {note.size} does not hold")
            else:
                self.found.verified.append(f"{name} cosigned size {note.size}")
                if not key.is_given:
                    self.found.trusted.append(f"the key of the witness {key.text}: it came with this bundle")

    def _check_tiles(self) -> None:
        """Each tile hashes to what the tile above holds of it, and the edge makes the root that was signed."""
        tiles = 0
        for name in self._manifest["files"]:
            if name.startswith("tile/"):
                self._check_tile(name)
                tiles += 1
        try:
            made = self._tree.root(self._head.size)
        except Missing as error:
            self.found.not_shown(f"{error}: the tree's root cannot be made")
            return
        except Unreadable as error:
            self.found.contradict(f"{error}: the tree's root cannot be made")
            return
        if made != self._head.root:
            self.found.contradict(f"the tiles make the root {made.hex()}; {self._head.root.hex()} was signed")
        else:
            self.found.verified.append(f"{tiles} tiles make the root of {self._head.size} leaves that the log signed")

    def _check_tile(self, name: str) -> None:
        match = _TILE.fullmatch(name)
        if match is None:
            self.found.contradict(f"{name!r} is the name of no tile")
            return
        level, n = int(match.group(1)), int(match.group(2).replace("x", "").replace("/", ""))
        width = self._tree.width(level, n)
        if width < 1 or name != tile_name(level, n, width):
            self.found.contradict(f"{name} is no tile of a tree of {self._head.size} leaves")
            return
        try:
            rows = self._tree.tile(level, n)
            if width == WIDTH:
                place = n % WIDTH * HASH
                above = self._tree.tile(level + 1, n // WIDTH)[0][place : place + HASH]
                if rows[8] != above:
                    self.found.contradict(f"{name} does not hash to what the tile above it holds")
        except Missing as error:
            self.found.not_shown(f"{error}: {name} cannot be tied to the root")
        except Unreadable as error:
            self.found.contradict(str(error))

    def _check_entries(self) -> None:
        """Each entry is the leaf at its index, and of the system and the time that the manifest says."""
        manifest, seen, rows = self._manifest, _Seen(), 0
        first = last = ""
        indices = lines(self._bundle, "indices.txt")
        payloads = _Payloads(self._bundle, self.found) if manifest.get("redaction") == "none" else None
        for entry in lines(self._bundle, "entries.jsonl"):
            rows += 1
            index = self._index(next(indices, b""), rows)
            facts = self._entry(entry, rows, index)
            if not seen.add(index):
                self.found.contradict(f"line {rows} of indices.txt claims leaf {index} a second time")
            id = facts.get("id", "")
            if id and id <= last:
                self.found.contradict(f"entry {id} is not in order, or stands there twice")
            first, last = first or id, id or last
            if payloads is not None:
                payloads.check(id, facts.get("payloads"))
        if next(indices, None) is not None:
            self.found.contradict("indices.txt has more lines than entries.jsonl")
        if (rows, first or None, last or None) != (manifest["rows"], manifest.get("first_id"), manifest.get("last_id")):
            self.found.contradict(f"the manifest says {manifest['rows']} entries, or others than these {rows}")
        if not self.found.number and rows:
            self.found.verified.append(
                f"{rows} entries are leaves of the tree; from the first to the last of them it has {seen.span} leaves"
            )
        if payloads is not None:
            payloads.end()
        else:
            self.found.verified.append("no personal data is in this bundle; the entries hold hashes of it")

    def _index(self, line: bytes, row: int) -> int:
        if not re.fullmatch(rb"0|[1-9][0-9]{0,18}", line):
            raise Unreadable(f"line {row} of indices.txt is no leaf index")
        return int(line)

    def _entry(self, entry: bytes, row: int, index: int) -> dict[str, Any]:
        try:
            facts = json_of(entry, f"entry {row}")
            if not isinstance(facts, dict) or not isinstance(facts.get("id"), str):
                raise Unreadable(f"entry {row} is no entry")
            name = facts["id"]
        except Unreadable as error:
            self.found.contradict(str(error))
            facts, name = {}, f"in line {row}"
        if not 0 <= index < self._head.size:
            self.found.contradict(f"entry {name} claims leaf {index} of a tree of {self._head.size}")
            return facts
        try:
            if self._tree.leaf(index) != hashlib.sha256(b"\x00" + entry).digest():
                self.found.contradict(f"entry {name} is not what the log has as leaf {index}")
        except Missing as error:
            self.found.not_shown(f"{error}: entry {name} cannot be tied to the tree")
        except Unreadable as error:
            self.found.contradict(str(error))
        system = self._manifest.get("system")
        if facts and system and facts.get("system") != system:
            self.found.contradict(f"entry {name} is of {facts.get('system')!r}, not of {system!r}")
        since, until = self._manifest.get("since"), self._manifest.get("until")
        # Both are written alike (UTC, to the millisecond), so that the order of the words is that of the times.
        if facts and since and until and not str(since) <= str(facts.get("at")) < str(until):
            self.found.contradict(f"entry {name} is not of the time that the manifest says")
        return facts

    def _check_kept_checkpoints(self) -> None:
        """The log's earlier checkpoints are of the same history."""
        if not self._bundle.has("checkpoints.txt"):
            return
        blocks = self._text("checkpoints.txt", _NOTES).split("\n\n")
        agreed = 0
        for at in range(0, len(blocks) - 1, 2):
            note = note_of(f"{blocks[at]}\n\n{blocks[at + 1].rstrip(chr(10))}\n", "a note in checkpoints.txt")
            if not is_signed(note, self._log):
                self.found.contradict(f"the checkpoint of size {note.size} in checkpoints.txt is not signed by the log")
            else:
                agreed += self._agrees(note)
                self._check_cosignatures(note)
                self._look_for_stamp(note)
        self._look_for_stamp(self._head)
        if agreed:
            self.found.verified.append(f"{agreed} earlier checkpoints are of the same history")

    def _agrees(self, note: Note) -> bool:
        try:
            if note.size <= self._head.size and self._tree.root(note.size) == note.root:
                return True
        except (Missing, Unreadable) as error:
            self.found.not_shown(f"{error}: whether size {note.size} is of the same history")
            return False
        if note.size > self._head.size:
            self.found.not_shown(f"size {note.size} was signed after this bundle was made, which has {self._head.size}")
            return False
        self.found.contradict(
            "TWO HISTORIES: the log signed two trees that cannot both be true. Keep both of these notes:"
            f"\n\n{note.raw}\nand\n\n{self._head.raw}"
        )
        return False

    def _look_for_stamp(self, note: Note) -> None:
        """A timestamp (RFC 3161) is looked at as far as the standard library goes: whether it is of this note."""
        prefix = f"anchors/{note.size}."
        for name in self._manifest["files"]:
            if not name.startswith(prefix) or not name.endswith(".tsr"):
                continue
            stamped = f"anchors/{note.size}.note"
            try:
                imprint = hashlib.sha256(read(self._bundle, stamped, _SMALL)).digest()
                token = read(self._bundle, name, _SMALL)
                first = note_of(self._text(stamped, _SMALL), stamped)
            except (Missing, Unreadable) as error:
                self.found.not_shown(f"{error}: the timestamp {name} cannot be looked at")
                continue
            if imprint not in token or first.text != note.text:
                self.found.contradict(f"the timestamp {name} is not of the checkpoint of size {note.size}")
            else:
                self.found.unchecked.append(
                    f"the timestamp authority's own signature; with its certificate: openssl ts -verify -data {stamped}"
                    f" -in {name} -CAfile AUTHORITY.pem"
                )

    def _check_given_checkpoint(self, file: Path) -> None:
        try:
            with file.open("rb") as source:
                note = note_of(source.read(_SMALL).decode("utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise Unreadable(f"{file} cannot be read: {error}") from None
        if note.origin != self._head.origin:
            self.found.not_shown(f"{file} is of the log {note.origin!r}, not of {self._head.origin!r}")
        elif not is_signed(note, self._log):
            self.found.not_shown(f"{file} is not signed by the log's key {self._log.text}: it says nothing of this log")
        elif self._agrees(note):
            self.found.verified.append(f"{file} (size {note.size}) is of the same history")


class _Seen:
    """Which leaf indices were claimed, in few bytes however many there are."""

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._low: int | None = None
        self._high = 0

    def add(self, index: int) -> bool:
        """Whether it is the first time."""
        block = self._blocks.setdefault(index >> 12, bytearray(512))
        place, bit = index >> 3 & 511, 1 << (index & 7)
        is_new = not block[place] & bit
        block[place] |= bit
        self._low = index if self._low is None else min(self._low, index)
        self._high = max(self._high, index)
        return is_new

    @property
    def span(self) -> int:
        """From the lowest to the highest."""
        return 0 if self._low is None else self._high - self._low + 1


class _Payloads:
    """What was disclosed, beside the entries and in their order: it must be what was stored and committed to."""

    def __init__(self, bundle: Any, found: Findings) -> None:
        self._found, self._lines = found, lines(bundle, "payloads.jsonl")
        self._number = self._opened = self._unreadable = 0
        self._next = self._read()

    def check(self, entry: str, seals: Any) -> None:
        """The payloads of the entry against what it says of them."""
        left = dict(seals) if isinstance(seals, dict) else {}
        while self._next is not None and self._next.get("entry") == entry:
            self._check(self._next, left.pop(str(self._next.get("part")), None))
            self._next = self._read()
        for part in left:
            self._found.not_shown(f"the payload {part} of {entry} is not in the bundle")

    def end(self) -> None:
        """After the last entry nothing may be left."""
        if self._next is not None:
            self._found.contradict(f"line {self._number} of payloads.jsonl belongs to no entry at its place")
        self._found.verified.append(
            f"{self._opened} payloads say what the log committed to; {self._unreadable} were erased and can be read by"
            " nobody"
        )

    def _read(self) -> dict[str, Any] | None:
        line = next(self._lines, None)
        if line is None:
            return None
        self._number += 1
        said = json_of(line, f"line {self._number} of payloads.jsonl")
        return said if isinstance(said, dict) else {}

    def _check(self, said: dict[str, Any], seal: Any) -> None:
        name = f"payload {said.get('part')} of {said.get('entry')}"
        try:
            if seal is None:
                self._found.contradict(f"the {name} is none that the entry names, or stands there twice")
            elif hashlib.sha256(_base64(said["stored"])).hexdigest() != seal["sha256"]:
                self._found.contradict(f"the {name} is not what was stored")
            elif "blinding" not in said:
                self._unreadable += 1
            else:
                self._opened += 1
                content = said["text"].encode("utf-8") if "text" in said else _base64(said["content"])
                made = hashlib.sha256(b"audit/pt/v1\x00" + _base64(said["blinding"]) + content).hexdigest()
                if (made, len(content)) != (seal["commitment"], seal["bytes"]):
                    self._found.contradict(f"the {name} says something else than the log committed to")
        except (KeyError, TypeError, ValueError, AttributeError, UnicodeEncodeError):
            self._found.contradict(f"the {name} cannot be read")


def said(found: Findings, manifest: dict[str, Any]) -> dict[str, Any]:
    """The result as JSON."""
    names = ("origin", "system", "since", "until", "rows", "checkpoint", "redaction")
    about = {name: manifest.get(name) for name in names}
    return {
        "verdict": found.verdict,
        "bundle": about,
        "verified": found.verified,
        "contradictions": found.contradictions,
        "contradicted": found.number,
        "not_provable": found.not_provable,
        "trusted": _once(found.trusted),
        "unchecked": _once(found.unchecked),
    }


def in_words(found: Findings) -> str:
    """The result for people."""
    parts = [found.verdict.upper()]
    for title, items in (
        ("Contradicted", found.contradictions),
        ("Not provable here", found.not_provable),
        ("Shown", found.verified),
        ("Taken on trust", _once(found.trusted)),
        ("Not looked into", _once(found.unchecked)),
    ):
        if items:
            parts += ["", f"{title}:", *(f"  - {item}" for item in items)]
    if found.number > len(found.contradictions):
        parts.append(f"and {found.number - len(found.contradictions)} more contradictions")
    return "\n".join(parts)


def _once(items: list[str]) -> list[str]:
    return list(dict.fromkeys(items))


def main(arguments: Sequence[str] | None = None) -> int:
    """0 verified, 1 contradicted, 2 not provable here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--vkey", action="append", default=[])
    parser.add_argument("--checkpoint", action="append", default=[], type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    manifest: dict[str, Any] = {}
    try:
        check = Check(open_bundle(asked.bundle), asked.vkey, asked.checkpoint)
        found = check.run()
        manifest = getattr(check, "_manifest", {})
    except Unreadable as error:
        found = Findings()
        found.not_shown(str(error))
    text = json.dumps(said(found, manifest)) if asked.json else in_words(found)
    sys.stdout.write(text + "\n")
    return {"verified": 0, "contradicted": 1}.get(found.verdict, 2)


if __name__ == "__main__":
    sys.exit(main())
