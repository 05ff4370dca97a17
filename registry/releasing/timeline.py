"""What was live at any moment: for each release from when until when, by whom and why, and how much it decided."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.identifiers import first_id_at
from audit.queries import About, about
from portal.templatetags.portal_tags import exact
from registry.models import Approval, Release, System
from registry.queries import release_at
from registry.releasing.preview import CLOCKS_DIFFER, population_of

SHOWN = 20
# Decisions are counted for so long (s) in all; what is left then is estimated by the database.
COUNT_SECONDS = 1.5


@dataclass(frozen=True)
class Interval:
    """One release while it was in force; `until` is None for the one that is."""

    release: Release
    until: datetime | None
    # The signatures under which its version went live, in the order in which they were given.
    approvals: list[Approval]
    # What gateways answered by it.
    decisions: About

    @property
    def is_ratified(self) -> bool:
        """Whether somebody answered, after the fact, for a release without approval."""
        return hasattr(self.release, "ratification")


@dataclass(frozen=True)
class Timeline:
    """The newest intervals of those that were asked for, newest first; `older` is the release with which to go on."""

    intervals: list[Interval]
    older: int | None


def timeline_of(
    system: System, *, since: datetime | None = None, until: datetime | None = None, before: int | None = None
) -> Timeline:
    """The releases in force at some time from `since` to `until`, older than release `before`; at most `SHOWN`."""
    wanted = system.releases.select_related("version__system", "system", "ratification")
    if until is not None:
        wanted = wanted.filter(released_at__lt=until)
    if before is not None:
        wanted = wanted.filter(number__lt=before)
    if since is not None:
        first = release_at(system, since)
        wanted = wanted.filter(number__gte=first.number if first else 0)
    found = list(wanted.order_by("-number")[: SHOWN + 1])
    releases = found[:SHOWN]
    return Timeline(_intervals(system, releases), releases[-1].number if len(found) > SHOWN else None)


def interval_at(system: System, moment: datetime) -> Interval | None:
    """What was in force at the moment."""
    release = release_at(system, moment)
    if release is None:
        return None
    [interval] = _intervals(system, [system.releases.select_related("version__system", "system").get(pk=release.pk)])
    return interval


def plot_of(intervals: Sequence[Interval]) -> dict[str, Any]:
    """The intervals as steps of `plots.js`, oldest first."""
    ordered = [interval.release for interval in reversed(intervals)]
    end = intervals[0].until or timezone.now()
    marked = [(release, _mark(release)) for release in ordered]
    return {
        "axis": "version live",
        "unit": "",
        "step": True,
        "series": [
            {
                "name": "Version",
                "x": [*(release.released_at.isoformat() for release in ordered), end.isoformat()],
                "y": [*(release.version.number for release in ordered), ordered[-1].version.number],
            }
        ],
        "events": [{"at": release.released_at.isoformat(), "label": word} for release, word in marked if word],
    }


def in_words(interval: Interval, moment: datetime) -> str:
    """What was live at the moment, as one sentence."""
    release = interval.release
    since = f"since {exact(release.released_at)}"
    until = f"until {exact(interval.until)}" if interval.until else "and still is"
    return f"At {exact(moment)} version {release.version.number} was live in release {release.number}, {since} {until}."


def _intervals(system: System, releases: Sequence[Release]) -> list[Interval]:
    ends = _ends(system, [release.number for release in releases])
    signed = _approvals(releases)
    counted_until = time.monotonic() + COUNT_SECONDS
    return [
        Interval(
            release,
            ends.get(release.number),
            _standing(signed.get(release.version_id, []), release.released_at),
            _decisions(release, ends.get(release.number), may_count=time.monotonic() < counted_until),
        )
        for release in releases
    ]


def _ends(system: System, numbers: Iterable[int]) -> dict[int, datetime]:
    """When each release was replaced, by its number."""
    after = system.releases.filter(number__in=[number + 1 for number in numbers])
    return {number - 1: moment for number, moment in after.values_list("number", "released_at")}


def _approvals(releases: Sequence[Release]) -> dict[int, list[Approval]]:
    found: dict[int, list[Approval]] = {}
    for approval in Approval.objects.filter(version__in={release.version_id for release in releases}).order_by("id"):
        found.setdefault(approval.version_id, []).append(approval)
    return found


def _standing(approvals: Iterable[Approval], moment: datetime) -> list[Approval]:
    """The signatures that stood at the moment: one that was taken back takes those before it with it."""
    standing: list[Approval] = []
    for approval in approvals:
        if approval.decided_at > moment:
            break
        standing = [*standing, approval] if approval.verdict == "approved" else []
    return standing


def _decisions(release: Release, until: datetime | None, *, may_count: bool) -> About:
    decisions = population_of(release).decisions()
    if until is not None:
        decisions = decisions.filter(id__lt=first_id_at(until + CLOCKS_DIFFER))
    return about(decisions, may_count=may_count)


def _mark(release: Release) -> str:
    return "rollback" if release.is_rollback else "without approval" if release.is_break_glass else ""
