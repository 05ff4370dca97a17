"""A gateway says what it serves and keeps loaded: soon, about every second, and no longer than it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from .conftest import Registry, Start, eventually

pytestmark = pytest.mark.anyio


def says(registry: Registry, check: Callable[[dict[str, Any]], object]) -> Callable[[], Any]:
    """Whether there is one report, and it is as the check wants it."""

    async def look() -> bool:
        reports = registry.reports()
        return len(reports) == 1 and bool(check(reports[0]))

    return look


async def test_it_says_what_it_serves_and_keeps_loaded(registry: Registry, start: Start) -> None:
    async with start(registry, name="north", host="10.0.0.7", port=8011):
        await eventually(says(registry, lambda said: said["warm"] == {"mortgage": {"1": "", "2": ""}}), 3)
        [said] = registry.reports()
    digest = registry.one("select artifact_sha256 from registry_version where number = 1")
    assert (said["name"], said["address"]) == ("north", "10.0.0.7:8011")
    assert said["serves"] == {"mortgage": {"release": 1, "version": 1, "artifact_sha256": digest}}
    assert said["started_at"] <= said["seen_at"]
    assert registry.reports() == []  # it has stopped


async def test_a_swap_and_a_failed_load_are_said_at_once(
    registry: Registry, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.gateway.reporting.REPORT_SECONDS", 60)
    async with start(registry, poll_seconds=60):
        await eventually(says(registry, lambda said: said["warm"]["mortgage"].get("2") == ""), 3)
        registry.release(2)
        await eventually(says(registry, lambda said: said["serves"]["mortgage"]["release"] == 2), 1)
        registry.version(3, keep=False)
        registry.move(3, "submitted")
        registry.move(3, "approved")
        missing = "it cannot be loaded: the file"
        await eventually(says(registry, lambda said: missing in said["warm"]["mortgage"].get("3", "")), 1)


async def test_it_is_seen_about_every_second_by_the_databases_clock(registry: Registry, start: Start) -> None:
    async with start(registry):
        await eventually(says(registry, lambda said: True), 2)
        first = registry.reports()[0]["seen_at"]
        await asyncio.sleep(2.2)
        last = registry.reports()[0]["seen_at"]
        now = registry.one("select now()")
    assert timedelta(seconds=0.9) < last - first < timedelta(seconds=2.3)
    assert now - last < timedelta(seconds=1.5)


async def test_each_process_has_a_row_and_sweeps_those_of_the_long_gone(registry: Registry, start: Start) -> None:
    for name, minutes in (("killed", 61), ("paused", 59)):
        registry.owner.execute(
            "insert into registry_gatewayreport"
            " values (gen_random_uuid(), %s, '', now(), now() - %s * interval '1 min', '{}', '{}')",
            [name, minutes],
        )

    async def both() -> bool:
        return {said["name"] for said in registry.reports()} == {"paused", "one", "two"}

    async with start(registry, name="one"), start(registry, name="two"):
        await eventually(both, 3)
    assert [said["name"] for said in registry.reports()] == ["paused"]


async def test_reports_come_back_with_the_database(registry: Registry, start: Start) -> None:
    async with start(registry, poll_seconds=0.2):
        await eventually(says(registry, lambda said: said["serves"]), 3)
        registry.shut(True)
        await asyncio.sleep(0.3)
        registry.owner.execute("delete from registry_gatewayreport")
        registry.shut(False)
        await eventually(says(registry, lambda said: said["serves"]), 6)


async def test_without_a_database_it_stops_all_the_same(registry: Registry, start: Start) -> None:
    async with start(registry):
        await eventually(says(registry, lambda said: said["serves"]), 3)
        registry.shut(True)
    registry.shut(False)
    assert len(registry.reports()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "insert into registry_gatewayreport values (gen_random_uuid(), 'x', '', now(), now(), '{}', '{}')",
        "update registry_gatewayreport set seen_at = now()",
    ],
)
async def test_the_portal_cannot_speak_for_a_gateway(registry: Registry, statement: str) -> None:
    with psycopg.connect(make_conninfo(registry.conninfo, user="countersign_app")) as portal:
        assert portal.execute("select count(*) from registry_gatewayreport").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            portal.execute(statement)
