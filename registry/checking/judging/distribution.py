"""Does it decide like the version that it replaces, and like in training; and alike for protected groups?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from registry import statistics
from registry.checking.findings import Finding, Verdict, judged
from registry.checking.judging.evaluated import Group, Scored
from registry.checking.judging.fairness import RULE, judge_groups

KIND = "distribution"
FEW_ROWS = 100
_BARS = 20
_QUANTILES = (5, 25, 50, 75, 95)


def judge_distribution(
    *,
    candidate: Scored | None,
    training: Scored,
    live: Scored | None,
    live_problem: str,
    groups: Sequence[Sequence[Group]],
    thresholds: Mapping[str, float],
    evaluation_sha256: str | None,
) -> Finding:
    """Passed when the scores of the evaluation rows are like the live version's on the same rows and like those of the
    training sample, and no protected group is favoured too seldom.

    Against the live version every difference counts, since the rows are the same. Against the training sample only
    what exceeds the limit and also what two samples of one population would show (95 %). `live_problem` says why the
    live version has no scores of these rows, which fails. Without an evaluation sample (`candidate` is None) the
    verdict is missing; the groups are then those of the training sample, and are shown only.
    """
    edges = _edges([scored for scored in (training, candidate, live) if scored is not None])
    noise = _noise(candidate, training) if candidate else {}
    comparisons: dict[str, Any] = {"live": None, "training": None}
    if candidate is not None:
        comparisons["training"] = _compared(training, candidate)
        comparisons["live"] = {**_compared(live, candidate), **_paired(live, candidate)} if live else None
    rates, unfair = judge_groups(groups, candidate or training, live, thresholds)
    payload = {
        "rows": len(candidate.scores) if candidate else 0,
        "evaluation_sha256": evaluation_sha256,
        **{name: _described(scored, edges) for name, scored in _named(candidate, live, training).items()},
        "comparisons": comparisons,
        "noise": noise,
        "groups": rates,
        "groups_rule": RULE,
    }
    if candidate is None:
        words = "No evaluation sample was sent, so there are no rows on which versions could be compared"
        return Finding(KIND, Verdict.MISSING, words, {**payload, "problems": [], "thresholds": dict(thresholds)})
    problems = [live_problem] if live_problem else []
    if live is not None:
        problems += _beyond(comparisons["live"], f"against version {live.version}", "live", {}, thresholds)
    problems += _beyond(comparisons["training"], "against the training sample", "training", noise, thresholds)
    return judged(KIND, problems + unfair, _good(comparisons, live, len(candidate.scores)), payload, thresholds)


def _named(candidate: Scored | None, live: Scored | None, training: Scored) -> dict[str, Scored | None]:
    return {"candidate": candidate, "live": live, "training": training}


def _described(scored: Scored | None, edges: list[float]) -> dict[str, Any] | None:
    if scored is None:
        return None
    values = np.percentile(scored.scores, _QUANTILES)
    return {
        "version": scored.version,
        "rows": len(scored.scores),
        "positive_rate": scored.positive_rate,
        "mean": float(scored.scores.mean()),
        "quantiles": {f"p{at:02d}": float(value) for at, value in zip(_QUANTILES, values, strict=True)},
        "histogram": {"edges": edges, "shares": statistics.histogram(scored.scores, edges)},
    }


def _edges(every: Sequence[Scored]) -> list[float]:
    """The same bars for all: twenty of probability, or of the range of all values of a regression."""
    if every[0].output.threshold is not None:
        return [bar / _BARS for bar in range(_BARS + 1)]
    values = np.concatenate([scored.scores for scored in every])
    low, high = float(values.min()), float(values.max())
    return [float(edge) for edge in np.linspace(low, high if high > low else low + 1, _BARS + 1)]


def _compared(reference: Scored, candidate: Scored) -> dict[str, Any]:
    before, now = reference.positive_rate, candidate.positive_rate
    return {
        "psi": statistics.psi(reference.scores, candidate.scores),
        "ks": statistics.ks_distance(reference.scores, candidate.scores),
        "positive_rate_change": None if before is None or now is None else now - before,
    }


def _paired(live: Scored, candidate: Scored) -> dict[str, Any]:
    """Row by row, since both scored the same rows."""
    flips = None
    if live.adverse is not None and candidate.adverse is not None:
        flips = float((live.adverse != candidate.adverse).mean())
    return {"flip_rate": flips, "mean_abs_change": float(np.abs(live.scores - candidate.scores).mean())}


def _noise(candidate: Scored, training: Scored) -> dict[str, float]:
    """What two samples of one population stay below with 95 % confidence."""
    rows, others = len(candidate.scores), len(training.scores)
    found = {"psi": statistics.psi_noise(rows, others), "ks": statistics.ks_noise(rows, others)}
    if candidate.adverse is not None and training.adverse is not None:
        share = float(np.concatenate([candidate.adverse, training.adverse]).mean())
        found["positive_rate_change"] = 1.96 * float(np.sqrt(share * (1 - share) * (1 / rows + 1 / others)))
    return found


def _beyond(
    found: Mapping[str, Any], against: str, which: str, noise: Mapping[str, float], thresholds: Mapping[str, float]
) -> list[str]:
    limits = {
        "psi": ("PSI", thresholds[f"max_psi_{which}"]),
        "ks": ("KS distance", thresholds["max_ks"]),
        "positive_rate_change": ("change of the adverse rate", thresholds["max_positive_rate_change"]),
    }
    problems = []
    for name, (words, limit) in limits.items():
        value = found[name]
        if value is not None and abs(value) > max(limit, noise.get(name, 0.0)):
            problems.append(
                f"{words} {against} is {value:{'+.3f' if name.endswith('change') else '.3f'}}, {_most(limit)}"
            )
    return problems


def _most(limit: float) -> str:
    return f"at most {limit:g} is allowed"


def _good(comparisons: Mapping[str, Any], live: Scored | None, rows: int) -> str:
    few = f"; {rows} rows say little" if rows < FEW_ROWS else ""
    training = f"PSI {comparisons['training']['psi']:.3f} against the training sample"
    if live is None:
        return f"{training} on {rows:,} rows; no other version is live to compare with{few}"
    found = comparisons["live"]
    flips = "" if found["flip_rate"] is None else f", {found['flip_rate']:.1%} of the labels differ"
    return f"PSI {found['psi']:.3f} against version {live.version}{flips}; {training} on {rows:,} rows{few}"
