"""Counted against recorded, as pages and programs ask for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from django.test import Client

from audit.completeness.queries import completeness, completeness_verdict
from audit.records import Mode
from tests import factories

API, PAGE, LINE = "/api/v1/completeness/", "/trail/completeness/", "/trail/completeness/line/"


def count(
    owner: psycopg.Connection, requests: int, *, status: str = "answered", version: int = 1, hours_ago: int = 0
) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours_ago)
    owner.execute(
        "insert into audit_counted values ('gateway', %s, %s, 'mortgage', %s, %s, %s)",
        [uuid4(), hour, version, status, requests],
    )


def reader(*scopes: str) -> Client:
    return Client(headers={"authorization": f"Bearer {factories.make_token(*scopes)}"})


def test_by_version_and_status_and_reported_ones_apart(committed: str, owner: psycopg.Connection) -> None:
    factories.decided(1)
    factories.decided(1, mode=Mode.CANARY)
    factories.decided(2, mode=Mode.SHADOW)
    factories.refused()
    factories.decided(1, mode=Mode.REPORTED, system="elsewhere")
    count(owner, 2)
    count(owner, 1, version=2)
    count(owner, 1, version=0, status="refused")
    body = reader("read").get(API).json()
    assert body["verdict"] == {
        **{"state": "complete", "missing": 0, "surplus": 0},
        "words": "All 4 decisions that the gateways counted are in the trail.",
    }
    assert body["reported"] == {"elsewhere": 1} and body["gaps"] == []
    rows = {(row["system"], row["version"]): (row["counted"], row["recorded"]) for row in body["rows"]}
    assert rows == {
        ("mortgage", None): ({"refused": 1}, {"refused": 1}),
        ("mortgage", 1): ({"answered": 2}, {"answered": 2}),
        ("mortgage", 2): ({"answered": 1}, {"answered": 1}),
    }
    assert {row["is_running"] for row in body["rows"]} == {True}


def test_what_is_missing_is_on_the_page_the_line_and_the_integrity_page(
    committed: str, owner: psycopg.Connection, client_of
) -> None:
    factories.decided(1)
    count(owner, 13)
    count(owner, 4, hours_ago=3)
    count(owner, 2, status="unrecorded")
    browser = client_of(factories.person("auditor"))
    page = browser.get(PAGE).content.decode()
    assert "16 decisions that gateways counted are not in the trail." in page
    assert "12 decisions of mortgage version 1 were counted between" in page
    assert "2 requests could not be recorded" in page
    assert "16 decisions that gateways counted are not in the trail." in browser.get(LINE).content.decode()
    assert LINE in browser.get("/trail/integrity/").content.decode()
    daily = browser.get(f"{PAGE}?period=31", headers={"hx-request": "true"}).content.decode()
    assert "16 decisions that gateways counted" in daily and "<html" not in daily
    assert browser.get(f"{PAGE}?period=nonsense").status_code == 200


def test_two_processes_of_one_hour_are_summed_and_the_range_is_kept_to(
    committed: str, owner: psycopg.Connection
) -> None:
    for hours_ago in (0, 0, 5, 30):
        count(owner, 3, hours_ago=hours_ago)
    now = datetime.now(UTC)
    assert completeness_verdict(now - timedelta(hours=24), now).missing == 9
    assert completeness_verdict(now - timedelta(hours=40), now - timedelta(hours=25)).missing == 3
    assert completeness_verdict(now - timedelta(hours=3), now - timedelta(hours=2)).state == "nothing"


def test_a_month_dropped_under_retention_is_not_missing(committed: str, owner: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    count(owner, 3)
    owner.execute(
        "insert into audit_archive (month, rows, folder, manifest_sha256, exported_at, verified_at, dropped_at)"
        " values (%s, 3, '', sha256(''), now(), now(), now())",
        [month.date()],
    )
    since = max(month, now - timedelta(hours=24))
    found = completeness(since, now, now)
    assert (found.verdict.state, found.dropped) == ("nothing", [month])


@pytest.mark.parametrize(
    "query,status",
    [
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, 422),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422),
        ({"since": "yesterday"}, 422),
        ({"until": "2999-01-01T00:00:00Z"}, 422),
        ({"since": "2026-01-01T00:30:00Z", "until": "2026-01-02T00:00:00+14:00"}, 200),
        ({}, 200),
    ],
)
def test_ranges_that_cannot_be_compared_are_refused(api, lead, query: dict[str, str], status: int) -> None:
    assert api("read").get(API, query).status_code == status
    assert api("decide").get(API, query).status_code in (403, 422)
