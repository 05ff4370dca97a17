"""By when an authority must know: the clocks of AI Act Art. 73, from the facts of a case. Pure.

The Act says "days", not working days, from when the provider or, where applicable, the deployer becomes aware. We count
from that very moment: no reading of the text ends earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


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


def clocks_of(*, aware_at: datetime, kind: str, is_death: bool, is_widespread: bool) -> list[Clock]:
    """The clocks that run, the one that binds first."""
    found = [_clock("Art. 73(2)", 15, aware_at, "it may be a serious incident")]
    if is_death:
        found.append(_clock("Art. 73(4)", 10, aware_at, "a person died"))
    if is_widespread:
        found.append(_clock("Art. 73(3)", 2, aware_at, "it is a widespread infringement (Art. 3(61))"))
    if kind == "infrastructure":
        found.append(_clock("Art. 73(3)", 2, aware_at, "critical infrastructure is disrupted (Art. 3(49)(b))"))
    return sorted(found, key=lambda clock: clock.due_at)


def ageing_of(due_at: datetime, now: datetime, reported_at: datetime | None = None) -> Ageing:
    """How the deadline stands. `reported_at` is when the first report went out, complete or not (Art. 73(5))."""
    if reported_at is not None:
        late = reported_at - due_at
        words = "reported in time" if late <= timedelta(0) else f"reported {_span(late)} late"
        return Ageing("done" if late <= timedelta(0) else "overdue", words)
    left = due_at - now
    if left < timedelta(0):
        return Ageing("overdue", f"{_span(-left)} late")
    return Ageing("due_soon" if left < timedelta(days=3) else "on_time", f"{_span(left)} left")


def _clock(article: str, days: int, aware_at: datetime, why: str) -> Clock:
    return Clock(article, days, aware_at + timedelta(days=days), why)


def _span(gap: timedelta) -> str:
    """In hours below two days, else in whole days: "36 hours", "3 days"."""
    hours = int(gap.total_seconds() // 3600)
    if hours < 48:
        return "1 hour" if hours == 1 else f"{hours} hours" if hours else "less than an hour"
    return f"{hours // 24} days"
