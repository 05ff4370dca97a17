"""A receipt is the gateway's promise, and nobody else's."""

from __future__ import annotations

import uuid

import pytest

from audit.log.notes import NoteInvalid, Untrusted, sign, signer_from_secret
from audit.log.receipts import Receipt, read_receipt, receipt_key_name, receipt_text, sign_receipt

ORIGIN = "countersign.example/trail"
ENTRY = uuid.UUID("019a0000-0000-7000-8000-000000000001")
LEAF = bytes(range(32))
GATEWAY = signer_from_secret(receipt_key_name(ORIGIN), "gateway's secret")
TEXT = (
    "audit-receipt/v1\ncountersign.example/trail\n019a0000-0000-7000-8000-000000000001\n"
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n1763900000123\n"
)


def test_a_receipt_is_a_note_of_the_gateways_key() -> None:
    assert receipt_text(ORIGIN, ENTRY, LEAF, 1_763_900_000_123) == TEXT
    note = sign_receipt(GATEWAY, ORIGIN, ENTRY, LEAF, 1_763_900_000_123)
    assert note == sign(TEXT, GATEWAY)
    assert GATEWAY.name == "countersign.example/trail/gateway"
    assert read_receipt(note, GATEWAY.verifier) == Receipt(ORIGIN, ENTRY, LEAF, 1_763_900_000_123)


def test_another_key_or_another_log_is_refused() -> None:
    note = sign_receipt(GATEWAY, ORIGIN, ENTRY, LEAF, 1)
    with pytest.raises(Untrusted):
        read_receipt(note, signer_from_secret(GATEWAY.name, "x").verifier)
    with pytest.raises(NoteInvalid, match="another log"):
        read_receipt(sign_receipt(GATEWAY, "other.example", ENTRY, LEAF, 1), GATEWAY.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "audit-receipt/v1\n",
        TEXT.replace("/v1", "/v2"),
        TEXT + "more\n",
        TEXT.replace("019a0000-", "019A0000-"),
        TEXT.replace("-", ""),
        TEXT.replace("019a0000", "hello"),
        TEXT.replace("AAEC", ""),
        TEXT.replace("Hh8=", "Hh9="),
        TEXT.replace("1763", "01763"),
        TEXT.replace("1763", "-1763"),
        "\n",
    ],
)
def test_a_signed_text_that_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        read_receipt(sign(text, GATEWAY), GATEWAY.verifier)


def test_no_bit_of_a_receipt_can_be_flipped() -> None:
    note = sign_receipt(GATEWAY, ORIGIN, ENTRY, LEAF, 1_763_900_000_123).encode()
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(NoteInvalid):
            read_receipt(bytes(changed), GATEWAY.verifier)
