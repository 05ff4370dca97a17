"""A decision, a request over HTTP, a real worker behind a real broker, a report."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.models import Entry
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


def test_a_decision_is_explained_by_a_real_worker(committed: str, worker, api) -> None:
    factories.released(1)
    decision = factories.decided()
    service = api("explain")
    started = service.post(f"/api/v1/decisions/{decision.id}/explanations/")
    assert started.status_code == 202
    deadline = time.monotonic() + 60
    while (seen := service.get(started.json()["url"]).json())["state"] in ("queued", "running"):
        assert time.monotonic() < deadline and worker.poll() is None, seen
        time.sleep(0.2)
    assert (seen["state"], seen["error"]) == ("done", None)
    assert seen["report"]["replay"]["verdict"] == "matches" and seen["report"]["completeness"] == "full"
    finished = Entry.objects.get(type="explanation.finished")
    assert finished.actor == "system:explain-worker" and finished.object == str(decision.id)
