"""Asks a witness to cosign a checkpoint, and believes nothing but its signature. Holds no state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.log.checkpoints import Checkpoint, parse_checkpoint
from audit.log.cosignatures import CosignatureVerifier, parse_cosigner_vkey
from audit.log.fields import decimal
from audit.log.notes import NoteInvalid, parse_signature_line, split_note
from audit.witnessing.calling import Answer, CallFailed, post
from audit.witnessing.protocol import ADD_CHECKPOINT, SIZE_TYPE, write_request

TIMEOUT_SECONDS = 5.0


class WitnessFailed(Exception):
    """The witness gave no cosignature that holds; the message says why. Asking again later may help."""


class WitnessContradicts(WitnessFailed):
    """The witness says that this checkpoint does not go on from what it cosigned. Asking again will not help, and
    people must look: the log was forked, or the witness is wrong."""


class WitnessAhead(WitnessFailed):
    """The witness cosigned a larger tree, of `size`. Where this log never signed one so large, it was rolled back;
    where it did, another process only asked first."""

    def __init__(self, size: int, shown: int) -> None:
        super().__init__(f"the witness cosigned {size} entries; the log shows it {shown}")
        self.size = size


@dataclass(frozen=True)
class Cosigned:
    """A verified cosignature: the line with its newline, when it was made (seconds since 1970), and the size."""

    line: str
    seconds: int
    size: int


def ask_witness(
    *,
    url: str,
    vkey: str,
    note: str,
    prove: Callable[[int], Sequence[bytes]],
    known_size: int,
    seconds: float = TIMEOUT_SECONDS,
) -> Cosigned:
    """The witness's cosignature on the signed checkpoint `note`.

    `url` is the witness's submission prefix, `prove(size)` gives the consistency proof from that size to the
    checkpoint's, and `known_size` is the size that this witness cosigned last, 0 where that is not known. When the
    witness names another size it is asked once more with that one. All of it takes at most `seconds`.
    `WitnessFailed`, of which `WitnessContradicts` and `WitnessAhead` matter; ValueError where `note` or `vkey` is
    not one.
    """
    witness = parse_cosigner_vkey(vkey)
    text = split_note(note)[0]
    checkpoint = parse_checkpoint(text)
    until = time.monotonic() + seconds
    old_size = min(known_size, checkpoint.size)
    answer = _ask(url, old_size, prove(old_size), note, until)
    if answer.status == 409:
        told = _told_size(answer, old_size, checkpoint)
        answer = _ask(url, told, prove(told), note, until)
    if answer.status != 200:
        words = f"the witness answered {answer.status}: {_excerpt(answer.body)}"
        raise WitnessContradicts(words) if answer.status == 422 else WitnessFailed(words)
    line, made = _verified_line(answer.body, witness, text)
    return Cosigned(line, made, checkpoint.size)


def _ask(url: str, old_size: int, proof: Sequence[bytes], note: str, until: float) -> Answer:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise WitnessFailed("the witness took all the time for its first answer")
    address = url.rstrip("/") + ADD_CHECKPOINT
    try:
        return post(address, write_request(old_size, proof, note), content_type="text/plain", seconds=remaining)
    except CallFailed as error:
        raise WitnessFailed(f"the witness could not be asked: {error}") from error


def _told_size(answer: Answer, old_size: int, checkpoint: Checkpoint) -> int:
    """The size that the witness cosigned last, as its 409 tells it."""
    try:
        told = decimal(answer.body.decode("ascii").removesuffix("\n"))
    except ValueError:
        told = None
    if answer.content_type.partition(";")[0].strip() != SIZE_TYPE or told is None or told == old_size:
        words = f"the witness refused the size {old_size} and named no other: {_excerpt(answer.body)}"
        # Some witnesses answer so, and not with 422, to another tree of the same size.
        raise WitnessContradicts(words) if old_size == checkpoint.size else WitnessFailed(words)
    if told > checkpoint.size:
        raise WitnessAhead(told, checkpoint.size)
    return told


def _verified_line(body: bytes, witness: CosignatureVerifier, text: str) -> tuple[str, int]:
    """The line of the witness that was asked among those in the body, and its time."""
    try:
        lines = body.decode("utf-8").splitlines(keepends=True)
        for line in lines:
            signature = parse_signature_line(line)
            if (signature.name, signature.key_id) == (witness.name, witness.key_id):
                return line, witness.verify_line(line, text)
    except (NoteInvalid, UnicodeDecodeError) as error:
        raise WitnessFailed(f"the witness's answer cannot be trusted: {error}") from None
    raise WitnessFailed(f"the answer has no cosignature of {witness.name} with the key that is known")


def _excerpt(body: bytes) -> str:
    return repr(body[:200].decode("utf-8", "replace").strip())
