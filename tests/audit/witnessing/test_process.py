"""The witness as a process: over HTTP, beside another one on the same folder, and killed at any point."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.log.checkpoints import parse_checkpoint
from audit.log.cosignatures import cosigner_from_secret
from audit.log.notes import split_note
from audit.witnessing.app import MAX_BODY_BYTES
from audit.witnessing.memory import Memory
from audit.witnessing.protocol import origin_digest
from audit.witnessing.witness import Refused, Witness

from .logs import ROOT, WITNESS_NAME, WITNESS_SECRET, Log, Running

LOG, FORK = Log(), Log(seed=2)
COSIGNER = cosigner_from_secret(WITNESS_NAME, WITNESS_SECRET)


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "witness", LOG.signer.vkey).start()
    yield running
    running.kill()


def test_the_protocol_over_http(witness: Running) -> None:
    assert witness.get("/vkey").text == f"{COSIGNER.vkey}\n"
    assert witness.get("/healthz").text == '{"ready":true,"problems":[],"contradictions":[]}'
    address = f"/{origin_digest(LOG.origin)}/checkpoint"
    assert witness.get(address).status == 404
    first = witness.add(LOG.request(0, 10))
    assert (first.status, first.content_type) == (200, "text/plain; charset=utf-8")
    assert witness.get(address).text == LOG.note(10) + first.text
    behind = witness.add(LOG.request(0, 20))
    assert (behind.status, behind.content_type, behind.text) == (409, "text/x.tlog.size", "10\n")
    assert witness.add(FORK.request(10, 10)).status == 422
    assert witness.get("/healthz").text == f'{{"ready":true,"problems":[],"contradictions":["{LOG.origin}"]}}'
    assert [witness.add(body).status for body in (b"", b"\xff", LOG.request(11, 10, []))] == [400, 400, 400]
    assert witness.add(Log("other.example/log").request(0, 1)).status == 404
    assert [witness.get(path).status for path in ("/", "/x/checkpoint", "/add-checkpoint")] == [404, 404, 405]
    assert [witness.get(path).status for path in ("/../../etc/passwd/checkpoint", "/%2e%2e%2fx/checkpoint")] == [
        404,
        404,
    ]
    assert witness.stop() in {0, -signal.SIGTERM}


def test_bodies_without_end_are_ended(witness: Running) -> None:
    assert witness.add(b"x" * (MAX_BODY_BYTES + 1)).status == 413
    assert witness.add(b"x" * MAX_BODY_BYTES).status == 400
    with socket.create_connection(("127.0.0.1", witness.port)) as slow:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nold 0")
        for _ in range(3):
            assert witness.add(b"").status == 400, "one slow client keeps nobody else waiting"
    with socket.create_connection(("127.0.0.1", witness.port)) as rude:
        rude.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert rude.recv(100).startswith(b"HTTP/1.1 400")
    assert witness.add(LOG.request(0, 5)).status == 200


def test_two_processes_on_one_folder_never_sign_two_histories(witness: Running) -> None:
    twin = Running(witness.folder, LOG.signer.vkey).start()
    signed: list[tuple[int, bytes, str]] = []

    def push(running: Running, log: Log, seed: int) -> None:
        source = random.Random(seed)
        for _ in range(40):
            seen = running.latest(LOG.origin)
            old = seen.size if seen else 0
            new = old + source.randrange(0, 3)
            if new and (reply := running.add(log.request(old, new))).status == 200:
                root = parse_checkpoint(split_note(log.note(new))[0]).root
                signed.append((new, root, reply.text))

    pushes = [(running, log) for running in (witness, twin) for log in (LOG, FORK)]
    threads = [threading.Thread(target=push, args=(*pair, seed)) for seed, pair in enumerate(pushes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    twin.kill()
    assert len(signed) > 20
    histories = [
        {(size, parse_checkpoint(split_note(log.note(size))[0]).root) for size, _, _ in signed} for log in (LOG, FORK)
    ]
    roots = {(size, root) for size, root, _ in signed}
    assert roots in histories, "every signed root is of one and the same history"


def test_killed_under_load_it_forgets_nothing_that_it_signed(witness: Running) -> None:
    source = random.Random(9)
    acknowledged = 0
    for _ in range(5):
        stop = threading.Event()
        reached = [acknowledged]

        def push(stop: threading.Event = stop, reached: list[int] = reached) -> None:
            size = reached[0]
            while not stop.is_set():
                try:
                    reply = witness.add(LOG.request(size, size + 1))
                except OSError:
                    return  # it was killed in between: unanswered, so nothing was promised
                if reply.status == 409:
                    size = int(reply.text)
                elif reply.status == 200:
                    size += 1
                    reached[0] = size

        thread = threading.Thread(target=push)
        thread.start()
        time.sleep(0.1 + source.random() / 4)
        witness.kill()
        stop.set()
        thread.join()
        assert reached[0] > acknowledged, "it was under load"
        acknowledged = reached[0]
        witness.start()
        seen = witness.latest(LOG.origin)
        assert seen is not None and acknowledged <= seen.size <= acknowledged + 1
        assert seen.root == parse_checkpoint(split_note(LOG.note(seen.size))[0]).root
        assert '"ready":true' in witness.get("/healthz").text
        assert witness.add(FORK.request(seen.size, seen.size + 1)).status == 422


ONE_BY_ONE = """
import sys
from audit.witnessing.memory import Memory
from audit.witnessing.witness import Refused, Witness
from audit.log.cosignatures import cosigner_from_secret
from tests.audit.witnessing.logs import WITNESS_NAME, WITNESS_SECRET, Log
from pathlib import Path
LOG = Log(length=10)
witness = Witness(cosigner_from_secret(WITNESS_NAME, WITNESS_SECRET), [LOG.signer.verifier], Memory(Path(sys.argv[1])))
for size in range(3):
    try:
        witness.add_checkpoint(LOG.request(size, size + 1))
    except Refused as refused:
        print("refused", refused.status, refused.text.strip(), flush=True)
    else:
        print("signed", size + 1, flush=True)
"""
STEPS = ["fsync", "rename,renameat,renameat2", "flock"]


def _can_trace() -> bool:
    strace = shutil.which("strace")
    done = strace and subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True)
    return bool(done) and done.returncode == 0


@pytest.mark.skipif(not _can_trace(), reason="strace is not there, or may not trace")
@pytest.mark.parametrize("call", STEPS)
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO"])
def test_a_fault_at_any_step_loses_nothing_that_was_signed(tmp_path: Path, call: str, fault: str) -> None:
    """As transparency-dev/tessera tries its storage: at every system call once, the process dies or the disk fails."""
    log = Log(length=10)
    for at in (1, 2, 3):
        folder = tmp_path / f"witness-{at}"
        traced = ["strace", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={at}"]
        done = subprocess.run(
            [*traced, sys.executable, "-B", "-c", ONE_BY_ONE, str(folder)], cwd=ROOT, capture_output=True, text=True
        )
        signed = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("signed")]
        assert len(signed) < 3, "the fault was met"
        assert fault.startswith("signal") or (done.returncode, "refused 503" in done.stdout) == (0, True)
        latest = Memory(folder).latest(log.origin)
        size = parse_checkpoint(split_note(latest)[0]).size if latest else 0
        assert max(signed, default=0) <= size, (done.stdout, done.stderr)
        again = Witness(COSIGNER, [log.signer.verifier], Memory(folder))
        assert again.problems() == [] and again.add_checkpoint(log.request(size, size + 1))
        with pytest.raises(Refused):
            again.add_checkpoint(FORK.request(size + 1, size + 2))


@pytest.mark.parametrize(
    "environment,words",
    [
        ({"WITNESS_NAME": ""}, "Set WITNESS_NAME"),
        ({"WITNESS_NAME": "a b"}, "cannot be the name of a key"),
        ({"WITNESS_LOGS": ""}, "Set WITNESS_LOGS or WITNESS_LOGS_FILE"),
        ({"WITNESS_LOGS": "x"}, "WITNESS_LOGS: a vkey is"),
        ({"WITNESS_LOGS_FILE": "/nowhere"}, "cannot be read"),
        ({"WITNESS_PORT": "many"}, "must be a whole number"),
        ({"WITNESS_KEY_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_it_says_what_to_set(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    good = {"WITNESS_DIR": str(tmp_path), "WITNESS_NAME": WITNESS_NAME, "WITNESS_LOGS": LOG.signer.vkey}
    done = subprocess.run(
        [sys.executable, "-m", "audit.witnessing"],
        cwd=ROOT,
        env={**os.environ, **good, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr


def test_its_key_is_made_once_and_logs_may_stand_in_a_file(tmp_path: Path) -> None:
    listed = tmp_path / "logs"
    listed.write_text(f"# the portal's\n{LOG.signer.vkey}\n\n")
    running = Running(tmp_path / "witness", WITNESS_LOGS_FILE=str(listed), WITNESS_KEY="").start()
    vkey = running.get("/vkey").text
    assert vkey.startswith(f"{WITNESS_NAME}+") and vkey != f"{COSIGNER.vkey}\n"
    assert running.add(LOG.request(0, 5)).status == 200
    running.kill()
    running.start()
    assert running.get("/vkey").text == vkey
    assert running.add(LOG.request(5, 6)).status == 200
    running.kill()
