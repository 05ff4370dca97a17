"""The words between a log and its witnesses (C2SP tlog-witness), as both sides write and read them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from audit.log.fields import base64_bytes, base64_text, decimal
from audit.log.merkle import HASH_BYTES

ADD_CHECKPOINT = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
MAX_PROOF_LINES = 63


class RequestInvalid(ValueError):
    """The body is no add-checkpoint request; the message says why."""


@dataclass(frozen=True)
class AddCheckpoint:
    """A request to cosign a checkpoint; nothing of it is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str


def write_request(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of an add-checkpoint request."""
    return "\n".join([f"old {old_size}", *map(base64_text, proof), "", note]).encode("utf-8")


def read_request(body: bytes) -> AddCheckpoint:
    """What the body asks, unverified. `RequestInvalid` for anything but the format."""
    try:
        head, empty_line, note = body.decode("utf-8").partition("\n\n")
        first, *lines = head.split("\n")
        if not empty_line or not first.startswith("old "):
            raise RequestInvalid("a request is an old size, a proof, an empty line and a checkpoint")
        old_size = decimal(first.removeprefix("old "))
        proof = tuple(map(base64_bytes, lines))
    except RequestInvalid:
        raise
    except ValueError as error:
        raise RequestInvalid(f"the request cannot be read: {error}") from None
    if len(proof) > MAX_PROOF_LINES or any(len(value) != HASH_BYTES for value in proof):
        raise RequestInvalid(f"a consistency proof has at most {MAX_PROOF_LINES} hashes of {HASH_BYTES} bytes")
    return AddCheckpoint(old_size, proof, note)


def origin_digest(origin: str) -> str:
    """SHA-256 of the origin in hex: how a witness names a log in addresses."""
    return hashlib.sha256(origin.encode("utf-8")).hexdigest()
