"""What was live at any moment, from when until when, by whom, why, on whose word, and how much it decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

import registry.approving.services as approving
from audit.queries import About
from registry.models import Release, System
from registry.releasing import services, timeline
from registry.releasing.timeline import interval_at, plot_of, timeline_of
from tests.factories import PASSWORD, applicants, approved, decided_in_bulk, person, version

API = "/api/v1/systems/mortgage/timeline/"
PAGE = "/systems/mortgage/timeline/"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hour(number: float) -> datetime:
    """So many hours after noon."""
    return START + timedelta(hours=number)


def release(number: int, at: datetime, **changes: Any) -> Release:
    found = version(number)
    asked = {"strategy": "direct", "reason": f"Version {number}.", "expected_release": None, **changes}
    return services.create_release(
        actor=person("lead").actor, system=found.system, version=found, now=at, **asked
    )


@pytest.fixture
def day(system: System, lead) -> System:
    """Version 1 at noon, 2 at one, back to 1 at two."""
    approved(1)
    approved(2)
    release(1, hour(0))
    release(2, hour(1))
    asked = {"reason": "It denies too many.", "expected_release": None, "now": hour(2)}
    services.roll_back(actor=person("lead").actor, system=system, **asked)
    return system


def seen(system: System, **asked: Any) -> list[tuple[int, int]]:
    return [(item.release.number, item.release.version.number) for item in timeline_of(system, **asked).intervals]


def test_each_release_from_when_until_when(day: System) -> None:
    found = timeline_of(day).intervals
    assert [(item.release.number, item.release.released_at, item.until) for item in found] == [
        (3, hour(2), None),
        (2, hour(1), hour(2)),
        (1, hour(0), hour(1)),
    ]
    assert [item.release.is_rollback for item in found] == [True, False, False]


@pytest.mark.parametrize(
    "since,until,numbers",
    [
        (None, None, [3, 2, 1]),
        (1.5, None, [3, 2]),
        (1, None, [3, 2]),
        (None, 1, [1]),
        (0.25, 0.5, [1]),
        (0.5, 1.5, [2, 1]),
        (-2, -1, []),
        (5, 6, [3]),
    ],
)
def test_since_and_until_bound_what_was_in_force(
    day: System, since: float | None, until: float | None, numbers: list[int]
) -> None:
    moments = {"since": None if since is None else hour(since), "until": None if until is None else hour(until)}
    assert [number for number, _ in seen(day, **moments)] == numbers


@pytest.mark.parametrize("at,expected", [(-0.1, None), (0, 1), (0.99, 1), (1, 2), (1.5, 2), (2, 1), (100, 1)])
def test_what_was_live_at_a_moment(day: System, at: float, expected: int | None) -> None:
    found = interval_at(day, hour(at))
    assert (found.release.version.number if found else None) == expected


def test_pages_lead_through_all(day: System, monkeypatch: pytest.MonkeyPatch, client_of, auditor) -> None:
    monkeypatch.setattr(timeline, "SHOWN", 2)
    first = timeline_of(day)
    assert [item.release.number for item in first.intervals] == [3, 2] and first.older == 2
    rest = timeline_of(day, before=first.older)
    assert [(item.release.number, item.until) for item in rest.intervals] == [(1, hour(1))] and rest.older is None
    browser = client_of(auditor)
    assert "?since=2026-01-01T00%3A00&amp;before=2" in browser.get(PAGE, {"since": "2026-01-01T00:00"}).text
    answer = browser.get(API).json()
    assert [item["release"] for item in browser.get(answer["next"]).json()["intervals"]] == [1]


def test_signatures_are_those_that_stood_then(system: System, lead) -> None:
    approved(1)
    officer = person("compliance").actor
    approving.withdraw_approval(actor=officer, version=version(1), reason="Wait.", now=timezone.now())
    made = {"version": version(1), "reason": "Urgent.", "expected_release": None, "now": timezone.now()}
    services.release_unapproved(actor=person("lead").actor, system=system, **made)
    approved(2)
    release(2, timezone.now())
    found = timeline_of(system).intervals
    assert [[item.decided_by for item in interval.approvals] for interval in found] == [["user:compliance"], []]
    assert [interval.is_ratified for interval in found] == [False, False]


def test_decisions_are_those_that_name_the_release(system: System, lead) -> None:
    approved(1)
    approved(2)
    now = timezone.now()
    release(1, now)
    decided_in_bulk(applicants().held_out[:7], 1, release=1)
    release(2, now)
    # A gateway may answer by the release before for a moment.
    decided_in_bulk(applicants().held_out[:2], 1, release=1)
    decided_in_bulk(applicants().held_out[:3], 2, release=2)
    assert [item.decisions for item in timeline_of(system).intervals] == [About(3, True), About(9, True)]


def test_counting_has_an_end(day: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "COUNT_SECONDS", -1)
    assert not any(item.decisions.is_exact for item in timeline_of(day).intervals)


def test_the_plot_has_a_step_for_each_and_marks_the_rollback(day: System) -> None:
    drawn = plot_of(timeline_of(day).intervals)
    [series] = drawn["series"]
    assert series["y"] == [1, 2, 1, 1] and series["x"][:3] == [hour(at).isoformat() for at in range(3)]
    assert drawn["step"] and drawn["events"] == [{"at": hour(2).isoformat(), "label": "rollback"}]


class TestApi:
    def test_everything_of_an_interval(self, day: System, api) -> None:
        answer = api("read").get(API, {"at": hour(1.5).isoformat()}).json()
        assert [item["release"] for item in answer["intervals"]] == [3, 2, 1]
        assert (answer["at"]["version"], answer["at"]["release"], answer["next"]) == (2, 2, None)
        first = answer["intervals"][2]
        assert first["artifact_sha256"] == version(1).artifact_sha256
        assert (first["since"], first["until"]) == ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z")
        assert (first["released_by"], first["reason"]) == ("user:lead", "Version 1.")
        assert (first["is_rollback"], first["is_break_glass"], first["strategy"]) == (False, False, "direct")
        assert (first["decisions"], first["is_exact"], answer["intervals"][0]["until"]) == (0, True, None)
        assert answer["intervals"][0]["is_rollback"] is True

    def test_times_that_are_none_are_refused(self, day: System, api) -> None:
        reader = api("read")
        for query in ({"at": "yesterday"}, {"since": "2026-13-01T00:00Z"}, {"until": "1"}, {"before": "x"}):
            answer = reader.get(API, query)
            [problem] = answer.json()["error"]["details"]
            assert (answer.status_code, {problem["path"]}) == (422, set(query))
        assert reader.get(API, {"at": hour(-1).isoformat()}).json()["at"] is None


class TestPage:
    def test_the_moment_stands_on_top_with_its_digest(self, day: System, client_of, auditor) -> None:
        page = client_of(auditor).get(PAGE, {"at": "2026-03-01T13:30:00"}).text
        assert "At 2026-03-01 13:30:00 UTC version 2 was live in release 2" in page
        assert version(2).artifact_sha256 in page and 'id="intervals"' in page and 'data-plot="timeline"' in page
        assert page.index("13:30:00 UTC") < page.index('id="intervals"')
        page = client_of(auditor).get(PAGE, {"at": "2025-03-01T13:30:00Z"}).text
        assert "Nothing was live then." in page

    def test_an_empty_one_and_a_wrong_time(self, system: System, client_of, auditor) -> None:
        browser = client_of(auditor)
        assert "Nothing was live" in browser.get(PAGE).text
        wrong = browser.get(PAGE, {"at": "soon"})
        assert wrong.status_code == 422 and "A time cannot be read" in wrong.text

    def test_a_release_without_approval_is_marked(self, system: System, client_of, lead) -> None:
        sent = {"version": 1, "expected_release": 0, "reason": "Urgent.", "password": PASSWORD}
        browser = client_of(lead)
        browser.post("/systems/mortgage/production/break-glass/", sent)
        page = browser.get(PAGE).text
        assert "not approved" in page and "nobody" in page
