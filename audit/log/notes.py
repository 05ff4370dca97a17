"""Signed notes (C2SP signed-note): a text, an empty line, and signatures by named Ed25519 keys. Pure.

Other signature types bring their own verifier: it has a name and a key id, and answers `verify`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.log.fields import base64_bytes, base64_text

ED25519 = 0x01
MAX_SIGNATURES = 100
MAX_NOTE_BYTES = 1_000_000
_KEY_ID_BYTES = 4
_MARK = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SEED_PURPOSE = b"countersign/ed25519/"


class NoteInvalid(ValueError):
    """This is no signed note, or not one to be trusted; the message says why."""


class Untrusted(NoteInvalid):
    """A note in form, but no known key signed it, or a known key's signature does not hold."""


class NoteVerifier(Protocol):
    """What `open_note` needs of a known key, whatever its signature type."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature, without key id, is this key's over the text."""


class NoteSigner(Protocol):
    """What `sign` needs of a key."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> bytes: ...

    def sign(self, text: bytes) -> bytes:
        """The signature over the text, without key id."""


@dataclass(frozen=True)
class Signature:
    """One signature line: whose it says it is, and its bytes without the key id."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """As it stands in a note, with its newline."""
        return f"{_MARK}{self.name} {base64_text(self.key_id + self.value)}\n"


@dataclass(frozen=True)
class Opened:
    """A note's text, and the signatures on it that known keys made."""

    text: str
    signatures: tuple[Signature, ...]


class Verifier:
    """A known Ed25519 key under its name."""

    def __init__(self, name: str, public_key: bytes) -> None:
        self.name = check_name(name)
        self.key_id = key_id_of(name, ED25519, public_key)
        self.vkey = vkey_of(name, ED25519, public_key)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's over the text."""
        return holds(self._key, text, signature)


class Signer:
    """An Ed25519 key that signs under a name. Signing is deterministic: one text has one signature."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())
        self.name, self.key_id, self.vkey = self.verifier.name, self.verifier.key_id, self.verifier.vkey

    def sign(self, text: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(text)


def signer_from_secret(name: str, secret: str) -> Signer:
    """The signer whose key is kept as a secret text, of any length.

    The seed is SHA-256("countersign/ed25519/" ‖ secret). The name is no part of it: a key can be given a new name,
    and two keys need two secrets.
    """
    return Signer(name, seed_from_secret(secret))


def seed_from_secret(secret: str) -> bytes:
    """32 bytes; ValueError for an empty secret, whose key everybody would know."""
    if not secret:
        raise ValueError("an empty secret makes no key")
    return hashlib.sha256(_SEED_PURPOSE + secret.encode("utf-8")).digest()


def parse_vkey(text: str) -> Verifier:
    """The verifier of `<name>+<key id>+<base64>`; `NoteInvalid` for another type, or an id that does not match."""
    name, public_key = read_vkey(text, ED25519)
    return Verifier(name, public_key)


def read_vkey(text: str, type: int) -> tuple[str, bytes]:
    """Name and 32-byte public key of a vkey of this signature type; `NoteInvalid` for any other text."""
    name, _, rest = text.partition("+")
    id_text, _, key_text = rest.partition("+")
    try:
        typed_key = base64_bytes(key_text)
    except ValueError:
        typed_key = b""
    if not typed_key:
        raise NoteInvalid("a vkey is <name>+<8 hex digits>+<base64>")
    if typed_key[:1] != bytes([type]) or len(typed_key) != 33:
        raise NoteInvalid(f"the vkey of {name[:80]!r} is not of type {type:#04x}")
    public_key = typed_key[1:]
    if vkey_of(check_name(name), type, public_key) != text:
        raise NoteInvalid(f"the key id {id_text[:8]!r} in the vkey of {name[:80]!r} is not that key's")
    return name, public_key


def vkey_of(name: str, type: int, public_key: bytes) -> str:
    """The text by which a verifier is handed on."""
    return f"{name}+{key_id_of(name, type, public_key).hex()}+{base64_text(bytes([type]) + public_key)}"


def key_id_of(name: str, type: int, public_key: bytes) -> bytes:
    """SHA-256(name ‖ newline ‖ type ‖ public key), its first 4 bytes."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([type]) + public_key).digest()[:_KEY_ID_BYTES]


def check_name(name: str) -> str:
    """The name; `NoteInvalid` for one that is empty, or holds a space, a plus or a control character."""
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise NoteInvalid(f"{name[:80]!r} cannot be the name of a key")
    return name


def holds(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 signature is the key's over the message."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def sign(text: str, *signers: NoteSigner) -> str:
    """The note: the text with each signer's line. `NoteInvalid` for a text that no note can hold."""
    message = _encoded(text)
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteInvalid("a note's text ends with a newline, and holds no other control character")
    lines = [Signature(signer.name, signer.key_id, signer.sign(message)).line for signer in signers]
    return f"{text}\n{''.join(lines)}"


def split_note(note: str | bytes) -> tuple[str, tuple[Signature, ...]]:
    """Text and signature lines, none of which is verified. `NoteInvalid` for what is not a note.

    The last empty line separates them, so the text may hold empty lines itself.
    """
    text = _decoded(note)
    if _CONTROL.search(text):
        raise NoteInvalid("a note holds no control character but newlines")
    end = text.rfind("\n\n")
    if end < 0 or not text.endswith("\n") or end + 2 == len(text):
        raise NoteInvalid("a note is a text, an empty line, and signature lines, each with its newline")
    lines = text[end + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteInvalid(f"a note has at most {MAX_SIGNATURES} signatures, not {len(lines)}")
    return text[: end + 1], tuple(map(_signature, lines))


def open_note(note: str | bytes, verifiers: Iterable[NoteVerifier]) -> Opened:
    """The note's text, with the signatures that the verifiers know and found to hold; at least one.

    `NoteInvalid` for what is not a note. `Untrusted` where no verifier's signature is there, or where one is there
    and does not hold, whatever else does. Signatures of unknown keys are ignored.
    """
    known: dict[tuple[str, bytes], NoteVerifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) is not verifier:
            raise NoteInvalid(f"two keys named {verifier.name!r} have one id")
    text, signatures = split_note(note)
    message = text.encode("utf-8")
    verified: dict[tuple[str, bytes], Signature] = {}
    for signature in signatures:
        key = (signature.name, signature.key_id)
        if key not in known:
            continue
        if not known[key].verify(message, signature.value):
            raise Untrusted(f"the signature of {signature.name!r} does not hold")
        verified.setdefault(key, signature)
    if not verified:
        raise Untrusted("no known key signed this note")
    return Opened(text, tuple(verified.values()))


def parse_signature_line(line: str) -> Signature:
    """The signature in one line with its newline, as a witness answers it; `NoteInvalid` for anything else."""
    if not line.endswith("\n") or _CONTROL.search(line) or line.count("\n") != 1:
        raise NoteInvalid("a signature is one line with its newline")
    return _signature(line[:-1])


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise NoteInvalid("a signature line is not <em dash> <name> <base64>") from None
    if not line.startswith(_MARK) or len(decoded) <= _KEY_ID_BYTES:
        raise NoteInvalid("a signature line is not <em dash> <name> <base64>")
    # A second way of writing a signature is none that holds; an unknown key may write as it likes.
    value = decoded[_KEY_ID_BYTES:] if base64_text(decoded) == encoded else b""
    return Signature(check_name(name), decoded[:_KEY_ID_BYTES], value)


def _decoded(note: str | bytes) -> str:
    encoded = _encoded(note) if isinstance(note, str) else note
    if len(encoded) > MAX_NOTE_BYTES:
        raise NoteInvalid(f"a note has at most {MAX_NOTE_BYTES} bytes, not {len(encoded)}")
    try:
        return note if isinstance(note, str) else note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteInvalid(f"a note is UTF-8 (byte {error.start} is not)") from None


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise NoteInvalid("a note holds no half of a surrogate pair") from None
