"""Months that retention dropped: the gaps that they explain, and those that they do not."""

from __future__ import annotations

from audit.verifying.dropped import Dropped
from audit.verifying.report import Report


def test_only_what_was_dropped_is_explained() -> None:
    dropped = Dropped(ranges=[(30, 39), (10, 19)], rows=20)
    assert list(dropped.unexplained(10, 19)) == [] and list(dropped.unexplained(28, 41)) == [(28, 29), (40, 41)]
    assert list(dropped.unexplained(0, 5)) == [(0, 5)] and list(dropped.unexplained(35, 36)) == []
    assert list(Dropped().unexplained(3, 3)) == [(3, 3)]


def test_as_many_must_be_missing_as_were_dropped() -> None:
    dropped, report = Dropped(ranges=[(10, 19)], rows=10), Report()
    list(dropped.unexplained(10, 19))
    dropped.compare(report)
    assert report.verdict == "verified"
    Dropped(ranges=[(10, 19)], rows=9, missing=10).compare(report)
    assert report.contradictions[0].what == "retention dropped 9 entries, and 10 leaves of those months have no entry"


def test_a_dropped_month_reaches_some_minutes_beyond_its_ends() -> None:
    dropped = Dropped(months=[("0190", "0195")])
    assert dropped.touches("0180", "0199") and dropped.touches("0192", "0199") and dropped.touches("0180", "0192")
    assert not dropped.touches("0196", "0199") and not dropped.touches("0180", "0189")
