"""Whether SHAP and LIME tell the same story: three numbers and a verdict.

Sources: Krishna et al. 2022 (arXiv 2202.01602) for the measures; research/explain.md §3.4 for scaling a LIME
weight by the share of people elsewhere before comparing, since the weight means "here instead of elsewhere".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.methods.local import LimeResult
from explain.methods.shapley import ShapResult
from explain.methods.subject import Matrix

TOP_OVERLAP = 3
TOP_SIGNS = 4


@dataclass(frozen=True)
class Agreement:
    """`top3_overlap`: share of the top three in common. `sign_agreement`: share of SHAP's top four (as far as
    LIME weighs them) that push the same way in both. `rank_correlation`: Spearman's ρ of the sizes over all
    inputs, None when it is not defined. `verdict`: agree, partly or disagree.
    """

    top3_overlap: float
    sign_agreement: float
    rank_correlation: float | None
    verdict: str


def compare(shap: ShapResult, lime: LimeResult) -> Agreement:
    """Agreement of two explanations of the same decision."""
    theirs = {item.feature: item.weight * item.p_other for item in lime.contributions}
    names = [item.feature for item in shap.contributions]
    ours = np.asarray([item.contribution for item in shap.contributions])
    other = np.asarray([theirs.get(name, 0.0) for name in names])
    overlap = _top_overlap(ours, other)
    signs = _sign_agreement(ours, other)
    return Agreement(overlap, signs, _spearman(np.abs(ours), np.abs(other)), _verdict(overlap, signs))


def _top_overlap(ours: Matrix, other: Matrix) -> float:
    size = min(TOP_OVERLAP, int(np.count_nonzero(ours)))
    if size == 0:
        return 1.0 if not other.any() else 0.0
    first = set(np.argsort(-np.abs(ours), kind="stable")[:size])
    second = set(np.argsort(-np.abs(other), kind="stable")[:size])
    return len(first & second) / size


def _sign_agreement(ours: Matrix, other: Matrix) -> float:
    top = [
        index
        for index in np.argsort(-np.abs(ours), kind="stable")[:TOP_SIGNS]
        if ours[index] and other[index]
    ]
    return float(np.mean(np.sign(ours[top]) == np.sign(other[top]))) if top else 1.0


def _spearman(ours: Matrix, other: Matrix) -> float | None:
    if len(ours) < 3 or np.ptp(ours) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(_ranks(ours), _ranks(other))[0, 1])


def _ranks(values: Matrix) -> Matrix:
    """Ranks from 1; ties share their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


def _verdict(overlap: float, signs: float) -> str:
    """Signs weigh most: LIME's order of reasons is unstable even on easy models, its signs are not (§3.4)."""
    if signs < 0.75 or overlap == 0.0:
        return "disagree"
    return "agree" if signs == 1.0 and overlap >= 2 / 3 else "partly"
