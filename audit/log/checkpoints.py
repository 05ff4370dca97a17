"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of the log, as the text of a signed note. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from audit.log.fields import base64_bytes, base64_text, decimal
from audit.log.merkle import HASH_BYTES
from audit.log.notes import NoteSigner, NoteVerifier, open_note, sign


class CheckpointInvalid(ValueError):
    """The text is no checkpoint, or not of the log that is asked for; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log. Extension lines are kept from what was read, and never written."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The three lines that the log signs."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text, whoever signed it. `CheckpointInvalid` for anything else."""
    origin, size, root, *extensions = _lines(text)
    try:
        checkpoint = Checkpoint(origin, decimal(size), base64_bytes(root), tuple(extensions))
    except ValueError as error:
        raise CheckpointInvalid(f"the checkpoint's second line is its size, its third its root: {error}") from None
    if len(checkpoint.root) != HASH_BYTES:
        raise CheckpointInvalid(f"the root has {len(checkpoint.root)} bytes, not {HASH_BYTES}")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The signed note. `CheckpointInvalid` where the signer is not named as the log."""
    if signer.name != checkpoint.origin:
        raise CheckpointInvalid(f"{signer.name!r} signs no checkpoint of {checkpoint.origin!r}")
    return sign(checkpoint.text, signer)


def open_checkpoint(note: str | bytes, log: NoteVerifier) -> Checkpoint:
    """The checkpoint in a note that the log itself signed; other signatures are not looked at.

    `NoteInvalid` or `Untrusted` for the note, `CheckpointInvalid` for its text or another origin.
    """
    checkpoint = parse_checkpoint(open_note(note, [log]).text)
    if checkpoint.origin != log.name:
        raise CheckpointInvalid(f"the checkpoint is of {checkpoint.origin!r}, signed by {log.name!r}")
    return checkpoint


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    if lines.pop() or len(lines) < 3 or not all(lines):
        raise CheckpointInvalid("a checkpoint is origin, size and root, each on a line of its own")
    return lines
