"""The clock of one report: stages in order of worth, each with a part of the minute, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from explain.methods.subject import OutOfTime

Progress = Callable[[str, float], None]

# By which part of the budget a stage is over, so that a slow one leaves time for the next rung of the ladder.
ENDS = {"shap": 0.6, "lime": 0.85}
# How far the whole report is when a stage begins.
BEGINS = {"replay": 0.0, "shap": 0.05, "lime": 0.35, "agreement": 0.8, "counterfactuals": 0.82, "cases": 0.95}
# Names of the parts as a reader knows them.
WORDS = {
    "background": "the whole comparison sample",
    "shap": "what each input did (SHAP)",
    "lime": "the second method (LIME)",
    "agreement": "the comparison of both methods",
    "counterfactuals": "what would have changed the answer",
    "cases": "the nearest accepted cases",
}


@dataclass
class Stages:
    """Stages with their times. `missing` are those that gave nothing, `cut_short` those that stopped early.

    A stage in `without` is left out: it took down the process that tried before.
    """

    progress: Progress
    budget_s: float
    clock: Callable[[], float]
    without: Collection[str] = ()
    timings: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin = self.clock()

    @property
    def complete(self) -> bool:
        """Whether everything was done in full."""
        return not self.missing and not self.cut_short

    def left(self, stage: str) -> float:
        """Seconds that the stage has from now on, at the least 0."""
        return max(0.0, self.begin + ENDS.get(stage, 1.0) * self.budget_s - self.clock())

    def expired(self, stage: str) -> bool:
        """Whether the stage's time is over."""
        return self.left(stage) <= 0.0

    def run(self, stage: str, work: Callable[[], Any]) -> Any:
        """The work's result; None when time is up or it failed, since one method must not cost the others."""
        if stage in self.without or self.expired(stage):
            self.missing.append(stage)
            return None
        self.progress(stage, BEGINS[stage])
        start = self.clock()
        try:
            result = work()
        except OutOfTime as slow:
            self._failed(stage, str(slow))
            result = None
        except MemoryError:
            self._failed(stage, "it needs more memory than an explanation may use")
            result = None
        except Exception as error:  # noqa: BLE001 - libraries and models raise anything on rows never sent before
            self._failed(stage, f"{type(error).__name__}: {error}")
            result = None
        else:
            if not getattr(result, "complete", True) or (stage not in ENDS and self.expired(stage)):
                self.cut_short.append(stage)
        self.timings[stage] = round((self.clock() - start) * 1e3, 3)
        return result

    def as_if_over(self, waiting: Sequence[str]) -> Stages:
        """The same, with the stages that still wait among those that are missing."""
        return replace(self, missing=[*self.missing, *waiting])

    def _failed(self, stage: str, why: str) -> None:
        self.missing.append(stage)
        self.problems.append(f"{stage}: {why}")

    def summary(self) -> dict[str, Any]:
        """Their part of the report."""
        return {
            "completeness": "full" if self.complete else "partial",
            "missing": list(self.missing),
            "cut_short": list(self.cut_short),
            "problems": list(self.problems),
            "timings_ms": dict(self.timings),
        }

    def lines(self) -> list[str]:
        """What a reader must know of a partial report, in words."""
        found = []
        if self.missing:
            found.append(f"This report is partial. It lacks {_listed(self.missing)}.")
        if self.cut_short:
            found.append(f"Time was short: {_listed(self.cut_short)} rests on less than usual.")
        return found


def unhurried(progress: Progress = lambda stage, fraction: None) -> Stages:
    """Stages without a deadline."""
    return Stages(progress, math.inf, lambda: 0.0)


def _listed(stages: list[str]) -> str:
    words = [WORDS[stage] for stage in stages]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
