"""Proof files (C2SP tlog-proof v1, `.tlog-proof`): one entry's place in the log, to be checked offline. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.log.checkpoints import Checkpoint, CheckpointInvalid, open_checkpoint
from audit.log.cosignatures import CosignatureVerifier
from audit.log.fields import base64_bytes, base64_text, decimal
from audit.log.merkle import HASH_BYTES, verify_inclusion
from audit.log.notes import NoteInvalid, NoteVerifier, split_note

MAX_HASHES = 63
_HEADER = "c2sp.org/tlog-proof@v1"


class ProofInvalid(ValueError):
    """The text is no proof, or proves something else; the message says why."""


@dataclass(frozen=True)
class Proof:
    """What a proof file says; nothing of it is verified. `extra` is never signed."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: str
    extra: bytes | None = None


@dataclass(frozen=True)
class Proven:
    """The entry at `index` is in the log at this checkpoint; witnesses cosigned it at these seconds since 1970."""

    index: int
    checkpoint: Checkpoint
    cosigned: dict[str, int] = field(default_factory=dict)


def write_proof(index: int, hashes: Sequence[bytes], checkpoint_note: str, extra: bytes | None = None) -> str:
    """The proof file."""
    lines = [_HEADER]
    if extra is not None:
        lines.append(f"extra {base64_text(extra)}")
    lines += [f"index {index}", *map(base64_text, hashes), "", checkpoint_note]
    return "\n".join(lines)


def read_proof(text: str) -> Proof:
    """What the file says, unverified. `ProofInvalid` for anything but the format."""
    head, empty_line, note = text.partition("\n\n")
    lines = head.split("\n")
    if not empty_line or lines.pop(0) != _HEADER:
        raise ProofInvalid(f"a proof begins with the line {_HEADER}, and holds a checkpoint after an empty line")
    try:
        extra = base64_bytes(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise ProofInvalid("a proof names the entry's index")
        index = decimal(lines.pop(0).removeprefix("index "))
        hashes = tuple(map(base64_bytes, lines))
    except ProofInvalid:
        raise
    except ValueError as error:
        raise ProofInvalid(f"the proof cannot be read: {error}") from None
    if len(hashes) > MAX_HASHES or any(len(value) != HASH_BYTES for value in hashes):
        raise ProofInvalid(f"a proof has at most {MAX_HASHES} hashes of {HASH_BYTES} bytes")
    return Proof(index, hashes, note, extra)


def check_proof(text: str, *, leaf: bytes, log: NoteVerifier, witnesses: Sequence[CosignatureVerifier] = ()) -> Proven:
    """Where the leaf hash stands in the log, by whose checkpoint, and which of the witnesses cosigned that.

    `ProofInvalid` where it is not the log's checkpoint, where a known witness's line does not hold, or where the
    leaf is not at the index. How many witnesses are enough is the caller's to say.
    """
    proof = read_proof(text)
    try:
        checkpoint = open_checkpoint(proof.checkpoint_note, log)
        cosigned = _cosigned(proof.checkpoint_note, witnesses)
    except (NoteInvalid, CheckpointInvalid) as error:
        raise ProofInvalid(f"the checkpoint cannot be trusted: {error}") from None
    fits = verify_inclusion(
        index=proof.index, size=checkpoint.size, leaf=leaf, proof=proof.hashes, root=checkpoint.root
    )
    if not fits:
        raise ProofInvalid(f"the leaf is not entry {proof.index} of the {checkpoint.size} in this checkpoint")
    return Proven(proof.index, checkpoint, cosigned)


def _cosigned(note: str, witnesses: Sequence[CosignatureVerifier]) -> dict[str, int]:
    known = {(witness.name, witness.key_id): witness for witness in witnesses}
    text, signatures = split_note(note)
    cosigned = {}
    for signature in signatures:
        witness = known.get((signature.name, signature.key_id))
        if witness is not None:
            cosigned[witness.name] = witness.verify_line(signature.line, text)
    return cosigned
