"""Real people with the other outcome who are nearest to the one explained, told without who they are.

The last rung of the ladder: it needs no more of the model than the scores of the background, which are known before
the first decision comes. Numbers are told as ranges that a quarter of the background shares, protected inputs not at
all, so that nobody can be picked out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.methods.contrast import OutputLike
from explain.methods.local import number
from explain.methods.nearness import steps
from explain.methods.subject import Matrix, Subject

MOST_CASES = 3
MOST_DIFFERENCES = 5


@dataclass(frozen=True)
class Difference:
    """An input in which the case differs: `here` and `there` in words."""

    feature: str
    here: str
    there: str


@dataclass(frozen=True)
class Case:
    """One person of the background; `alike` counts the inputs in which both are the same or of the same range."""

    label: str | None
    score: float
    alike: int
    differences: tuple[Difference, ...]


def nearest_cases(subject: Subject, output: OutputLike, codes: Matrix, score: float) -> tuple[Case, ...]:
    """The nearest people of the background with the favourable outcome, for an adverse score; none otherwise."""
    if output.threshold is None or score < output.threshold:
        return ()
    accepted = np.flatnonzero(subject.scores < output.threshold)
    apart = steps(subject, subject.codes[accepted], codes)
    order = np.argsort(apart.sum(axis=1), kind="stable")[:MOST_CASES]
    return tuple(_case(subject, output, codes, int(accepted[place]), apart[place]) for place in order)


def _case(subject: Subject, output: OutputLike, codes: Matrix, row: int, apart: Matrix) -> Case:
    there, score = subject.codes[row], float(subject.scores[row])
    told = [index for index, feature in enumerate(subject.features) if not feature.protected]
    words = [(index, *_words(subject, index, codes[index], there[index])) for index in told if apart[index]]
    unlike = [(index, here, other) for index, here, other in words if here != other]
    unlike.sort(key=lambda item: -apart[item[0]])
    differences = tuple(Difference(subject.names[index], here, other) for index, here, other in unlike)
    return Case(output.label(score), round(score, 2), len(told) - len(unlike), differences[:MOST_DIFFERENCES])


def _words(subject: Subject, index: int, here: float, there: float) -> tuple[str, str]:
    return _word(subject, index, here), _word(subject, index, there)


def _word(subject: Subject, index: int, code: float) -> str:
    """A category by its name, a number by the quarter of the background in which it lies."""
    if np.isnan(code):
        return "not given"
    if subject.is_discrete(index):
        value = subject.decode(index, code)
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)
    column = subject.codes[:, index]
    cuts = np.unique(np.percentile(column[~np.isnan(column)], [25, 50, 75]))
    place = int(np.searchsorted(cuts, code))
    if place == 0:
        return f"up to {number(cuts[0])}"
    return f"above {number(cuts[-1])}" if place == len(cuts) else f"{number(cuts[place - 1])} to {number(cuts[place])}"
