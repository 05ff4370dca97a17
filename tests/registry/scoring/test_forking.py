"""Programs are forked from a process that has the libraries and nothing else; whoever dies, the next one works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from registry.scoring import sandbox
from registry.scoring.confined import LIBRARIES
from registry.scoring.forking import PROJECT, ForkServer, server

from .captured import TAKEN_OVER

Run = Callable[..., dict[str, Any]]
SAY = "import json, os, random, sys, time, numpy\nsay = lambda **what: print(json.dumps({'ok': True, **what}))\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs Python in the sandbox; gives what it `say`s."""

    def run(script: str, kind: str = "skops", **more: Any) -> dict[str, Any]:
        path = tmp_path / f"script{time.monotonic_ns()}"
        path.write_text(SAY + script)
        timeout_s = more.pop("timeout_s", 20.0)
        job = {"artifact": str(path), "manifest": {"model": {"format": kind}}, **more}
        return sandbox.run(TAKEN_OVER, job, timeout_s=timeout_s)

    return run


def test_it_has_every_library_and_one_thread(run: Run) -> None:
    """A second thread would not be forked along, and whatever it held would stay held."""
    for kind, names in LIBRARIES.items():
        said = run(f"say(missing=[name for name in {names!r} if name not in sys.modules])", kind)
        assert said == {"ok": True, "missing": []}
    process = psutil.Process(server.pid)
    assert process.num_threads() == 1
    assert process.open_files() == [] and process.net_connections("inet") == []


def test_it_inherits_neither_secrets_nor_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "open sesame")
    with ForkServer() as own, socket.create_server(("127.0.0.1", 0)) as ours, Path(os.devnull).open("rb") as asked:
        os.set_inheritable(ours.fileno(), True)
        program = own.start("registry.scoring.examine", "", asked.fileno(), asked.fileno())
        process = psutil.Process(own.pid)
        # An examination without a job.
        assert program.wait(30) == 1
        program.end()
        assert "SECRET_KEY" not in process.environ() and process.net_connections("inet") == []
    assert not process.is_running()


def test_one_that_was_killed_is_replaced(run: Run) -> None:
    first = run("say(server=os.getppid())")["server"]
    os.kill(first, signal.SIGKILL)
    second = run("say(server=os.getppid())")["server"]
    assert first != second == server.pid and run("say(server=os.getppid())")["server"] == second


def test_it_dies_under_a_program_and_the_answer_is_a_refusal(run: Run) -> None:
    said = run("import signal; os.kill(os.getppid(), signal.SIGKILL); time.sleep(20)")
    assert said["code"] == "artifact_too_large"
    assert run("say()") == {"ok": True}


def test_programs_side_by_side_end_each_in_its_own_way(run: Run) -> None:
    scripts = ["time.sleep(1); say(mine=1)", "os.abort()", "time.sleep(20)", "raise SystemExit(7)", "say(mine=2)"]
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(run, script, timeout_s=2.0) for script in scripts]
        said = [each.result() for each in waiting]
    assert said[0] == {"ok": True, "mine": 1} and said[4] == {"ok": True, "mine": 2}
    assert [each["code"] for each in said[1:4]] == ["artifact_unreadable", "artifact_too_slow", "artifact_unreadable"]
    assert "SIGABRT" in said[1]["message"] and "status 7" in said[3]["message"]


def test_what_a_captured_program_started_ends_with_it(run: Run) -> None:
    started = run("import subprocess; say(child=subprocess.Popen(['sleep', '60']).pid)")["child"]
    assert _is_gone(started)


SCAN = """
needle, found, kept = bytes.fromhex(job['reversed'])[::-1], 0, []
for line in open('/proc/self/maps'):
    where, rights, *_, name = line.split(maxsplit=5) + ['']
    if rights.startswith('rw') and not name.startswith('[v'):
        begin, end = (int(edge, 16) for edge in where.split('-'))
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(begin)
            kept.append(memory.read(end - begin).count(needle))
say(found=sum(kept), files=sorted(os.listdir('/proc/self/fd'))[:-1])
"""


def test_nothing_of_a_job_is_left_for_the_next(run: Run) -> None:
    secret = f"applicant-{time.monotonic_ns()}"
    reversed_hex = secret[::-1].encode().hex()
    mine = run(SCAN, reversed=reversed_hex, told=secret)
    assert mine["found"] > 1, "the search finds nothing where there is something"
    # Its own needle, as it is searched for.
    again = run(SCAN, reversed=reversed_hex)
    assert again["found"] <= 1 and again["files"] == ["0", "1", "2"]


def test_each_program_draws_its_own_numbers(run: Run) -> None:
    drawn = [run("say(drawn=[random.random(), numpy.random.rand()])")["drawn"] for _ in range(2)]
    assert drawn[0][0] != drawn[1][0] and drawn[0][1] != drawn[1][1]


WORKER = """
import json, os, signal, sys, threading, time
from pathlib import Path
from registry.scoring import sandbox
from registry.scoring.forking import server
from tests.registry.scoring.captured import TAKEN_OVER
def run(path): return sandbox.run(TAKEN_OVER, {"artifact": path, "manifest": {}})
threading.Thread(target=run, args=(sys.argv[1],), daemon=True).start()
while not (pid := Path(sys.argv[1] + ".pid")).exists() or not pid.read_text(): time.sleep(0.01)
first = server.pid
child = os.fork()
if child == 0:
    print(json.dumps([os.getppid(), first, int(pid.read_text()), run(sys.argv[2])["server"], os.getpid()]), flush=True)
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_lost_worker_leaves_nothing_behind_and_its_child_has_a_server_of_its_own(tmp_path: Path) -> None:
    sleeps, asks = tmp_path / "sleeps", tmp_path / "asks"
    sleeps.write_text(f"import os, time; open({str(sleeps)!r} + '.pid', 'w').write(str(os.getpid())); time.sleep(60)")
    asks.write_text(SAY + "say(server=os.getppid())")
    command = [sys.executable, "-c", WORKER, str(sleeps), str(asks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as worker:
        assert worker.stdout is not None
        parent, first, program, second, child = json.loads(worker.stdout.readline())
        assert parent == worker.pid and first != second
        os.kill(worker.pid, signal.SIGKILL)
        try:
            assert _is_gone(first) and _is_gone(program)
            # The fork lives on, and so does what it uses.
            assert psutil.pid_exists(child) and psutil.pid_exists(second)
        finally:
            os.kill(child, signal.SIGKILL)
    assert _is_gone(second)


def _is_gone(pid: int) -> bool:
    """Whether it ends within ten seconds, or is dead and only waits to be collected by somebody."""
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
