"""By when an authority must know: the clocks of AI Act Art. 73, from the facts of a case. Pure.

The Act says "days", not working days, from when the provider or, where applicable, the deployer becomes aware. We count
from that very moment: no reading of the text ends earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.errors import Problem


@dataclass(frozen=True)
class Judged:
    """How a case is judged: the facts that set its clock, in the words of `registry.models.Assessment`."""

    kind: str
    role: str
    aware_at: datetime
    is_death: bool = False
    is_widespread: bool = False
    causality: str = "unknown"
    causality_at: datetime | None = None
    # Why Art. 73(9) limits what is reported; empty where it does not.
    sector_rule: str = ""


@dataclass(frozen=True)
class Clock:
    """One date that binds: its article, the days that it gives, when they end, and why it binds."""

    article: str
    days: int
    due_at: datetime
    why: str


@dataclass(frozen=True)
class Ageing:
    """How a deadline stands: `overdue`, `due_soon`, `on_time`, or `done` once an authority knows; and in words."""

    state: str
    words: str


def clocks_of(judged: Judged) -> list[Clock]:
    """The clocks that run, the one that binds first; `judged` may be the row of an assessment."""
    found = [_clock(judged, "Art. 73(2)", 15, "it may be a serious incident")]
    if judged.is_death:
        found.append(_clock(judged, "Art. 73(4)", 10, "a person died"))
    if judged.is_widespread:
        found.append(_clock(judged, "Art. 73(3)", 2, "it is a widespread infringement (Art. 3(61))"))
    if judged.kind == "infrastructure":
        found.append(_clock(judged, "Art. 73(3)", 2, "critical infrastructure is disrupted (Art. 3(49)(b))"))
    return sorted(found, key=lambda clock: clock.due_at)


def problems_of(judged: Judged, now: datetime) -> list[Problem]:
    """What cannot be true of a case, by field."""
    problems = []
    if judged.aware_at > now:
        problems.append(Problem("aware_at", "lies in the future"))
    if judged.is_death and judged.kind != "health":
        problems.append(Problem("is_death", "belongs to the kind “death, or serious harm to somebody's health”"))
    if judged.causality == "unknown" and judged.causality_at:
        problems.append(Problem("causality_at", "must be left out while the cause is not known"))
    if judged.causality != "unknown":
        if judged.causality_at is None:
            problems.append(Problem("causality_at", "is required: since when?"))
        elif judged.causality_at > now:
            problems.append(Problem("causality_at", "lies in the future"))
    return problems


def ageing_of(
    due_at: datetime, now: datetime, reported_at: datetime | None = None, *, is_likely: bool = False
) -> Ageing:
    """How the deadline stands. `reported_at` is when the first report went out, complete or not (Art. 73(5)).

    `is_likely`: the system at least likely led to it, so the report is due immediately (Art. 73(2)).
    """
    if reported_at is not None:
        late = reported_at - due_at
        words = "reported in time" if late <= timedelta(0) else f"reported {_span(late)} late"
        return Ageing("done" if late <= timedelta(0) else "overdue", words)
    left = due_at - now
    if left < timedelta(0):
        return Ageing("overdue", f"{_span(-left)} late")
    if is_likely:
        return Ageing("due_soon", f"immediately; {_span(left)} left")
    return Ageing("due_soon" if left < timedelta(days=3) else "on_time", f"{_span(left)} left")


def _clock(judged: Judged, article: str, days: int, why: str) -> Clock:
    return Clock(article, days, judged.aware_at + timedelta(days=days), why)


def _span(gap: timedelta) -> str:
    """In hours below two days, else in whole days: "36 hours", "3 days"."""
    hours = int(gap.total_seconds() // 3600)
    if hours < 48:
        return "1 hour" if hours == 1 else f"{hours} hours" if hours else "less than an hour"
    return f"{hours // 24} days"
