"""How grave and how likely a risk is, in words, and what cannot be written about one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from portal.errors import Problem

SEVERITY = {1: "negligible", 2: "minor", 3: "serious", 4: "grave", 5: "irreversible"}
LIKELIHOOD = {1: "rare", 2: "unlikely", 3: "possible", 4: "likely", 5: "almost certain"}
# The highest product of both that still is of the level.
LEVELS = ((4, "low"), (9, "medium"), (16, "high"), (25, "very high"))
MOST_WORDS = 10_000
MOST_CONTROLS = 20


@dataclass(frozen=True)
class Control:
    """What stands against a risk; `evidence` is a gate's kind, "version N" or an address, empty where there is none."""

    kind: str
    words: str
    evidence: str = ""


@dataclass(frozen=True)
class Written:
    """What somebody writes about a risk, in the words of `registry.models.RiskRevision`."""

    title: str
    source: str
    affected: str
    harm: str
    severity: int
    likelihood: int
    residual_severity: int
    residual_likelihood: int
    review_due: date
    is_vulnerable: bool = False
    is_closed: bool = False
    controls: tuple[Control, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """The columns of a revision."""
        return {**asdict(self), "controls": [asdict(control) for control in self.controls]}


def level_of(rating: int) -> str:
    """The level of a product of severity and likelihood: 12 → "high"."""
    return next(word for most, word in LEVELS if rating <= most)


def problems_of(written: Written, today: date) -> list[Problem]:
    """What cannot be kept of what was written, by field."""
    problems = [
        Problem(field, "is required")
        for field in ("title", "affected", "harm")
        if not getattr(written, field).strip()
    ]
    for field in ("affected", "harm"):
        if len(getattr(written, field)) > MOST_WORDS:
            problems.append(Problem(field, f"has {len(getattr(written, field)):,} characters; at most {MOST_WORDS:,}"))
    if len(written.title) > 200:
        problems.append(Problem("title", "must have 200 characters or fewer"))
    for field in ("severity", "likelihood", "residual_severity", "residual_likelihood"):
        if not 1 <= getattr(written, field) <= 5:
            problems.append(Problem(field, "must be 1 to 5"))
    problems += [
        Problem(f"residual_{field}", "is more than without the controls")
        for field in ("severity", "likelihood")
        if getattr(written, f"residual_{field}") > getattr(written, field)
    ]
    is_less = (written.residual_severity, written.residual_likelihood) != (written.severity, written.likelihood)
    if is_less and not written.controls:
        problems.append(Problem("controls", "are missing: what makes the rest smaller?"))
    if not written.is_closed and written.review_due <= today:
        problems.append(Problem("review_due", "must lie in the future"))
    return [*problems, *_control_problems(written.controls)]


def cells(rated: Iterable[tuple[int, int, int]]) -> list[list[tuple[int, list[int]]]]:
    """The matrix: by severity from 5 down, then likelihood from 1 up, each cell's rating and the numbers in it.

    `rated` are numbers of risks with their severity and likelihood.
    """
    placed: dict[tuple[int, int], list[int]] = {}
    for number, severity, likelihood in rated:
        placed.setdefault((severity, likelihood), []).append(number)
    return [
        [(severity * likelihood, placed.get((severity, likelihood), [])) for likelihood in range(1, 6)]
        for severity in range(5, 0, -1)
    ]


def _control_problems(controls: tuple[Control, ...]) -> list[Problem]:
    if len(controls) > MOST_CONTROLS:
        return [Problem("controls", f"are more than {MOST_CONTROLS}")]
    return [
        Problem("controls", f"number {place} has no words, or more than 2,000 characters")
        for place, control in enumerate(controls, start=1)
        if not 0 < len(control.words.strip()) <= 2_000
    ]
