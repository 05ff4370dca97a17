"""How many reported decisions a second are recorded durably, beside COPY of the same rows into the same tables.

    python -m tests.bench.intake_bench [--rows 100000] [--profile]

Its own PostgreSQL in a directory of its own. Four ways, each with its rate as a share of the first:

copy       the finished rows of all four tables, each table by one COPY, one commit: nothing is parsed or encrypted
report     the whole way from bytes of lines to verdicts: parsed, checked, claimed, encrypted, hashed, chained, copied
post       the same through the endpoint, by Django's own client: what a sender of large bodies gets
repeat     the same bodies once more: everything is found, nothing written

`ours µs` is processor time of our own process for each row, which other processes disturb least.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import results
from tests.bench.gateway_bench import INPUTS, database
from tests.bench.product import stop_when_told

COLUMNS = ("way", "rows", "seconds", "per s", "of copy", "µs a row", "ours µs")
BODY_LINES = 20_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true", help="where the time of `report` goes (slower)")
    asked = parser.parse_args(arguments)
    stop_when_told()
    about = results.conditions()
    with portal() as folder:
        rows = list(measured(folder, asked.rows, asked.profile))
    results.show("Reported decisions, durable", rows, COLUMNS, about)
    results.write("intake", rows, about)


@contextmanager
def portal() -> Iterator[Path]:
    """A migrated database of our own, and Django set up on it."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        os.environ.pop("DATABASE_URL", None)
        os.environ.pop("EMBEDDED_DATABASE", None)
        os.environ |= {"VAR_DIR": folder, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "portal.settings"}
        with database(Path(folder), dict(os.environ)):
            # `up` makes it; WhiteNoise warns where it is not there.
            (Path(folder) / "static").mkdir(exist_ok=True)
            from django.db import connections

            import portal.wsgi  # noqa: F401  it sets Django up, and the collector as the web's processes have it

            yield Path(folder)
            connections.close_all()
    # Results go where they went before.
    os.environ.clear()
    os.environ.update(before)


def measured(folder: Path, number: int, is_profiled: bool) -> Iterator[dict[str, Any]]:
    """Each way in turn, with rows of its own; `repeat` comes with those of `post`."""
    yield timed("copy", number, copying(folder, lines_of("copy", number)))
    copied = _last["copy"]
    for name, way in (("report", report(lines_of("report", number))), ("post", post(lines_of("post", number)))):
        with profiled(is_profiled and name == "report"):
            yield {**timed(name, number, way), "of copy": share(name, copied)}
    yield {**timed("repeat", number, post(lines_of("post", number))), "of copy": share("repeat", copied)}


def lines_of(name: str, number: int) -> list[bytes]:
    """As a bank's scoring service would send them: twelve inputs, a label and a score."""
    said = {"system": "mortgage", "version": 2, "inputs": INPUTS, "at": "2026-11-01T10:00:00Z", "latency_ms": 1.9}
    return [
        json.dumps(
            {
                **said,
                "request_id": f"{name}-{row}",
                "subject": f"applicant-{row}",
                "output": {"label": "deny", "score": round(0.5 + row / (4 * number), 6)},
            }
        ).encode()
        for row in range(number)
    ]


def copying(folder: Path, lines: list[bytes]) -> Callable[[], None]:
    """One COPY for each table, of rows that are ready."""
    from django.conf import settings
    from django.utils import timezone

    from audit.chain import first_place, link
    from audit.intake.lines import read_line
    from audit.keys import keyring
    from audit.records import decision_draft
    from audit.writing import ENTRY_COPY, ENTRY_TYPES, copied_entry, other_copies
    from portal.embedded import postgres

    read = [read_line(line, caller="service:bench", now=timezone.now()) for line in lines]
    ring = keyring()
    drafts = [decision_draft(one.facts, subject_key=settings.SUBJECT_KEY, keyring=ring, at=one.at) for one in read]
    records, _ = link(drafts, first_place("bench"))
    copies = [(ENTRY_COPY, ENTRY_TYPES, [copied_entry(record) for record in records]), *other_copies(records)]

    def copy() -> None:
        with postgres.owner_connection(folder) as owner, owner.transaction(), owner.cursor() as cursor:
            for statement, types, rows in copies:
                with cursor.copy(statement) as one:
                    if types:
                        one.set_types(types)
                    for row in rows:
                        one.write_row(row)

    return copy


def report(lines: list[bytes]) -> Callable[[], None]:
    """As the endpoint does it, without the endpoint."""
    from django.utils import timezone

    from audit.intake import services
    from audit.intake.lines import read_line
    from audit.intake.rest import CHUNK_LINES
    from portal.accounts.access import Scope, actor_for_service

    actor = actor_for_service("bench", frozenset({Scope.REPORT}))

    def write() -> None:
        for start in range(0, len(lines), CHUNK_LINES):
            now = timezone.now()
            read = [read_line(line, caller=actor.label, now=now) for line in lines[start : start + CHUNK_LINES]]
            services.report_decisions(actor=actor, reported=read)

    return write


def post(lines: list[bytes]) -> Callable[[], None]:
    """Bodies of some thousand lines, one after the other."""
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from portal.accounts.access import actor_for_process
    from portal.accounts.services import issue_token

    settings.ALLOWED_HOSTS = ["testserver"]
    who, now = actor_for_process("bench"), timezone.now()
    token = issue_token(name=f"bench-{now.timestamp()}", scopes=["report"], actor=who, now=now)
    client = Client(headers={"authorization": f"Bearer {token}"})
    bodies = [b"\n".join(lines[start : start + BODY_LINES]) for start in range(0, len(lines), BODY_LINES)]

    def send() -> None:
        for body in bodies:
            answer = client.post("/api/v1/decisions/", body, content_type="application/x-ndjson")
            assert answer.status_code == 200 and not answer.json()["rejected"], answer.content[:500]

    return send


_last: dict[str, float] = {}


def timed(name: str, number: int, way: Callable[[], None]) -> dict[str, Any]:
    """The row of the table."""
    started, busy = time.perf_counter(), time.process_time()
    way()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    _last[name] = seconds
    each = {"µs a row": seconds / number * 1e6, "ours µs": busy / number * 1e6}
    return {"way": name, "rows": number, "seconds": seconds, "per s": number / seconds, **each}


def share(name: str, copied: float) -> str:
    """The rate as a share of plain COPY's."""
    return f"{copied / _last[name]:.2f}"


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print where the time goes."""
    if not wanted:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
