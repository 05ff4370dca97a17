"""SHAP values of any scorer by asking it: all coalitions when few inputs differ, permutations otherwise.

Why not shap's Permutation, Kernel or Exact explainers at run time: they call the model with every background
row for every coalition (5 to 13 times the rows for the same error), KernelExplainer keeps ten inputs by
default and zeroes the rest, tabular maskers do not take strings, and numba compiles for 7 to 12 s in each
fresh worker (research/explain.md §1.2 to §1.4, §2.2). Here each permutation walks from one background row to
the explained row and back in reverse order, each row is used equally, and the spread between rows gives a
standard error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from explain.methods.links import values_of
from explain.methods.mixing import Mixtures, Score
from explain.methods.subject import (
    BATCH_ROWS,
    Effort,
    Expired,
    Matrix,
    OutOfTime,
    Subject,
    differs,
    sample_rows,
    unlimited,
)

MOST_ENUMERATED = 10  # inputs; 2¹⁰ coalitions
FIRST_PAIRS = 4
MOST_ASKED = 80_000  # rows for all walks together
FEWEST_WALKS = 200
FEWEST_PAIRS = 100  # antithetic pairs, 200 permutations: below that four reasons are noise (§2.2)


@dataclass(frozen=True)
class Sampled:
    """Contributions of one row in a space; base + contributions is the prediction."""

    method: str
    base: float
    prediction: float
    values: Matrix
    errors: Matrix | None  # standard errors, None when exact
    rows: int
    complete: bool = True


def explain_sampled(
    subject: Subject,
    codes: Matrix,
    space: str,
    effort: Effort,
    seed: int,
    expired: Expired,
    seconds_left: Callable[[], float] = unlimited,
    mixtures: Mixtures | None = None,
) -> Sampled:
    """Values for one code row against the background; stops early, after a first batch, when time is up.

    Raises OutOfTime when the model is too slow for that first batch.
    """
    score = (mixtures or Mixtures(subject)).of(codes)
    chosen = sample_rows(len(subject.codes), max(effort.background_rows, 200))
    rows = subject.codes[chosen]
    moved = differs(rows, codes)
    players = np.flatnonzero(moved.any(axis=0))
    coalitions = int((1 << moved.sum(axis=1)).sum())
    few = len(players) <= MOST_ENUMERATED and coalitions <= effort.exact_rows
    in_time = subject.pace.seconds_for(coalitions) <= seconds_left()
    if few and in_time:
        return _enumerate(score, codes, chosen, moved, players, space)
    if subject.pace.seconds_for(2 * FIRST_PAIRS * len(codes)) > seconds_left():
        raise OutOfTime(f"the model takes {subject.pace.seconds_for(1_000):.1f} s for 1,000 rows")
    chosen = sample_rows(len(subject.codes), min(effort.background_rows, _affordable(len(codes))))
    starts = np.resize(chosen, max(len(chosen), FEWEST_PAIRS))

    def is_late(rows: int) -> bool:
        return expired() or subject.pace.seconds_for(rows) > seconds_left()

    found = _permute(subject, score, codes, starts, space, seed, is_late)
    # Whatever the clock decided makes a report that another run need not give again: it is not whole.
    return replace(found, complete=False) if few else found


def _affordable(width: int) -> int:
    """Background rows to walk from: fewer where each walk is long, and never so few that four reasons are noise."""
    return max(FEWEST_WALKS, MOST_ASKED // (2 * width))


def _enumerate(
    score: Score,
    codes: Matrix,
    rows: NDArray[np.intp],
    moved: NDArray[np.bool_],
    players: NDArray[np.intp],
    space: str,
) -> Sampled:
    """All coalitions of the inputs that differ; a coalition is asked once per row where it changes
    something."""
    count = len(players)
    coalitions = np.arange(1 << count)
    can_move = moved[:, players] @ (1 << np.arange(count)).astype(np.intp)
    key = (np.arange(len(rows))[:, None] << count) | (coalitions & can_move[:, None])
    asked, back = np.unique(key, return_inverse=True)
    mask = np.zeros((len(asked), len(codes)), dtype=bool)
    mask[:, players] = (asked[:, None] >> np.arange(count)) & 1
    outcomes = values_of(score(rows[asked >> count], mask), space)
    game = outcomes[back.reshape(key.shape)].mean(axis=0)
    values = np.zeros(len(codes))
    size = np.bitwise_count(coalitions.astype(np.uint64)).astype(np.intp)
    for position, player in enumerate(players):
        without = coalitions[(coalitions >> position) & 1 == 0]
        weight = np.asarray([1.0 / (count * comb(count - 1, k)) for k in range(count)])[size[without]]
        values[player] = weight @ (game[without | (1 << position)] - game[without])
    return Sampled("exact", float(game[0]), float(game[-1]), values, None, len(rows))


def _permute(
    subject: Subject,
    score: Score,
    codes: Matrix,
    starts: NDArray[np.intp],
    space: str,
    seed: int,
    is_late: Callable[[int], bool],
) -> Sampled:
    """Antithetic permutation sampling, one pair of permutations per entry of `starts` (background indices), until it
    would be late after so many more rows."""
    rng = np.random.default_rng(seed)
    width = len(codes)
    target = float(values_of(subject.score(codes.reshape(1, -1)), space)[0])
    known = values_of(subject.scores, space)
    order = rng.permuted(np.tile(np.arange(width), (len(starts), 1)), axis=1)
    shuffled = rng.permutation(len(starts))  # so that an early stop leaves a fair sample of the rows
    starts, order = starts[shuffled], order[shuffled]
    most, step = max(1, BATCH_ROWS // (2 * width)), FIRST_PAIRS
    pairs: list[Matrix] = []
    done = 0
    while done < len(starts) and (done == 0 or not is_late(2 * step * width)):
        chosen, part = starts[done : done + step], order[done : done + step]
        there = _walk(subject, score, codes, chosen, part, known, target, space)
        back = _walk(subject, score, codes, chosen, part[:, ::-1], known, target, space)
        pairs.append((there + back) / 2)
        done += len(chosen)
        # From few, so that a slow model meets the clock soon; by a fixed rule, so that no clock decides on rounding.
        step = min(2 * step, most)
    values = np.concatenate(pairs)
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.full(width, np.nan)
    base = float(known[starts[:done]].mean())
    return Sampled("permutation", base, target, values.mean(axis=0), errors, done, done == len(starts))


def _walk(
    subject: Subject,
    score: Score,
    codes: Matrix,
    chosen: NDArray[np.intp],
    order: NDArray[np.intp],
    known: Matrix,
    target: float,
    space: str,
) -> Matrix:
    """Marginal contributions along one permutation per row, shape (rows, features)."""
    rows = subject.codes[chosen]
    count, width = rows.shape
    lines = np.arange(count)[:, None]
    moves = differs(rows, codes)[lines, order]
    # Steps that change nothing keep the last value; the last change arrives at the explained row itself.
    reached = moves.cumsum(axis=1)
    ask = moves & (reached < reached[:, -1:])
    rank = np.empty_like(order)
    rank[lines, order] = np.arange(width)
    line, step = np.nonzero(ask)
    mask = rank[line] <= step[:, None]
    outcome = np.full((count, width + 1), np.nan)
    outcome[:, 0] = known[chosen]
    outcome[line, step + 1] = values_of(score(chosen[line], mask), space)
    outcome[:, 1:][reached == reached[:, -1:]] = target
    last = np.maximum.accumulate(np.where(np.isnan(outcome), 0, np.arange(width + 1)), axis=1)
    outcome = outcome[lines, last]
    values = np.zeros((count, width))
    values[lines, order] = np.diff(outcome, axis=1)
    return values
