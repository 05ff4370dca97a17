"""A note is trusted for the keys that are known, and for nothing that is written a second way."""

from __future__ import annotations

import base64
import random

import pytest

from audit.log.notes import (
    MAX_SIGNATURES,
    NoteInvalid,
    Signature,
    Signer,
    Untrusted,
    Verifier,
    open_note,
    parse_vkey,
    sign,
    signer_from_secret,
    split_note,
)

from .vectors import seed_of

# C2SP signed-note.md
FOO_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang/mod, sumdb/note/note_test.go
NEUMANN_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NEUMANN_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

TEXT = "first\n\nsecond\n"
ALICE, BOB = signer_from_secret("example.com/alice", "a"), signer_from_secret("example.com/bob", "b")


def test_the_published_example_opens() -> None:
    opened = open_note(FOO_NOTE, [parse_vkey(FOO_VKEY)])
    assert opened.text == "This is an example message.\n"
    assert [signature.line for signature in opened.signatures] == [FOO_NOTE.split("\n\n")[1]]
    assert open_note(FOO_NOTE.encode(), [parse_vkey(FOO_VKEY)]) == opened


def test_a_note_is_signed_as_go_signs_it() -> None:
    signer = Signer("PeterNeumann", seed_of(NEUMANN_SECRET))
    assert signer.vkey == NEUMANN_VKEY == parse_vkey(NEUMANN_VKEY).vkey
    assert signer.key_id.hex() == "c74f20a3"
    assert sign(NEUMANN_TEXT, signer) == f"{NEUMANN_TEXT}\n{NEUMANN_LINE}"


def test_the_last_empty_line_ends_the_text() -> None:
    opened = open_note(sign(TEXT, ALICE), [ALICE.verifier])
    assert opened.text == TEXT


def test_a_secret_text_always_makes_the_same_key() -> None:
    assert signer_from_secret("example.com/alice", "a").vkey == ALICE.vkey
    renamed = signer_from_secret("example.com/other", "a")
    assert renamed.key_id != ALICE.key_id and renamed.sign(b"x") == ALICE.sign(b"x")
    assert signer_from_secret("example.com/alice", "b").sign(b"x") != ALICE.sign(b"x")
    with pytest.raises(ValueError, match="empty secret"):
        signer_from_secret("example.com/alice", "")


def test_unknown_keys_are_ignored_and_known_ones_told() -> None:
    note = sign(TEXT, BOB, ALICE)
    assert [signature.name for signature in open_note(note, [ALICE.verifier]).signatures] == ["example.com/alice"]
    assert len(open_note(note, [ALICE.verifier, BOB.verifier]).signatures) == 2
    with pytest.raises(Untrusted, match="no known key"):
        open_note(note, [])
    with pytest.raises(Untrusted, match="no known key"):
        open_note(note, [signer_from_secret("example.com/alice", "z").verifier])


def test_a_known_key_that_fails_refuses_the_whole_note() -> None:
    forged = Signature(BOB.name, BOB.key_id, ALICE.sign(TEXT.encode())).line
    note = sign(TEXT, ALICE) + forged
    assert open_note(note, [ALICE.verifier]).text == TEXT
    with pytest.raises(Untrusted, match="does not hold"):
        open_note(note, [ALICE.verifier, BOB.verifier])
    twice = sign(TEXT, BOB) + forged
    with pytest.raises(Untrusted, match="does not hold"):
        open_note(twice, [BOB.verifier])
    short = sign(TEXT, ALICE) + Signature(BOB.name, BOB.key_id, b"\x00").line
    with pytest.raises(Untrusted, match="does not hold"):
        open_note(short, [ALICE.verifier, BOB.verifier])


def test_a_signature_has_one_way_of_being_written() -> None:
    note = sign(TEXT, ALICE)
    respelled = note[:-3] + chr(ord(note[-3]) + 1) + note[-2:]
    assert base64.b64decode(respelled.split()[-1]) == base64.b64decode(note.split()[-1])
    with pytest.raises(Untrusted, match="does not hold"):
        open_note(respelled, [ALICE.verifier])
    assert open_note(respelled + sign(TEXT, BOB).split("\n\n")[-1], [BOB.verifier]).text == TEXT


def test_a_key_that_signed_twice_counts_once() -> None:
    note = sign(TEXT, ALICE, ALICE)
    assert len(open_note(note, [ALICE.verifier]).signatures) == 1


def test_two_keys_under_one_name_and_id_are_not_told_apart_by_guessing() -> None:
    twin = Verifier(ALICE.name, base64.b64decode(BOB.vkey.split("+", 2)[2])[1:])
    twin.key_id = ALICE.key_id
    with pytest.raises(NoteInvalid, match="have one id"):
        open_note(sign(TEXT, ALICE), [ALICE.verifier, twin])
    assert open_note(sign(TEXT, ALICE), [ALICE.verifier, ALICE.verifier]).text == TEXT


@pytest.mark.parametrize("count", [16, MAX_SIGNATURES])
def test_many_signatures_are_read(count: int) -> None:
    others = [signer_from_secret(f"example.com/{number}", "x") for number in range(count - 1)]
    assert open_note(sign(TEXT, *others, ALICE), [ALICE.verifier]).text == TEXT


def test_more_than_a_hundred_are_not() -> None:
    others = [signer_from_secret(f"example.com/{number}", "x") for number in range(MAX_SIGNATURES)]
    with pytest.raises(NoteInvalid, match="at most 100"):
        open_note(sign(TEXT, *others, ALICE), [ALICE.verifier])


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note[:-1],
        lambda note: note.replace("\n", "\r\n"),
        lambda note: note.replace("first", "fi\trst"),
        lambda note: note.replace("first", "fi\x00rst"),
        lambda note: note.replace("first", "fi\ud800rst"),
        lambda note: note + "\n",
        lambda note: note + "\n\n",
        lambda note: note.replace("\n\n— ", "\n— "),
        lambda note: note.replace("— ", "- "),
        lambda note: note.replace("— ", "—"),
        lambda note: note.replace("— ", "—  "),
        lambda note: note.replace("— ", "–\N{NO-BREAK SPACE}"),
        lambda note: note.replace("=\n", "\n"),
        lambda note: note.replace("=\n", "= \n"),
        lambda note: note.replace("=\n", "==\n"),
        lambda note: note + "— example.com/x AAAA\n",
        lambda note: note + "— example.com/x AAAAAA==\n",
        lambda note: note + "— example+com AAAAAAAA\n",
        lambda note: note + "— example\N{NO-BREAK SPACE}com AAAAAAAA\n",
        lambda note: note + "— example.com/x\n",
        lambda note: note + "plain words\n",
        lambda note: "x" * 1_000_000 + note,
        lambda note: note.encode() + b"\xff\n",
        lambda note: b"\xff" + note.encode(),
        lambda note: "",
        lambda note: "\n",
        lambda note: "\n\n",
        lambda note: "words\n\n",
    ],
)
def test_what_is_not_a_note_is_refused(change) -> None:
    note = sign(TEXT, ALICE)
    with pytest.raises(NoteInvalid) as refused:
        open_note(change(note), [ALICE.verifier])
    assert not isinstance(refused.value, Untrusted)


def test_no_bit_of_a_note_can_be_flipped() -> None:
    note = sign("one line\n", ALICE).encode()
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(NoteInvalid):
            open_note(bytes(changed), [ALICE.verifier])


def test_random_bytes_are_refused_and_never_break_the_reader() -> None:
    source = random.Random(20)
    good = sign(TEXT, ALICE).encode()
    for _ in range(2000):
        at, until = sorted(source.randrange(len(good)) for _ in range(2))
        changed = good[:at] + source.randbytes(source.randrange(6)) + good[until:]
        if changed == good:
            continue
        with pytest.raises(NoteInvalid):
            open_note(changed, [ALICE.verifier])


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "carriage\r\n", "\ud800\n"])
def test_what_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(NoteInvalid):
        sign(text, ALICE)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\nb", "a\N{NO-BREAK SPACE}b", "a\x00"])
def test_names_of_keys(name: str) -> None:
    with pytest.raises(NoteInvalid):
        signer_from_secret(name, "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        FOO_VKEY.replace("530d903a", "530d903b"),
        FOO_VKEY.replace("530d903a", "530D903A"),
        FOO_VKEY.replace("example.com/foo", "example.com/fop"),
        FOO_VKEY[:-1],
        FOO_VKEY[:-1] + "l",
        FOO_VKEY + "\n",
        FOO_VKEY + "AAAA",
        "Wit1+9b3fb2d5+BA==",
        "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        NEUMANN_SECRET,
    ],
)
def test_only_a_whole_vkey_is_one(text: str) -> None:
    with pytest.raises(NoteInvalid):
        parse_vkey(text)


def test_splitting_verifies_nothing_but_the_form() -> None:
    text, signatures = split_note(FOO_NOTE)
    assert text == "This is an example message.\n"
    assert [(signature.name, signature.key_id.hex()) for signature in signatures] == [("example.com/foo", "530d903a")]
