"""What the gateway counts apart from the trail, and how the portal tells from it what was taken away."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import connections

from audit.completeness.queries import HOUR, Completeness, completeness
from audit.identifiers import new_id
from registry.gateway.counting import Counts
from registry.gateway.sessions import Session
from tests.databases import orm_on

from .conftest import INPUTS, TOKEN, Registry, Start, eventually

Process = tuple[subprocess.Popen[bytes], str]


def counted(registry: Registry) -> dict[tuple[str, int, str], int]:
    rows = registry.owner.execute(
        "select system, version, status, sum(requests)::int from audit_counted group by 1, 2, 3"
    ).fetchall()
    return {(system, version, status): number for system, version, status, number in rows}


@pytest.mark.anyio
async def test_each_decision_is_counted_once_by_what_its_record_says(registry: Registry, start: Start) -> None:
    async with start(registry, flush_seconds=60) as running:
        await asyncio.gather(*(running.decide() for _ in range(5)))
        await running.decide({**INPUTS, "pirat": -1})
        await running.send("{")
        await running.decide(system="car-loans")
        await running.decide(system="no.slug")
        for _ in range(3):
            await running.decide(idempotency_key="k-1")
        await running.decide({**INPUTS, "pirat": 1}, idempotency_key="k-1")
        assert counted(registry) == {}

    # A repeat under a key has no record of its own; the other body under that key was refused before any version.
    assert counted(registry) == {
        ("mortgage", 1, "answered"): 6,
        ("mortgage", 1, "refused"): 1,
        ("mortgage", 0, "refused"): 2,
        ("car-loans", 0, "refused"): 1,
        ("unknown", 0, "refused"): 1,
    }
    rows = registry.owner.execute(
        "select system, coalesce(version, 0), status, count(*)::int from audit_entry where type = 'decision'"
        " group by 1, 2, 3"
    ).fetchall()
    assert {row[:3]: row[3] for row in rows} == counted(registry)
    assert registry.one("select count(distinct (gateway, epoch)) from audit_counted") == 1


@pytest.mark.anyio
async def test_counts_wait_while_the_database_is_away(registry: Registry, start: Start) -> None:
    async with start(registry, flush_seconds=0.05, poll_seconds=0.2) as running:
        await running.decide()

        async def has_counted() -> bool:
            return counted(registry).get(("mortgage", 1, "answered")) == 1

        await eventually(has_counted, 5)
        registry.shut(True)
        assert [(await running.decide()).status_code for _ in range(3)] == [503] * 3
        await asyncio.sleep(0.3)
        registry.shut(False)

        async def has_caught_up() -> bool:
            return counted(registry).get(("mortgage", 1, "unrecorded")) == 3

        await eventually(has_caught_up, 10)
    assert counted(registry)["mortgage", 1, "answered"] == 1


@pytest.mark.anyio
async def test_an_hour_long_over_is_let_go_once_it_was_written(registry: Registry) -> None:
    counts = Counts(Session(registry.conninfo), "gateway", 60)
    old = new_id(time.time_ns() // 1_000_000 - 4 * 3_600_000)
    for entry in (old, old, new_id()):
        counts.recorded(entry, "mortgage", 1, "answered")
    assert await counts.flush() and len(counts._totals) == 1
    counts.recorded(new_id(), "mortgage", 1, "answered")
    await counts.stop()
    assert sorted(row[0] for row in registry.owner.execute("select requests from audit_counted").fetchall()) == [2, 2]


@pytest.mark.anyio
async def test_the_gateway_may_raise_its_counts_and_nothing_else(registry: Registry) -> None:
    session = Session(registry.conninfo)
    for statement in ("delete from audit_counted", "update audit_counted set hour = now()"):
        with pytest.raises(Exception, match="permission denied"):
            await session.execute(statement)
    await session.close()


@contextmanager
def portal_on(registry: Registry, blocker: Any) -> Iterator[None]:
    with blocker.unblock(), orm_on(registry.owner.info.dbname):
        yield
        connections["default"].close()


def compared(**changes: Any) -> Completeness:
    now = changes.pop("now", datetime.now(UTC))
    return completeness(now - timedelta(hours=24), now, now)


def decide(url: str, times: int) -> list[uuid.UUID]:
    headers, body = {"authorization": f"Bearer {TOKEN}"}, {"subject": "s", "inputs": INPUTS}
    with httpx.Client(headers=headers, base_url=url) as client:
        answers = [client.post("/v1/systems/mortgage/decide", json=body) for _ in range(times)]
    return [uuid.UUID(answer.json()["decision_id"]) for answer in answers]


def test_a_decision_that_a_superuser_deletes_is_named(
    registry: Registry, process: Process, django_db_blocker: Any
) -> None:
    gateway, url = process
    made = decide(url, 12)
    gateway.send_signal(signal.SIGTERM)
    gateway.wait(20)
    with portal_on(registry, django_db_blocker):
        found = compared()
        assert (found.verdict.state, found.counted, found.gaps) == ("complete", 12, [])

        registry.owner.execute("alter table audit_entry disable trigger append_only")
        registry.owner.execute("delete from audit_entry where id = any(%s)", [made[3:5]])
        found = compared()
        hour = found.tallies[0].hour
        assert found.verdict.words == "2 decisions that gateways counted are not in the trail."
        assert found.gaps[0] == (
            f"2 decisions of mortgage version 1 were counted between {hour:%H:%M} and {hour + HOUR:%H:%M} UTC"
            f" on {hour.day} {hour:%B %Y} and are not in the trail."
        )
        # One that takes another's place does not hide it.
        registry.owner.execute("update audit_entry set status = 'refused' where id = %s", [made[5]])
        assert compared().verdict.missing == 3


def test_after_a_kill_more_is_recorded_than_counted_and_never_less(
    registry: Registry, process: Process, django_db_blocker: Any
) -> None:
    gateway, url = process
    decide(url, 7)
    gateway.kill()
    gateway.wait(20)
    with portal_on(registry, django_db_blocker):
        running = compared()
        assert (running.verdict.missing, running.gaps) == (0, []) and running.tallies[0].is_running
        later = compared(now=datetime.now(UTC) + timedelta(hours=2))
        assert (later.verdict.state, later.verdict.surplus, later.verdict.missing) == ("surplus", 7, 0)
        assert "7 more decisions of mortgage version 1 are in the trail than were counted" in later.gaps[0]
        assert "up to 10 s of counting may be missing" in later.gaps[0]
