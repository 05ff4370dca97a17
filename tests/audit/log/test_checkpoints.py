"""A checkpoint is three lines that the log signed, and has no second way of being written."""

from __future__ import annotations

import pytest

from audit.log.checkpoints import Checkpoint, CheckpointInvalid, open_checkpoint, parse_checkpoint, sign_checkpoint
from audit.log.merkle import EMPTY_ROOT
from audit.log.notes import NoteInvalid, Untrusted, parse_vkey, sign, signer_from_secret

from .trees import tree_hash
from .vectors import CHECKPOINT_15, LEAVES, LOG_VKEY, ORIGIN, VECTORS, log_signer, published

GOOD = CHECKPOINT_15.split("\n\n")[0] + "\n"


def test_a_checkpoint_is_signed_as_tessera_signs_it() -> None:
    assert log_signer().vkey == LOG_VKEY
    assert sign_checkpoint(Checkpoint(ORIGIN, 15, tree_hash(LEAVES)), log_signer()) == CHECKPOINT_15
    assert open_checkpoint(CHECKPOINT_15, parse_vkey(LOG_VKEY)) == Checkpoint(ORIGIN, 15, tree_hash(LEAVES))


@published
def test_the_published_checkpoints_are_made_again_byte_by_byte() -> None:
    for size in range(16):
        note = sign_checkpoint(Checkpoint(ORIGIN, size, tree_hash(LEAVES[:size])), log_signer())
        assert note == (VECTORS / "tlog" / f"checkpoint.{size}").read_text(encoding="utf-8")


def test_the_empty_log_has_a_checkpoint() -> None:
    assert Checkpoint("o", 0, EMPTY_ROOT).text == "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert parse_checkpoint(Checkpoint("o", 0, EMPTY_ROOT).text).size == 0


def test_extension_lines_are_read_and_never_written() -> None:
    checkpoint = parse_checkpoint(GOOD + "more\nand more\n")
    assert checkpoint.extensions == ("more", "and more")
    assert checkpoint.text == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n\n",
        GOOD[:-1],
        GOOD + "\n",
        GOOD + "more",
        GOOD + "more\n\nmore\n",
        "\n" + GOOD,
        GOOD.replace(ORIGIN, ""),
        GOOD.replace("\n15\n", "\n\n"),
        GOOD.replace("\n15\n", "\n015\n"),
        GOOD.replace("\n15\n", "\n00\n"),
        GOOD.replace("\n15\n", "\n+15\n"),
        GOOD.replace("\n15\n", "\n-15\n"),
        GOOD.replace("\n15\n", "\n 15\n"),
        GOOD.replace("\n15\n", "\n1_5\n"),
        GOOD.replace("\n15\n", "\n15.0\n"),
        GOOD.replace("\n15\n", "\n0xf\n"),
        GOOD.replace("\n15\n", "\n\u0661\u0665\n"),
        GOOD.replace("\n15\n", f"\n{2**63}\n"),
        GOOD.replace("\n15\n", f"\n{'9' * 5000}\n"),
        GOOD.replace("cs=", "ct="),
        GOOD.replace("cs=", "cs"),
        GOOD.replace("cs=", "cs= "),
        GOOD.replace("cs=", "csAA"),
        GOOD.replace("rKbD", ""),
        GOOD.replace("/1nk", "_1nk"),
        f"{ORIGIN}\n15\n",
    ],
)
def test_other_texts_are_no_checkpoint(text: str) -> None:
    with pytest.raises(CheckpointInvalid):
        parse_checkpoint(text)


def test_only_the_log_itself_signs_its_checkpoints() -> None:
    other = signer_from_secret("example.com/other", "x")
    checkpoint = parse_checkpoint(GOOD)
    with pytest.raises(CheckpointInvalid, match="signs no checkpoint"):
        sign_checkpoint(checkpoint, other)
    with pytest.raises(Untrusted):
        open_checkpoint(CHECKPOINT_15, other.verifier)
    with pytest.raises(CheckpointInvalid, match="signed by 'example"):
        open_checkpoint(sign(GOOD, other), other.verifier)
    witnessed = CHECKPOINT_15 + sign(GOOD, other).split("\n\n")[1]
    assert open_checkpoint(witnessed, parse_vkey(LOG_VKEY)) == checkpoint


def test_no_bit_of_a_signed_checkpoint_can_be_flipped() -> None:
    log = parse_vkey(LOG_VKEY)
    note = CHECKPOINT_15.encode()
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises((NoteInvalid, CheckpointInvalid)):
            open_checkpoint(bytes(changed), log)
