"""Cosignatures (C2SP tlog-cosignature, cosignature/v1): a witness's word that at a time it saw nothing larger. Pure.

An Ed25519 signature (type 0x04) over the time and the whole text of the checkpoint; only v1 is spoken here.
"""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.log.fields import MAX_INT
from audit.log.notes import (
    Signature,
    Untrusted,
    check_name,
    holds,
    key_id_of,
    parse_signature_line,
    read_vkey,
    seed_from_secret,
    vkey_of,
)

COSIGNATURE_V1 = 0x04
_BYTES = 8 + 64


class CosignatureVerifier:
    """A known witness's key under its name; fit for `open_note`."""

    def __init__(self, name: str, public_key: bytes) -> None:
        self.name = check_name(name)
        self.key_id = key_id_of(name, COSIGNATURE_V1, public_key)
        self.vkey = vkey_of(name, COSIGNATURE_V1, public_key)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature, time first, is this witness's over the checkpoint's text."""
        if len(signature) != _BYTES:
            return False
        seconds = _seconds(signature)
        return seconds <= MAX_INT and holds(self._key, _message(text, seconds), signature[8:])

    def verify_line(self, line: str, checkpoint_text: str) -> int:
        """When this witness cosigned the checkpoint, in seconds since 1970.

        `NoteInvalid` where that is not a signature line, `Untrusted` where it is not this witness's.
        """
        signature = parse_signature_line(line)
        if (signature.name, signature.key_id) != (self.name, self.key_id):
            raise Untrusted(f"the line is signed by {signature.name!r}, not by {self.name!r}, or with another key")
        if not self.verify(checkpoint_text.encode("utf-8"), signature.value):
            raise Untrusted(f"the cosignature of {self.name!r} does not hold")
        return _seconds(signature.value)


class Cosigner:
    """A witness's key. It must sign nothing but cosignatures: the message does not name the witness."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = CosignatureVerifier(name, self._key.public_key().public_bytes_raw())
        self.name, self.key_id, self.vkey = self.verifier.name, self.verifier.key_id, self.verifier.vkey

    def cosign(self, checkpoint_text: str, seconds: int) -> str:
        """The signature line, with its newline, for the text of a checkpoint at a time in seconds since 1970."""
        if not 0 <= seconds <= MAX_INT:
            raise ValueError("a cosignature's time is 0..2^63-1 seconds")
        signature = self._key.sign(_message(checkpoint_text.encode("utf-8"), seconds))
        return Signature(self.name, self.key_id, struct.pack(">Q", seconds) + signature).line


def cosigner_from_secret(name: str, secret: str) -> Cosigner:
    """The cosigner whose key is kept as a secret text; its seed is made as `notes.signer_from_secret` makes it."""
    return Cosigner(name, seed_from_secret(secret))


def parse_cosigner_vkey(text: str) -> CosignatureVerifier:
    """The verifier of a witness's vkey; `NoteInvalid` for another type, or an id that does not match."""
    name, public_key = read_vkey(text, COSIGNATURE_V1)
    return CosignatureVerifier(name, public_key)


def _message(text: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (seconds, text)


def _seconds(signature: bytes) -> int:
    seconds: int = struct.unpack(">Q", signature[:8])[0]
    return seconds
