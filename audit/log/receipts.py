"""Receipts: the gateway's signed promise, given with each answer, that the entry will be in the log. Pure.

Signed by the gateway's own key, `<origin>/gateway`, never by the log's. Who holds a receipt and gets no proof of
inclusion has evidence that an entry was left out.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from audit.log.fields import base64_bytes, base64_text, decimal
from audit.log.merkle import HASH_BYTES
from audit.log.notes import NoteInvalid, NoteVerifier, Signer, open_note

_HEADER = "audit-receipt/v1"


@dataclass(frozen=True)
class Receipt:
    """What was promised: this leaf hash for this entry, at a time in ms since 1970."""

    origin: str
    entry_id: uuid.UUID
    leaf: bytes
    milliseconds: int


def receipt_key_name(origin: str) -> str:
    """The name of the key that signs the receipts of a log."""
    return f"{origin}/gateway"


def receipt_text(origin: str, entry_id: uuid.UUID, leaf: bytes, milliseconds: int) -> str:
    """The five lines that are signed."""
    return f"{_HEADER}\n{origin}\n{entry_id}\n{base64_text(leaf)}\n{milliseconds}\n"


def sign_receipt(signer: Signer, origin: str, entry_id: uuid.UUID, leaf: bytes, milliseconds: int) -> str:
    """The signed note; the signer is named `receipt_key_name(origin)`.

    It is on the way of every decision: what the gateway itself put together is not looked at again.
    """
    text = receipt_text(origin, entry_id, leaf, milliseconds)
    signature = base64_text(signer.key_id + signer.sign(text.encode("utf-8")))
    return f"{text}\n\N{EM DASH} {signer.name} {signature}\n"


def read_receipt(note: str | bytes, verifier: NoteVerifier) -> Receipt:
    """The receipt in a note that the gateway signed. `NoteInvalid` for anything else."""
    header, *fields = open_note(note, [verifier]).text[:-1].split("\n")
    if header != _HEADER or len(fields) != 4:
        raise NoteInvalid(f"a receipt is {_HEADER}, origin, entry, leaf hash and time, each on a line of its own")
    origin, entry, leaf, milliseconds = fields
    try:
        receipt = Receipt(origin, uuid.UUID(entry), base64_bytes(leaf), decimal(milliseconds))
    except ValueError as error:
        raise NoteInvalid(f"the receipt cannot be read: {error}") from None
    if receipt_key_name(origin) != verifier.name or str(receipt.entry_id) != entry or len(receipt.leaf) != HASH_BYTES:
        raise NoteInvalid("the receipt is of another log, or its entry or leaf hash is not written as it must be")
    return receipt
