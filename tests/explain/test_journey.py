"""A decision, a request over HTTP, a real worker behind a real broker, a report."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from audit.models import Entry
from explain.models import Explanation
from portal.supervisor.processes import Family, Program
from tests import factories

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def worker(
    broker, committed: str, process_environment: Callable[[str], dict[str, str]]
) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker on the throw-away database."""
    said: list[str] = []
    family = Family(lambda name, line: said.append(line))
    command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "--queues", "explain,default"]
    program = Program("worker", [*command, "--concurrency", "1"], process_environment(committed))
    try:
        yield family.start(program)
    except BaseException:
        print("\n".join(said))
        raise
    finally:
        family.stop()


def test_a_worker_killed_in_the_middle_is_replaced_and_the_report_comes(committed: str, worker, api) -> None:
    """The worker's child is killed while it explains, as a machine out of memory would: another takes the job again."""
    factories.released(2)
    service = api("explain")
    started = service.post(f"/api/v1/decisions/{factories.decided(2).id}/explanations/").json()
    under_way = ("Loading", "Measuring", "Checking")
    seen = wait(service, started["url"], worker, lambda seen: seen["stage"].startswith(under_way))
    assert seen["state"] == "running"
    [child] = [each for each in psutil.Process(worker.pid).children() if "isolated" not in " ".join(each.cmdline())]
    apart = child.children()
    child.kill()
    done = wait(service, started["url"], worker, lambda seen: seen["state"] in ("done", "failed"))
    assert done["state"] == "done" and done["report"]["completeness"] == "full"
    assert Explanation.objects.get().attempts == 2
    # The process that explained for the killed one did not stay behind.
    _, alive = psutil.wait_procs(apart, timeout=5)
    assert apart and not alive


def wait(service, url: str, worker, ended: Callable[[dict], bool]) -> dict:
    deadline = time.monotonic() + 90
    while not ended(seen := service.get(url).json()):
        assert time.monotonic() < deadline and worker.poll() is None, seen
        time.sleep(0.02)
    return seen


def test_a_decision_is_explained_by_a_real_worker(committed: str, worker, api) -> None:
    factories.released(1)
    decision = factories.decided()
    service = api("explain")
    started = service.post(f"/api/v1/decisions/{decision.id}/explanations/")
    assert started.status_code == 202
    seen = wait(service, started.json()["url"], worker, lambda seen: seen["state"] in ("done", "failed"))
    assert (seen["state"], seen["error"]) == ("done", None)
    assert seen["report"]["replay"]["verdict"] == "matches" and seen["report"]["completeness"] == "full"
    finished = Entry.objects.get(type="explanation.finished")
    assert finished.actor == "system:explain-worker" and finished.object == str(decision.id)
