"""How long after a rollback's answer the gateway answers by the version returned to, while it is under load.

    python -m tests.bench.rollback_bench                                             its own product
    python -m tests.bench.rollback_bench --portal URL --gateway URL --var-dir DIR    one that runs already

Four callers decide without pause. Each round releases the newest version and rolls it back; in between Lars reinstates
it, since a rollback quarantines what it replaces. The clock starts when the answer to the POST is read; only requests
sent after that moment count. Exit code 1 when after a rollback one of them was still answered by the release before,
or when any request failed. A release is another matter: its version has stood aside, so the gateway loads it first, and
answers by the old one for as long as that takes.
"""

from __future__ import annotations

import argparse
import bisect
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from tests.bench import results
from tests.bench.doors import Door
from tests.bench.gateway_bench import INPUTS
from tests.bench.product import Product, add_options, asked_for, stop_when_told

SYSTEM, NEWEST, CALLERS = "mortgage", 3, 4
PERSON, PASSWORD = "lars", "demo"
SETTLE_SECONDS, MOST_SECONDS = 0.25, 30.0
COLUMNS = ("switch", "times", "POST p50", "p50 ms", "p99 ms", "max ms", "by the old", "old until ms", "from POST p50")
LOAD_COLUMNS = ("load", "decisions", "failed", "per s", "p50 ms", "p99 ms", "max ms")


class SwitchFailed(RuntimeError):
    """A switch did not arrive at the gateway; the message says which."""


@dataclass(frozen=True)
class Switch:
    """One release or rollback: `posted` and `read` are nanoseconds of the monotonic clock."""

    kind: str
    release: int
    version: int
    posted: int
    read: int


class Answer(NamedTuple):
    """What a caller noted; times in nanoseconds of the same clock. `status` is 0 for a broken connection."""

    sent: int
    answered: int
    status: int
    version: int | None
    release: int | None
    problem: str


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--switches", type=int, default=30)
    asked = parser.parse_args()
    stop_when_told()
    with asked_for(asked) as product:
        clean = run(product, asked.switches)
    raise SystemExit(0 if clean else 1)


# The POST answers at the commit and the gateways hear of it just after: this long (ms) the old release may answer.
SILENT_AFTER_MS = 250


def run(product: Product, rounds: int) -> bool:
    """Measure, show and write; whether nothing failed and the old release fell silent within `SILENT_AFTER_MS`."""
    about = results.conditions()
    with tempfile.TemporaryFile("w+") as file:
        with _load(product, file, rounds):
            switches = list(_rounds(product, rounds))
        file.seek(0)
        answers = sorted(Answer(*json.loads(line)) for line in file)
    rows = [_row(kind, switches, answers) for kind in ("rollback", "release")]
    load = _load_row(answers)
    results.show("Switching the version in production under load (from the POST's answer)", rows, COLUMNS, about)
    results.show("All decisions meanwhile", [load], LOAD_COLUMNS, about)
    results.write("rollback", rows, about, load=load)
    for answer in [answer for answer in answers if answer.status != 200][:5]:
        print(f"failed: {answer.status} {answer.problem}")
    return not load["failed"] and (rows[0]["old until ms"] or 0) <= SILENT_AFTER_MS


@contextmanager
def _load(product: Product, file: IO[str], rounds: int) -> Iterator[None]:
    """The callers at work for as long as the block runs; their answers end up in the file."""
    wanted = {
        "url": f"{product.gateway}/v1/systems/{SYSTEM}/decide",
        "token": product.token("decide"),
        "body": {"inputs": INPUTS | {"afam": "no"}},
        "callers": CALLERS,
        "seconds": 60 + 2 * MOST_SECONDS * rounds,
    }
    command = [sys.executable, "-m", "tests.bench.rollback_load", json.dumps(wanted)]
    # Its input is a pipe that only we hold open: it ends when we do, however that happens.
    process = subprocess.Popen(command, cwd=results.ROOT, stdin=subprocess.PIPE, stdout=file, start_new_session=True)
    try:
        time.sleep(2)
        yield
        process.communicate(timeout=60)
        if process.returncode:
            raise SwitchFailed(f"The callers ended with exit code {process.returncode}.")
    finally:
        process.kill()
        process.wait()


def _rounds(product: Product, rounds: int) -> Iterator[Switch]:
    """Release and roll back, again and again, by the product's own doors."""
    service = Door(product.portal, product.token("release"))
    person = Door(product.portal)
    person.sign_in(PERSON, PASSWORD)
    watcher = Door(product.gateway, product.token("decide"))
    system = f"/api/v1/systems/{SYSTEM}"
    for _ in range(rounds):
        if service.get(f"{system}/versions/{NEWEST}/")["state"] == "quarantined":
            person.post(f"{system}/versions/{NEWEST}/reinstate/", {"reason": "Bench: looked at, and cleared."})
        body = {"version": NEWEST, "strategy": "direct", "reason": "Bench: to be rolled back."}
        yield _switch("release", service, f"{system}/releases/", body, watcher)
        yield _switch("rollback", service, f"{system}/rollback/", {"reason": "Bench: back again."}, watcher)


def _switch(kind: str, service: Door, path: str, body: dict[str, Any], watcher: Door) -> Switch:
    """Post, wait until the gateway says that it serves the release, and let it serve that for a moment."""
    before = service.get(f"/api/v1/systems/{SYSTEM}/production/")["release"]
    posted = time.monotonic_ns()
    made = service.post(path, {**body, "expected_release": before})
    read = time.monotonic_ns()
    until = time.monotonic() + MOST_SECONDS
    while watcher.get(f"/v1/systems/{SYSTEM}/production")["release"] != made["release"]:
        if time.monotonic() > until:
            raise SwitchFailed(f"The gateway does not serve release {made['release']} after {MOST_SECONDS:.0f} s.")
        time.sleep(0.05)
    time.sleep(SETTLE_SECONDS)
    return Switch(kind, made["release"], made["version"], posted, read)


def _row(kind: str, switches: Sequence[Switch], answers: Sequence[Answer]) -> dict[str, Any]:
    """What the switches of one kind took. `answers` are in the order in which they were sent."""
    mine = [switch for switch in switches if switch.kind == kind]
    took = [_first(answers, switch, switch.read) for switch in mine]
    posts = [(switch.read - switch.posted) / 1e6 for switch in mine]
    whole = [_first(answers, switch, switch.posted) for switch in mine]
    stale = [late for switch in mine for late in _stale(answers, switch)]
    return {
        "switch": kind,
        "times": len(mine),
        "POST p50": results.quantile(posts, 0.5),
        "p50 ms": results.quantile(took, 0.5),
        "p99 ms": results.quantile(took, 0.99),
        "max ms": max(took),
        "by the old": len(stale),
        "old until ms": max(stale, default=None),
        "from POST p50": results.quantile(whole, 0.5),
        "took_ms": [round(value, 2) for value in took],
    }


def _first(answers: Sequence[Answer], switch: Switch, since: int) -> float:
    """Milliseconds from that moment to the first answer by the new release to a request sent after it."""
    sent_after = answers[bisect.bisect_right(answers, since, key=lambda answer: answer.sent) :]
    mine = (switch.release, switch.version)
    switched = [answer.answered for answer in sent_after if (answer.release, answer.version) == mine]
    if not switched:
        raise SwitchFailed(f"No answer by version {switch.version} in release {switch.release}.")
    return (min(switched) - since) / 1e6


def _stale(answers: Sequence[Answer], switch: Switch) -> list[float]:
    """For each request sent after the answer to the POST and answered by an older release: how many ms after."""
    sent_after = answers[bisect.bisect_right(answers, switch.read, key=lambda answer: answer.sent) :]
    older = (answer for answer in sent_after if answer.release is not None and answer.release < switch.release)
    return [(answer.sent - switch.read) / 1e6 for answer in older]


def _load_row(answers: Sequence[Answer]) -> dict[str, Any]:
    took = [(answer.answered - answer.sent) / 1e6 for answer in answers]
    seconds = (answers[-1].sent - answers[0].sent) / 1e9
    return {
        "load": f"{CALLERS} callers",
        "decisions": len(answers),
        "failed": sum(answer.status != 200 for answer in answers),
        "per s": len(answers) / seconds,
        "p50 ms": results.quantile(took, 0.5),
        "p99 ms": results.quantile(took, 0.99),
        "max ms": max(took),
    }


if __name__ == "__main__":
    main()
