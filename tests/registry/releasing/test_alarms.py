"""Everybody sees at once when a gateway answers by something else, or something is live that nobody approved."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.models import Release, System
from registry.queries import current_release
from registry.releasing.alarms import alarms, alarms_for
from registry.releasing.gateways import pointer_of
from tests.factories import person, released

from .conftest import Says
from .test_readiness import break_glass, metrics


def words() -> list[str]:
    return [alarm.words for alarm in alarms()]


def release_ago(number: int, seconds: float) -> Release:
    """A release of that version, made so many seconds ago."""
    moment = timezone.now() - timedelta(seconds=seconds)
    with mock.patch("tests.factories.timezone.now", return_value=moment):
        return released(number)


@pytest.fixture
def live(system: System, lead) -> Release:
    """Version 2, for a minute, in release 2."""
    release_ago(1, 120)
    return release_ago(2, 60)


def test_a_gateway_that_follows_is_no_alarm(live: Release, gateway: Says) -> None:
    gateway("north", serves=live)
    assert words() == []


def test_a_gateway_on_an_older_release_is_named_with_what_is_live(live: Release, gateway: Says) -> None:
    first = live.system.releases.get(number=1)
    gateway("north", serves=live)
    gateway("south", serves=first, warm={2: "it cannot be loaded: the file 1f2e… is missing from the store"})
    assert words() == [
        "Mortgage: gateway south (south.example:8001) serves version 1, release 1; live is version 2, release 2 "
        "(it cannot be loaded: the file 1f2e… is missing from the store)."
    ]
    gateway("west", serves={})
    assert any("gateway west (west.example:8001) serves no version; live is" in line for line in words())
    assert 'countersign_gateway_off_pointer{system="mortgage"} 2.0' in metrics()


@pytest.mark.parametrize("change", [{"version": 1}, {"artifact_sha256": "0" * 64}, {"release": 3}])
def test_another_version_digest_or_release_is_an_alarm(live: Release, gateway: Says, change: dict) -> None:
    gateway("north", serves={"mortgage": pointer_of(live) | change})
    assert len(words()) == 1


def test_a_gateway_has_two_seconds_and_must_be_heard_of(system: System, lead, gateway: Says) -> None:
    first, made = release_ago(1, 60), release_ago(2, 1)

    def after(seconds: float) -> float:
        return (made.released_at + timedelta(seconds=seconds) - timezone.now()).total_seconds()

    # What it said within two seconds of the release tells nothing, however long ago the release is by now.
    north = gateway("north", serves=first, seen=after(1.9))
    assert words() == []
    gateway("north", serves=first, seen=after(2.1), instance=north)
    assert len(words()) == 1
    gateway("north", serves=first, seen=-5.5, instance=north)
    assert words() == []


def test_a_release_without_approval_is_an_alarm_until_it_is_ratified(system: System, lead, compliance) -> None:
    from registry.releasing.services import ratify_release

    made = break_glass(1)
    assert words() == ["Mortgage: version 1 went live without approval in release 1 and waits for one."]
    released(2)
    assert len(words()) == 1  # that it is no longer live does not answer for it
    ratify_release(actor=person("compliance").actor, release=made, reason="Looked at.", now=timezone.now())
    assert words() == []


def test_every_page_of_who_sees_systems_carries_it(live: Release, gateway: Says, client_of, db) -> None:
    gateway("north", serves=live.system.releases.get(number=1))
    for username in ("lead", "compliance", "support", "auditor"):
        page = client_of(person(username)).get("/decisions/").text
        assert 'role="alert"' in page and "gateway north (north.example:8001) serves version 1" in page
        assert 'href="/systems/mortgage/production/"' in page
    assert "gateway north" not in client_of(person("outsider")).get("/").text
    assert alarms_for(person("outsider").actor) == []


def test_it_costs_one_query_a_page(live: Release, client_of, lead) -> None:
    browser = client_of(lead)
    with CaptureQueriesContext(connection) as asked:
        browser.get("/systems/mortgage/production/")
    assert sum("jsonb_build_object" in query["sql"] for query in asked.captured_queries) == 1
    assert current_release(live.system) == live
