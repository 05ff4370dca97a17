"""A witness cosigns what goes on from what it cosigned, and nothing else (C2SP tlog-witness)."""

from __future__ import annotations

import base64
import fcntl
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.log.checkpoints import Checkpoint, parse_checkpoint
from audit.log.cosignatures import cosigner_from_secret
from audit.log.merkle import EMPTY_ROOT
from audit.log.notes import Verifier, open_note, sign, signer_from_secret
from audit.witnessing.memory import Memory
from audit.witnessing.protocol import SIZE_TYPE, origin_digest, write_request
from audit.witnessing.witness import Refused, Witness

from ..log.vectors import VECTORS, published
from .logs import WITNESS_NAME, WITNESS_SECRET, Log

COSIGNER = cosigner_from_secret(WITNESS_NAME, WITNESS_SECRET)
LOG, FORK = Log(), Log(seed=2)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "witness")


@pytest.fixture
def witness(memory: Memory) -> Witness:
    return Witness(COSIGNER, [LOG.signer.verifier], memory, now=lambda: 1_700_000_000.9)


def refusal(witness: Witness, body: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        witness.add_checkpoint(body)
    return refused.value


def test_it_cosigns_what_goes_on(witness: Witness, memory: Memory) -> None:
    for old, new in [(0, 1), (1, 2), (2, 2), (2, 300), (300, 3000)]:
        line = witness.add_checkpoint(LOG.request(old, new))
        text = LOG.note(new).split("\n\n")[0] + "\n"
        assert COSIGNER.verifier.verify_line(line, text) == 1_700_000_000
        kept = memory.latest(LOG.origin)
        assert kept == LOG.note(new) + line == witness.latest(origin_digest(LOG.origin))
        assert len(open_note(kept, [LOG.signer.verifier, COSIGNER.verifier]).signatures) == 2


def test_it_tells_the_size_that_it_saw_last(witness: Witness) -> None:
    witness.add_checkpoint(LOG.request(0, 100))
    for old, new in [(0, 200), (99, 200), (101, 200), (0, 50), (0, 100)]:
        refused = refusal(witness, LOG.request(old, new))
        assert (refused.status, refused.text, refused.content_type) == (409, "100\n", SIZE_TYPE)


def test_it_never_signs_a_fork_and_keeps_the_proof_of_one(witness: Witness, memory: Memory) -> None:
    witness.add_checkpoint(LOG.request(0, 100))
    assert refusal(witness, FORK.request(100, 200)).status == 422
    assert refusal(witness, write_request(100, LOG.proof(100, 200), FORK.note(200))).status == 422
    assert witness.contradictions() == []
    same_size = refusal(witness, FORK.request(100, 100))
    assert same_size.status == 422 and "another tree of this size" in same_size.text
    assert witness.contradictions() == [LOG.origin]
    assert memory.contradiction(LOG.origin) == FORK.note(100)
    refusal(witness, write_request(100, [], Log(seed=3).note(100)))
    assert memory.contradiction(LOG.origin) == FORK.note(100)
    assert parse_checkpoint(witness.latest(origin_digest(LOG.origin)).split("\n\n")[0] + "\n").size == 100
    assert witness.add_checkpoint(LOG.request(100, 200))


def test_a_proof_is_whole_and_nothing_more(witness: Witness) -> None:
    proof = LOG.proof(100, 200)
    assert refusal(witness, LOG.request(0, 100, [bytes(32)])).status == 422
    witness.add_checkpoint(LOG.request(0, 100))
    for bad in ([], proof[:-1], [*proof, bytes(32)], proof[::-1]):
        refused = refusal(witness, LOG.request(100, 200, bad))
        assert refused.status == 422 and "consistency proof" in refused.text
    assert refusal(witness, LOG.request(100, 100, [bytes(32)])).status == 422


def test_the_empty_log_is_the_empty_tree(witness: Witness) -> None:
    empty = sign(Checkpoint(LOG.origin, 0, EMPTY_ROOT).text, LOG.signer)
    wrong = sign(Checkpoint(LOG.origin, 0, bytes(32)).text, LOG.signer)
    assert refusal(witness, write_request(0, [], wrong)).status == 422
    assert witness.add_checkpoint(write_request(0, [], empty))
    assert refusal(witness, write_request(0, [], wrong)).status == 422
    assert witness.add_checkpoint(LOG.request(0, 5))


def test_logs_are_known_by_their_keys(witness: Witness) -> None:
    stranger = Log("other.example/log")
    assert refusal(witness, stranger.request(0, 5)).status == 404
    forger = signer_from_secret(LOG.origin, "another key")
    text = LOG.note(5).split("\n\n")[0] + "\n"
    assert refusal(witness, write_request(0, [], sign(text, forger))).status == 403
    forged = LOG.note(5).replace(LOG.note(5).split(" ")[-1][8:20], "A" * 12)
    assert refusal(witness, write_request(0, [], forged)).status == 403
    assert witness.add_checkpoint(write_request(0, [], sign(text, forger, LOG.signer)))
    with pytest.raises(Refused, match="nothing was cosigned"):
        witness.latest(origin_digest(stranger.origin))


def test_a_log_may_change_its_key(memory: Memory) -> None:
    renewed = signer_from_secret(LOG.origin, "the next key")
    witness = Witness(COSIGNER, [LOG.signer.verifier, renewed.verifier], memory)
    witness.add_checkpoint(LOG.request(0, 5))
    text = LOG.note(9).split("\n\n")[0] + "\n"
    witness.add_checkpoint(write_request(5, LOG.proof(5, 9), sign(text, renewed)))
    retired = Witness(COSIGNER, [renewed.verifier], memory)
    assert refusal(retired, LOG.request(9, 10)).status == 403
    assert retired.problems() == []


def test_logs_do_not_mix(memory: Memory) -> None:
    other = Log("other.example/log", seed=5)
    witness = Witness(COSIGNER, [LOG.signer.verifier, other.signer.verifier], memory)
    witness.add_checkpoint(LOG.request(0, 100))
    assert witness.add_checkpoint(other.request(0, 7))
    assert refusal(witness, other.request(100, 200)).text == "7\n"


def test_times_never_go_back(memory: Memory) -> None:
    clock = [2000.0]
    witness = Witness(COSIGNER, [LOG.signer.verifier], memory, now=lambda: clock[0])
    assert _time(witness.add_checkpoint(LOG.request(0, 1)), 1) == 2000
    clock[0] = 500.0
    assert _time(witness.add_checkpoint(LOG.request(1, 2)), 2) == 2000
    clock[0] = 2001.0
    assert _time(witness.add_checkpoint(LOG.request(2, 2)), 2) == 2001


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"",
        lambda body: b"\n\n",
        lambda body: body[:-1],
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: body.replace(b"old 4", b"old 04"),
        lambda body: body.replace(b"old 4", b"old -4"),
        lambda body: body.replace(b"old 4", b"old 4 "),
        lambda body: body.replace(b"old 4", b"old"),
        lambda body: body.replace(b"old 4", b"new 4"),
        lambda body: body.replace(b"old 4", b"old " + b"4" * 5000),
        lambda body: body.replace(b"old 4", b"old 10"),
        lambda body: body.replace(b"old 4", b"old 4\nAAAA"),
        lambda body: body.replace(b"old 4", b"old 4\n" + b"A" * 43),
        lambda body: body.replace(b"old 4\n", b"old 4\n" + b"\n".join([base64.b64encode(bytes(32))] * 64) + b"\n"),
        lambda body: body.replace(b"\n9\n", b"\n09\n"),
        lambda body: body.replace(b"\n9\n", b"\n\n"),
        lambda body: body.replace("— ".encode(), b"- "),
        lambda body: body + b"\n",
        lambda body: body.replace(b"log.example", b"log\x00example"),
        lambda body: b"\xff" + body,
        lambda body: body + b"\xff\n",
    ],
)
def test_what_is_no_request_is_told_so(witness: Witness, change: Callable[[bytes], bytes]) -> None:
    witness.add_checkpoint(LOG.request(0, 4))
    assert refusal(witness, change(LOG.request(4, 9))).status == 400
    assert witness.add_checkpoint(LOG.request(4, 9))


def test_no_changed_request_is_cosigned_for_what_the_log_did_not_sign(witness: Witness) -> None:
    witness.add_checkpoint(LOG.request(0, 4))
    body, source = LOG.request(4, 9), random.Random(4)
    for _ in range(1500):
        at, until = sorted(source.randrange(len(body)) for _ in range(2))
        changed = body[:at] + source.randbytes(source.randrange(5)) + body[until:]
        if changed != body:
            assert refusal(witness, changed).status in {400, 403, 404, 409, 422}
    for bit in range(len(body) * 8):
        flipped = bytearray(body)
        flipped[bit // 8] ^= 1 << (bit % 8)
        assert refusal(witness, bytes(flipped)).status in {400, 403, 404, 409, 422}


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: file.write_text(""),
        lambda file: file.write_bytes(file.read_bytes()[:-40]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"\n100\n", b"\n10\n")),
        lambda file: file.write_bytes(b"\xff\xfe"),
        lambda file: file.write_text(LOG.note(10)),
        lambda file: file.write_text(LOG.note(10) + cosigner_from_secret(WITNESS_NAME, "x").cosign("x\n", 1)),
        lambda file: (file.unlink(), file.mkdir()),
        lambda file: file.unlink(),
    ],
)
def test_it_signs_nothing_when_its_memory_was_harmed(
    witness: Witness, tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    witness.add_checkpoint(LOG.request(0, 100))
    harm(tmp_path / "witness" / f"{origin_digest(LOG.origin)}.checkpoint")
    for body in (LOG.request(100, 200), LOG.request(0, 200), LOG.request(10, 200)):
        assert refusal(witness, body).status == 503
    assert len(witness.problems()) == 1 and LOG.origin in witness.problems()[0]


def test_another_logs_file_in_its_place_is_noticed(memory: Memory, tmp_path: Path) -> None:
    other = Log("other.example/log", seed=5)
    witness = Witness(COSIGNER, [LOG.signer.verifier, other.signer.verifier], memory)
    witness.add_checkpoint(LOG.request(0, 100))
    witness.add_checkpoint(other.request(0, 7))
    folder = tmp_path / "witness"
    there, here = (folder / f"{origin_digest(log.origin)}.checkpoint" for log in (other, LOG))
    here.write_bytes(there.read_bytes())
    assert refusal(witness, LOG.request(7, 200)).status == 503


def test_a_folder_that_is_taken_away_is_not_begun_anew(witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(LOG.request(0, 100))
    folder = tmp_path / "witness"
    folder.rename(tmp_path / "away")
    folder.mkdir()
    assert refusal(witness, FORK.request(0, 50)).text == "100\n"
    for file in (tmp_path / "away").iterdir():
        file.unlink()
    (tmp_path / "away").rmdir()
    assert refusal(witness, FORK.request(0, 50)).status == 503


def test_a_stopped_process_holds_up_the_others_but_not_for_ever(
    witness: Witness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.add_checkpoint(LOG.request(0, 5))
    monkeypatch.setattr("audit.witnessing.memory.LOCK_SECONDS", 0.2)
    with open(tmp_path / "witness" / f"{origin_digest(LOG.origin)}.lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refusal(witness, LOG.request(5, 6)).status == 503
    assert witness.add_checkpoint(LOG.request(5, 6))


def test_what_a_killed_process_left_half_written_is_written_over(witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(LOG.request(0, 100))
    left = tmp_path / "witness" / f"{origin_digest(LOG.origin)}.checkpoint.new"
    left.write_text("half of a no")
    assert witness.add_checkpoint(LOG.request(100, 200))
    assert not left.exists() and witness.problems() == []


def test_the_memory_is_for_its_owner_alone(witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(LOG.request(0, 100))
    folder = tmp_path / "witness"
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {file.stat().st_mode & 0o077 for file in folder.iterdir()} == {0}


def test_what_cannot_be_kept_is_not_signed(witness: Witness, tmp_path: Path) -> None:
    in_the_way = tmp_path / "witness" / f"{origin_digest(LOG.origin)}.checkpoint.new"
    in_the_way.mkdir()
    assert refusal(witness, LOG.request(0, 100)).status == 503
    in_the_way.rmdir()
    assert witness.add_checkpoint(FORK.request(0, 100)), "nothing was signed before, so any history may begin"


@published
def test_the_published_exchange(tmp_path: Path) -> None:
    """Torchwood's litewitness, whose answers these are. To an unknown log it says 403; the specification says 404."""
    script = (VECTORS / "witness" / "litewitness.txt").read_text(encoding="utf-8")
    key = bytes.fromhex(re.findall(r"add-sigsum-log -key=([0-9a-f]{64})", script)[0])
    origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
    verifier = Verifier(origin, key)
    assert verifier.key_id.hex() == "5202289b"
    witness = Witness(COSIGNER, [verifier], Memory(tmp_path / "litewitness"))
    exchanges = re.findall(
        r"POST \S+\n```\n(.*?)```\nHTTP (\d+)\n\[Asserts\]\nbody (==|contains) \"(.*?)\"\n", script, re.DOTALL
    )
    assert len(exchanges) == 9
    for body, status, how, words in exchanges:
        expected = 404 if words == "unknown log" else int(status)
        if expected == 200:
            line = witness.add_checkpoint(body.encode())
            assert COSIGNER.verifier.verify_line(line, body.split("\n\n")[1] + "\n")
            continue
        refused = refusal(witness, body.encode())
        assert refused.status == expected
        assert (refused.text == words.replace("\\n", "\n")) if how == "==" else (words in refused.text)


def _time(line: str, size: int) -> int:
    return COSIGNER.verifier.verify_line(line, LOG.note(size).split("\n\n")[0] + "\n")
