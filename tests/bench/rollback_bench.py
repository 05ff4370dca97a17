"""How long after a switch's answer the last of four gateways answers by the new release, while all are under load.

    python -m tests.bench.rollback_bench                                             its own product
    python -m tests.bench.rollback_bench --portal URL --gateway URL --var-dir DIR    one that runs already

Three gateways are started beside the product's own: each a process on a port of its own, all on one database. A caller
of each decides without pause. Each round releases the newest version blue-green, which waits until every gateway has it
ready, and rolls it back; in between Lars reinstates it, since a rollback quarantines what it replaces, and the gateways
load it anew. The clock starts when the answer to the POST is read; only requests sent after that moment count. Exit
code 1 when any request failed, or an old release was heard of again after every gateway had answered by the new one.

Then, on a database of its own (`rollback_preview`): what a rollback would change, on a hundred thousand decisions.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from tests.bench import results, rollback_preview
from tests.bench.doors import Door, Refused
from tests.bench.gateway_bench import INPUTS
from tests.bench.product import Product, add_options, asked_for, stop_when_told
from tests.product import free_port

SYSTEM, NEWEST, GATEWAYS, CALLERS = "mortgage", 3, 4, 1
PERSON, PASSWORD = "lars", "demo"
SETTLE_SECONDS, MOST_SECONDS = 0.25, 30.0
COLUMNS = (
    *("switch", "times", "POST p50", "p50 ms", "p99 ms", "max ms", "first p50", "by the old", "after all", "failed"),
)
LOAD_COLUMNS = ("load", "decisions", "failed", "per s", "p50 ms", "p99 ms", "max ms")


class SwitchFailed(RuntimeError):
    """A switch did not arrive at the gateways; the message says which."""


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
    gateway: int
    problem: str


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--switches", type=int, default=50)
    parser.add_argument("--decisions", type=int, default=100_000, help="for the preview; 0 leaves it out")
    asked = parser.parse_args()
    stop_when_told()
    with asked_for(asked) as product:
        clean = run(product, asked.switches)
    if asked.decisions:
        rollback_preview.run(asked.decisions)
    raise SystemExit(0 if clean else 1)


def run(product: Product, rounds: int) -> bool:
    """Measure, show and write; whether nothing failed, and no old release came back once all had left it."""
    about = results.conditions()
    with tempfile.TemporaryFile("w+") as file, _gateways(product) as addresses:
        with _load(product, addresses, file, rounds):
            switches = list(_rounds(product, addresses, rounds))
        file.seek(0)
        answers = sorted(Answer(*json.loads(line)) for line in file)
    seen = _by_switch(switches, answers)
    rows = [_row(kind, seen) for kind in ("rollback", "release")]
    load = _load_row(answers)
    title = f"Switching the version in production under load (from the answer of the POST to the last of {GATEWAYS})"
    results.show(title, rows, COLUMNS, about)
    results.show("All decisions meanwhile", [load], LOAD_COLUMNS, about)
    results.write("rollback", rows, about, load=load, gateways=GATEWAYS)
    for answer in [answer for answer in answers if answer.status != 200][:5]:
        print(f"failed: {answer.status} {answer.problem}")
    return not load["failed"] and not any(row["after all"] for row in rows)


@contextmanager
def _gateways(product: Product) -> Iterator[list[str]]:
    """The addresses of the product's own gateway and of the others, for as long as the block runs."""
    with ExitStack() as started:
        others = [started.enter_context(_gateway(product, number)) for number in range(2, GATEWAYS + 1)]
        for address in others:
            _wait_until_healthy(address)
        yield [product.gateway, *others]


@contextmanager
def _gateway(product: Product, number: int) -> Iterator[str]:
    port = free_port()
    own = {"GATEWAY_PORT": str(port), "GATEWAY_NAME": f"gateway-{number}", "GATEWAY_HOST": "127.0.0.1"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **product.environment, **threads, **own}
    process = subprocess.Popen([sys.executable, "-m", "registry.gateway"], cwd=results.ROOT, env=environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(address: str) -> None:
    until = time.monotonic() + MOST_SECONDS
    while True:
        try:
            Door(address).get("/healthz")
            return
        except (OSError, Refused):
            if time.monotonic() > until:
                raise SwitchFailed(f"{address} is not healthy after {MOST_SECONDS:.0f} s.") from None
            time.sleep(0.1)


@contextmanager
def _load(product: Product, addresses: Sequence[str], file: IO[str], rounds: int) -> Iterator[None]:
    """The callers at work for as long as the block runs; their answers end up in the file."""
    wanted = {
        "urls": [f"{address}/v1/systems/{SYSTEM}/decide" for address in addresses],
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


def _rounds(product: Product, addresses: Sequence[str], rounds: int) -> Iterator[Switch]:
    """Release and roll back, again and again, by the product's own doors."""
    service = Door(product.portal, product.token("release"))
    person = Door(product.portal)
    person.sign_in(PERSON, PASSWORD)
    token = product.token("decide")
    watchers = [Door(address, token) for address in addresses]
    system = f"/api/v1/systems/{SYSTEM}"
    for _ in range(rounds):
        if service.get(f"{system}/versions/{NEWEST}/")["state"] == "quarantined":
            person.post(f"{system}/versions/{NEWEST}/reinstate/", {"reason": "Bench: looked at, and cleared."})
        body = {"version": NEWEST, "strategy": "blue_green", "reason": "Bench: to be rolled back."}
        yield _switch("release", service, f"{system}/releases/", body, watchers)
        yield _switch("rollback", service, f"{system}/rollback/", {"reason": "Bench: back again."}, watchers)


def _switch(kind: str, service: Door, path: str, body: dict[str, Any], watchers: Sequence[Door]) -> Switch:
    """Post, wait until every gateway says that it serves the release, and let them serve that for a moment."""
    before = service.get(f"/api/v1/systems/{SYSTEM}/production/")["release"]
    posted, made = _posted(service, path, {**body, "expected_release": before})
    read = time.monotonic_ns()
    until = time.monotonic() + MOST_SECONDS
    for watcher in watchers:
        while watcher.get(f"/v1/systems/{SYSTEM}/production")["release"] != made["release"]:
            if time.monotonic() > until:
                raise SwitchFailed(f"A gateway does not serve release {made['release']} after {MOST_SECONDS:.0f} s.")
            time.sleep(0.05)
    time.sleep(SETTLE_SECONDS)
    return Switch(kind, made["release"], made["version"], posted, read)


def _posted(service: Door, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """When it was posted, and the answer; asked again while a gateway does not have the version ready."""
    until = time.monotonic() + MOST_SECONDS
    while True:
        posted = time.monotonic_ns()
        try:
            return posted, service.post(path, body)
        except Refused as refused:
            if "not_ready" not in str(refused) or time.monotonic() > until:
                raise
        time.sleep(0.1)


def _by_switch(switches: Sequence[Switch], answers: Sequence[Answer]) -> list[tuple[Switch, Sequence[Answer]]]:
    """Each switch with the answers to what was sent after its own answer and before the next one was posted.

    `answers` are in the order in which they were sent. A caller that waits long for one answer has few of them.
    """
    ends = [*(switch.posted for switch in switches[1:]), answers[-1].sent]
    places = [
        [bisect.bisect_right(answers, moment, key=lambda answer: answer.sent) for moment in (switch.read, end)]
        for switch, end in zip(switches, ends, strict=True)
    ]
    return [(switch, answers[first:last]) for switch, (first, last) in zip(switches, places, strict=True)]


def _row(kind: str, seen: Sequence[tuple[Switch, Sequence[Answer]]]) -> dict[str, Any]:
    """What the switches of one kind took."""
    mine = [(switch, answers, _firsts(switch, answers)) for switch, answers in seen if switch.kind == kind]
    took = [(max(firsts) - switch.read) / 1e6 for switch, _, firsts in mine]
    soonest = [(min(firsts) - switch.read) / 1e6 for switch, _, firsts in mine]
    posts = [(switch.read - switch.posted) / 1e6 for switch, _, _ in mine]
    old = [
        (answer, max(firsts))
        for switch, answers, firsts in mine
        for answer in answers
        if answer.release is not None and answer.release < switch.release
    ]
    return {
        "switch": kind,
        "times": len(mine),
        "POST p50": results.quantile(posts, 0.5),
        "p50 ms": results.quantile(took, 0.5),
        "p99 ms": results.quantile(took, 0.99),
        "max ms": max(took),
        "first p50": results.quantile(soonest, 0.5),
        "by the old": len(old),
        "after all": sum(answer.sent > last for answer, last in old),
        "failed": sum(answer.status != 200 for _, answers, _ in mine for answer in answers),
        "took_ms": [round(value, 2) for value in took],
    }


def _firsts(switch: Switch, answers: Sequence[Answer]) -> list[int]:
    """For each gateway, when its first answer by the new release came."""
    found: dict[int, int] = {}
    for answer in answers:
        if (answer.release, answer.version) == (switch.release, switch.version):
            found.setdefault(answer.gateway, answer.answered)
    for gateway in range(GATEWAYS):
        if gateway not in found:
            said = [(answer.status, answer.release) for answer in answers if answer.gateway == gateway]
            raise SwitchFailed(f"Gateway {gateway + 1} never answered by release {switch.release}, but {said[-5:]}.")
    return [*found.values()]


def _load_row(answers: Sequence[Answer]) -> dict[str, Any]:
    took = [(answer.answered - answer.sent) / 1e6 for answer in answers]
    seconds = (answers[-1].sent - answers[0].sent) / 1e9
    return {
        "load": f"{CALLERS * GATEWAYS} callers",
        "decisions": len(answers),
        "failed": sum(answer.status != 200 for answer in answers),
        "per s": len(answers) / seconds,
        "p50 ms": results.quantile(took, 0.5),
        "p99 ms": results.quantile(took, 0.99),
        "max ms": max(took),
    }


if __name__ == "__main__":
    main()
