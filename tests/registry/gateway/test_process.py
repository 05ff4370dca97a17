"""The gateway as a process of its own: what it imports, that it serves, and that it stops without losing anything."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from .conftest import INPUTS, ROOT, TOKEN, Registry


def test_it_imports_no_django() -> None:
    code = "import registry.gateway.app, sys; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_stop_finishes_what_is_under_way_and_every_answer_has_its_record(
    registry: Registry, process: tuple[subprocess.Popen[bytes], str]
) -> None:
    started, url = process
    body = {"subject": "s", "inputs": INPUTS}

    def ask(_: int) -> list[str]:
        ids: list[str] = []
        with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}) as client:
            for _ in range(10_000):
                try:
                    answer = client.post(f"{url}/v1/systems/mortgage/decide", json=body)
                except httpx.TransportError:
                    return ids
                assert answer.status_code == 200
                ids.append(answer.json()["decision_id"])
        return ids

    with ThreadPoolExecutor(4) as callers:
        waiting = [callers.submit(ask, number) for number in range(4)]
        time.sleep(1)
        started.send_signal(signal.SIGTERM)
        answered = [decision for done in waiting for decision in done.result()]

    assert started.wait(10) in (0, -signal.SIGTERM)
    rows = registry.owner.execute("select id::text from audit_entry where status = 'answered'").fetchall()
    assert len(answered) > 20
    assert set(answered) <= {row[0] for row in rows}
