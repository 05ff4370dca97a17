"""The clocks of Art. 73 and how a deadline stands, by the figures of the Act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.incidents.clocks import Judged, ageing_of, clocks_of, problems_of

AWARE = datetime(2026, 12, 24, 9, 30, tzinfo=UTC)


def judged(**facts: Any) -> Judged:
    return Judged(**{"kind": "rights", "role": "provider", "aware_at": AWARE, **facts})


@pytest.mark.parametrize(
    "facts,article,due",
    [
        # Calendar days over Christmas and New Year: the Act does not speak of working days.
        ({}, "Art. 73(2)", datetime(2027, 1, 8, 9, 30, tzinfo=UTC)),
        ({"kind": "property"}, "Art. 73(2)", datetime(2027, 1, 8, 9, 30, tzinfo=UTC)),
        ({"kind": "health"}, "Art. 73(2)", datetime(2027, 1, 8, 9, 30, tzinfo=UTC)),
        ({"kind": "health", "is_death": True}, "Art. 73(4)", datetime(2027, 1, 3, 9, 30, tzinfo=UTC)),
        ({"is_widespread": True}, "Art. 73(3)", datetime(2026, 12, 26, 9, 30, tzinfo=UTC)),
        ({"kind": "infrastructure"}, "Art. 73(3)", datetime(2026, 12, 26, 9, 30, tzinfo=UTC)),
        (
            {"kind": "health", "is_death": True, "is_widespread": True},
            "Art. 73(3)",
            datetime(2026, 12, 26, 9, 30, tzinfo=UTC),
        ),
    ],
)
def test_the_earliest_date_binds(facts: dict[str, Any], article: str, due: datetime) -> None:
    clocks = clocks_of(judged(**facts))
    assert (clocks[0].article, clocks[0].due_at) == (article, due)
    assert clocks[-1].days == 15 and all(clock.why for clock in clocks)


@pytest.mark.parametrize(
    "now,reported,state,words",
    [
        (timedelta(days=2), None, "on_time", "13 days left"),
        (timedelta(days=14), None, "due_soon", "24 hours left"),
        (timedelta(days=15, hours=1), None, "overdue", "1 hour late"),
        (timedelta(days=40), None, "overdue", "25 days late"),
        (timedelta(days=40), timedelta(days=15), "done", "reported in time"),
        (timedelta(days=40), timedelta(days=18), "overdue", "reported 3 days late"),
    ],
)
def test_how_a_deadline_stands(now: timedelta, reported: timedelta | None, state: str, words: str) -> None:
    found = ageing_of(AWARE + timedelta(days=15), AWARE + now, AWARE + reported if reported else None)
    assert (found.state, found.words) == (state, words)


def test_what_is_likely_is_due_at_once() -> None:
    due_at = AWARE + timedelta(days=15)
    found = ageing_of(due_at, AWARE, is_likely=True)
    assert (found.state, found.words) == ("due_soon", "immediately; 15 days left")
    assert ageing_of(due_at, AWARE, AWARE, is_likely=True).state == "done"


@pytest.mark.parametrize(
    "facts,path",
    [
        ({"aware_at": AWARE + timedelta(seconds=1)}, "aware_at"),
        ({"is_death": True}, "is_death"),
        ({"causality": "suspected"}, "causality_at"),
        ({"causality_at": AWARE}, "causality_at"),
        ({"causality": "established", "causality_at": AWARE + timedelta(days=1)}, "causality_at"),
    ],
)
def test_what_cannot_be_true(facts: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in problems_of(judged(**facts), AWARE)] == [path]
