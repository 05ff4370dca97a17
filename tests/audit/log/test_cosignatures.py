"""A cosignature says when a witness saw a checkpoint, and is good for no other one."""

from __future__ import annotations

import pytest

from audit.log.cosignatures import CosignatureVerifier, Cosigner, cosigner_from_secret, parse_cosigner_vkey
from audit.log.notes import NoteInvalid, Signer, Untrusted, open_note, parse_vkey

from .vectors import CHECKPOINT_15, LOG_VKEY, seed_of

WITNESS_SECRET = "PRIVATE+KEY+Wit1+55ee4561+AeadRiG7XM4XiieCHzD8lxysXMwcViy5nYsoXURWGrlE"
WITNESS = Cosigner("Wit1", seed_of(WITNESS_SECRET))
TEXT = CHECKPOINT_15.split("\n\n")[0] + "\n"
LINE = (
    "— Wit1 mz+y1QAAAABlU/EAYEDMPd8Ge7XzsHcNU+F3AzavfsuzhRT3gC4BORiySViMAWQq5znn5g+ruu+iDztzMS3EeF6xr4ug+O66ORoSAw==\n"
)


def test_the_line_is_the_published_one() -> None:
    assert Signer("Wit1", seed_of(WITNESS_SECRET)).key_id.hex() == "55ee4561"
    assert WITNESS.key_id.hex() == "9b3fb2d5"
    assert WITNESS.cosign(TEXT, 1_700_000_000) == LINE
    assert WITNESS.verifier.verify_line(LINE, TEXT) == 1_700_000_000


def test_a_checkpoint_with_a_cosignature_opens_for_log_and_witness() -> None:
    opened = open_note(CHECKPOINT_15 + LINE, [parse_vkey(LOG_VKEY), WITNESS.verifier])
    assert [signature.name for signature in opened.signatures] == ["example.com/log/testdata", "Wit1"]
    with pytest.raises(Untrusted, match="does not hold"):
        open_note(CHECKPOINT_15.replace("\n15\n", "\n14\n") + LINE, [WITNESS.verifier])


def test_a_vkey_carries_the_witness() -> None:
    verifier = parse_cosigner_vkey(WITNESS.vkey)
    assert isinstance(verifier, CosignatureVerifier) and verifier.verify_line(LINE, TEXT) == 1_700_000_000
    with pytest.raises(NoteInvalid, match="type 0x01"):
        parse_vkey(WITNESS.vkey)
    with pytest.raises(NoteInvalid, match="type 0x04"):
        parse_cosigner_vkey(LOG_VKEY)


def test_no_bit_of_line_or_checkpoint_can_be_flipped() -> None:
    for text, changed_line in [(TEXT, True), (LINE, False)]:
        encoded = (LINE if changed_line else TEXT).encode()
        for bit in range(len(encoded) * 8):
            changed = bytearray(encoded)
            changed[bit // 8] ^= 1 << (bit % 8)
            try:
                words = changed.decode()
            except UnicodeDecodeError:
                continue
            line, checkpoint = (words, text) if changed_line else (LINE, words)
            with pytest.raises(NoteInvalid):
                WITNESS.verifier.verify_line(line, checkpoint)


def test_another_witness_and_another_time_are_refused() -> None:
    other = cosigner_from_secret("Wit2", "x")
    with pytest.raises(Untrusted, match="signed by 'Wit1'"):
        other.verifier.verify_line(LINE, TEXT)
    renamed = cosigner_from_secret("Wit1", "x")
    with pytest.raises(Untrusted, match="with another key"):
        renamed.verifier.verify_line(LINE, TEXT)
    for bad in [LINE[:-1], LINE + LINE, "", "\n", "— Wit1 mz+y1Q==\n"]:
        with pytest.raises(NoteInvalid):
            WITNESS.verifier.verify_line(bad, TEXT)
    for seconds in (-1, 2**63):
        with pytest.raises(ValueError, match="seconds"):
            WITNESS.cosign(TEXT, seconds)
    assert WITNESS.verifier.verify_line(WITNESS.cosign(TEXT, 2**63 - 1), TEXT) == 2**63 - 1
