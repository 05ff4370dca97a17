"""What would have led to the other outcome: few changes of actionable inputs, taken from people who had it.

Nearest rows of the background with the other outcome, then a greedy copy of their values (the idea of NICE,
Brughmans et al. 2023, doi 10.1007/s10618-023-00930-y). Each alternative is verified by the scorer itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from explain.methods.subject import Effort, Expired, JsonValue, Matrix, Subject, differs

MOST_ALTERNATIVES = 2
MOST_CHANGES = 4  # more than four changes is another person, not advice


class OutputLike(Protocol):
    """What a score means, as `registry.scoring` declares it."""

    @property
    def adverse_label(self) -> str | None: ...

    @property
    def threshold(self) -> float | None: ...

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
    scale = _scale(subject)
    nearest = accepted[np.argsort(_distance(subject, subject.codes[accepted], codes, scale), kind="stable")]
    goals = subject.codes[nearest[: effort.neighbours]]
    found = _copy_greedily(subject, codes, goals, free, output.threshold, expired)
    verified = _verified(subject, _shortened(found, codes), output.threshold)
    if not len(verified):
        return ()
    changes = differs(verified, codes).sum(axis=1)
    order = np.lexsort((_distance(subject, verified, codes, scale), changes))
    chosen = _distinct(verified[order], codes)
    return tuple(_alternative(subject, output, codes, row) for row in chosen)


def _free(subject: Subject) -> NDArray[np.intp]:
    """Inputs that a person can act on. A protected input is never advice, whatever the schema says."""
    return np.asarray(
        [index for index, item in enumerate(subject.features) if item.actionable and not item.protected],
        dtype=np.intp,
    )


def _scale(subject: Subject) -> Matrix:
    """Spread of each column: from the 5th to the 95th percentile, so that outliers do not shrink
    distances."""
    scale = np.ones(len(subject.names))
    for index in range(len(subject.names)):
        column = subject.codes[:, index]
        column = column[~np.isnan(column)]
        if len(column) and not subject.is_discrete(index):
            scale[index] = np.subtract(*np.percentile(column, [95, 5])) or np.ptp(column) or 1.0
    return scale


def _distance(subject: Subject, rows: Matrix, codes: Matrix, scale: Matrix) -> Matrix:
    """Gower's distance: categories count 0 or 1, numbers by their spread; missing against present counts
    1."""
    discrete = np.asarray([subject.is_discrete(index) for index in range(len(codes))])
    moved = differs(rows, codes)
    size = np.nan_to_num(np.abs(rows - codes) / scale, nan=1.0)
    return np.where(moved, np.where(discrete, 1.0, size), 0.0).sum(axis=1)


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
        line, step = np.nonzero(moves)
        if not len(line) or expired():
            break
        tried = current[open_rows][line]
        tried[np.arange(len(line)), free[step]] = goals[open_rows][line, free[step]]
        score = np.full(moves.shape, np.inf)
        score[line, step] = subject.score(tried)
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
    return rows[subject.score(rows) < threshold] if len(rows) else rows


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
