"""How payloads are kept: a fresh key for each entry, wrapped, and one derived key for each part. Pure.

    key       32 random bytes for each entry, wrapped with AES-256-GCM under a key-encryption key
    part key  HMAC-SHA256(key, "audit/part/v2" ‖ part ‖ 0x01), which is HKDF-Expand (RFC 5869 §2.3) of one block
    stored    AES-256-GCM(part key, nonce 0, blinding ‖ content), bound to entry and part; each key is used once

AES-GCM does not commit to its key, so the entry also holds a hiding commitment to the content: SHA-256 over a label,
32 random bytes and the content. Without the key nobody can tell what it commits to.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLINDING_BYTES = 32
KEY_BYTES = 32
_NONCE_BYTES = 12
_ZERO_NONCE = bytes(_NONCE_BYTES)
_COMMITMENT = b"audit/pt/v1\x00"
_PART = b"audit/part/v2"
_REFRESH_SECONDS = 20.0
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_INNER_PAD, _OUTER_PAD = (bytes([pad]) * (64 - KEY_BYTES) for pad in (0x36, 0x5C))


class KeyUnknown(Exception):
    """The key-encryption key that wrapped this is not among ours."""


class Unreadable(Exception):
    """The stored bytes do not open: they or their key were changed, or moved from another entry."""


class Wrapped(NamedTuple):
    """An entry's key as it is stored: which key-encryption key wrapped it (4 bytes), and the 60 bytes."""

    kek: bytes
    wrapped: bytes


class Keyring:
    """The key-encryption keys: the first wraps, all unwrap."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = {kek_id(secret): AESGCM(_kek(secret)) for secret in reversed(secrets)}
        self.current = kek_id(secrets[0])
        self._wrapping = self._keys[self.current]

    def wrap(self, key: bytes, entry: uuid.UUID) -> Wrapped:
        """The key, wrapped and bound to the entry."""
        nonce = os.urandom(_NONCE_BYTES)
        return Wrapped(self.current, nonce + self._wrapping.encrypt(nonce, key, entry.bytes))

    def unwrap(self, kept: Wrapped, entry: uuid.UUID) -> bytes:
        """The key. `KeyUnknown`, or `Unreadable` when it was changed or belongs to another entry."""
        aead = self._keys.get(kept.kek)
        if aead is None:
            raise KeyUnknown(kept.kek.hex())
        try:
            return aead.decrypt(kept.wrapped[:_NONCE_BYTES], kept.wrapped[_NONCE_BYTES:], entry.bytes)
        except InvalidTag:
            raise Unreadable(str(entry)) from None


class Keys:
    """The keyring as it stands now: read again after some seconds, so that a rotation reaches every process."""

    def __init__(self, read: Callable[[], Sequence[str]]) -> None:
        self._read = read
        self._ring = Keyring(read())
        self._read_at = time.monotonic()

    def ring(self) -> Keyring:
        """The keyring, at most 20 s old."""
        if time.monotonic() - self._read_at > _REFRESH_SECONDS:
            self.refresh()
        return self._ring

    def refresh(self) -> Keyring:
        """The keyring, read now."""
        self._ring, self._read_at = Keyring(self._read()), time.monotonic()
        return self._ring


def kek_id(secret: str) -> bytes:
    """Four bytes that name a key-encryption key without telling it."""
    return hashlib.sha256(b"countersign/kek-id\x00" + secret.encode()).digest()[:4]


def seal_part(key: bytes, entry: uuid.UUID, part: int, content: bytes) -> tuple[bytes, bytes]:
    """The bytes to store, and the commitment to the content."""
    blinding = os.urandom(BLINDING_BYTES)
    stored = AESGCM(_part_key(key, part)).encrypt(_ZERO_NONCE, blinding + content, _bound_to(entry, part))
    return stored, commitment(blinding, content)


def open_part(key: bytes, entry: uuid.UUID, part: int, stored: bytes) -> tuple[bytes, bytes]:
    """Blinding and content; `Unreadable` when the bytes were changed or belong elsewhere."""
    try:
        plain = AESGCM(_part_key(key, part)).decrypt(_ZERO_NONCE, stored, _bound_to(entry, part))
    except InvalidTag:
        raise Unreadable(f"{entry} part {part}") from None
    return plain[:BLINDING_BYTES], plain[BLINDING_BYTES:]


def commitment(blinding: bytes, content: bytes) -> bytes:
    """SHA-256(label ‖ blinding ‖ content): hides the content as long as the blinding is secret, and binds it."""
    return hashlib.sha256(_COMMITMENT + blinding + content).digest()


def _kek(secret: str) -> bytes:
    return hashlib.sha256(b"countersign/kek\x00" + secret.encode()).digest()


def _part_key(key: bytes, part: int) -> bytes:
    # HMAC-SHA256 written out (RFC 2104; the key is shorter than a block), in half of the time that a call takes.
    inner = hashlib.sha256(key.translate(_INNER) + _INNER_PAD + _PART + bytes((part, 1))).digest()
    return hashlib.sha256(key.translate(_OUTER) + _OUTER_PAD + inner).digest()


def _bound_to(entry: uuid.UUID, part: int) -> bytes:
    return entry.bytes + bytes((part,))
