"""What would have led to the other outcome: few changes of actionable inputs, taken from people who had it.

Nearest rows of the background with the other outcome, then a greedy copy of their values (the idea of NICE,
Brughmans et al. 2023, doi 10.1007/s10618-023-00930-y), then each number goes back as far as it may. Each alternative
is verified by the scorer itself. Nobody is told to do what the schema calls worse: where an input is marked as raising
the score (`x-monotone` 1), advice is only to lower it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explain.methods.nearness import distance
from explain.methods.subject import Effort, Expired, JsonValue, Matrix, Subject, differs

MOST_ALTERNATIVES = 2
MOST_CHANGES = 4  # more than four changes is another person, not advice
EASING_STEPS = 40  # values tried between what an input was and where it flips the outcome


class OutputLike(Protocol):
    """What a score means, as `registry.scoring` declares it."""

    @property
    def adverse_label(self) -> str | None: ...

    @property
    def threshold(self) -> float | None: ...

    @property
    def classes(self) -> Sequence[str]: ...

    @property
    def adverse_classes(self) -> Sequence[str]: ...

    def label(self, score: float) -> str | None: ...


@dataclass(frozen=True)
class Change:
    feature: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True)
class Alternative:
    """Changes that together lead to `label`; `score` is the scorer's answer to the changed inputs."""

    changes: tuple[Change, ...]
    score: float
    label: str | None


def find_alternatives(
    subject: Subject, output: OutputLike, codes: Matrix, effort: Effort, expired: Expired = lambda: False
) -> tuple[Alternative, ...]:
    """At most two alternatives for an adverse decision; none for a favourable one or for regression."""
    if output.threshold is None or float(subject.score(codes.reshape(1, -1))[0]) < output.threshold:
        return ()
    free = _free(subject)
    accepted = np.flatnonzero(subject.scores < output.threshold)
    if not len(free) or not len(accepted):
        return ()
    nearest = accepted[np.argsort(distance(subject, subject.codes[accepted], codes), kind="stable")]
    goals = subject.codes[nearest[: effort.neighbours]]
    found = _copy_greedily(subject, codes, goals, free, output.threshold, expired)
    verified = _verified(subject, _shortened(found, codes), output.threshold)
    if not len(verified):
        return ()
    changes = differs(verified, codes).sum(axis=1)
    order = np.lexsort((distance(subject, verified, codes), changes))
    chosen = _distinct(verified[order], codes)
    smallest = [_eased(subject, codes, row, output.threshold, expired) for row in chosen]
    told = (_alternative(subject, output, codes, row) for row in smallest)
    return tuple(item for item in told if item.score < output.threshold)


def _free(subject: Subject) -> NDArray[np.intp]:
    """Inputs that a person can act on. A protected input is never advice, whatever the schema says."""
    return np.asarray(
        [index for index, item in enumerate(subject.features) if item.actionable and not item.protected],
        dtype=np.intp,
    )


def _helps(subject: Subject, free: NDArray[np.intp], before: Matrix, after: Matrix) -> NDArray[np.bool_]:
    """Which moves go the way that the schema's marks call better; any way where there is no mark."""
    marks = np.asarray([subject.features[index].monotone or 0 for index in free])
    return (marks == 0) | np.isnan(before) | ((after - before) * marks < 0)


def _copy_greedily(
    subject: Subject, codes: Matrix, goals: Matrix, free: NDArray[np.intp], threshold: float, expired: Expired
) -> Matrix:
    """From the explained row towards each goal, one input at a time, the most helpful first; rows that got
    there."""
    current = np.tile(codes, (len(goals), 1))
    open_rows = np.arange(len(goals))
    arrived: list[Matrix] = []
    for _ in range(min(MOST_CHANGES, len(free))):
        moves = differs(current[open_rows][:, free], goals[open_rows][:, free])
        moves &= ~np.isnan(goals[open_rows][:, free])
        moves &= _helps(subject, free, current[open_rows][:, free], goals[open_rows][:, free])
        line, step = np.nonzero(moves)
        if not len(line) or expired():
            break
        tried = current[open_rows][line]
        tried[np.arange(len(line)), free[step]] = goals[open_rows][line, free[step]]
        score = np.full(moves.shape, np.inf)
        score[line, step] = subject.score_many(tried)
        best = score.argmin(axis=1)
        reached = score[np.arange(len(open_rows)), best]
        alive = np.isfinite(reached)
        rows, columns = open_rows[alive], free[best[alive]]
        current[rows, columns] = goals[rows, columns]
        arrived.append(current[rows[reached[alive] < threshold]])
        open_rows = rows[reached[alive] >= threshold]
    return np.unique(np.concatenate(arrived), axis=0) if arrived else np.empty((0, len(codes)))


def _shortened(rows: Matrix, codes: Matrix) -> Matrix:
    """The rows, and each of them with one change taken back: an early greedy step may turn out not to be
    needed."""
    line, column = np.nonzero(differs(rows, codes))
    shorter = rows[line]
    shorter[np.arange(len(line)), column] = codes[column]
    together = np.concatenate([rows, shorter[differs(shorter, codes).any(axis=1)]])
    return np.unique(together, axis=0) if len(together) else together


def _verified(subject: Subject, rows: Matrix, threshold: float) -> Matrix:
    return rows[subject.score_many(rows) < threshold] if len(rows) else rows


def _eased(subject: Subject, codes: Matrix, row: Matrix, threshold: float, expired: Expired) -> Matrix:
    """The row with each changed number moved back towards what it was, as far as the outcome and all values between
    there and the goal allow."""
    eased = row.copy()
    for index in np.flatnonzero(differs(row, codes)).tolist():
        between = _between(subject, index, float(codes[index]), float(row[index]))
        if expired() or not len(between):
            continue
        tried = np.tile(eased, (len(between), 1))
        tried[:, index] = between
        fails = np.flatnonzero(subject.score_many(tried) >= threshold)
        first = fails[-1] + 1 if len(fails) else 0
        if first < len(between):
            eased[index] = between[first]
    return eased


def _between(subject: Subject, index: int, before: float, goal: float) -> Matrix:
    """Values from what it was, exclusive, towards the goal, in steps that a person would name; none for a category."""
    if subject.is_discrete(index) or np.isnan(before):
        return np.empty(0)
    span = goal - before
    whole = subject.features[index].kind == "integer"
    grain = max(1.0 if whole else 0.0, 10.0 ** np.floor(np.log10(abs(span) / EASING_STEPS)))
    named = np.round((before + span * np.arange(1, EASING_STEPS) / EASING_STEPS) / grain) * grain
    inside = (named - before) * span > 0
    inside &= (goal - named) * span > 0
    # Written back through text: a grain of 0.01 times 35 is 0.35000000000000003.
    digits = max(0, -int(np.floor(np.log10(grain))))
    return np.asarray(list(dict.fromkeys(round(float(value), digits) for value in named[inside])), dtype=np.float64)


def _distinct(rows: Matrix, codes: Matrix) -> list[Matrix]:
    """The first rows that change different sets of inputs; a superset of an earlier set says nothing new."""
    kept: list[tuple[set[int], Matrix]] = []
    for row in rows:
        changed = set(np.flatnonzero(differs(row, codes)).tolist())
        if all(not earlier <= changed for earlier, _ in kept):
            kept.append((changed, row))
        if len(kept) == MOST_ALTERNATIVES:
            break
    return [row for _, row in kept]


def _alternative(subject: Subject, output: OutputLike, codes: Matrix, row: Matrix) -> Alternative:
    score = float(subject.score(row.reshape(1, -1))[0])
    changes = tuple(
        Change(
            subject.names[index],
            subject.decode(index, float(codes[index])),
            subject.decode(index, float(row[index])),
        )
        for index in np.flatnonzero(differs(row, codes)).tolist()
    )
    return Alternative(changes, score, output.label(score))
