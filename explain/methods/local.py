"""LIME of one decision, through the lime library, with its silent errors kept out.

Three things are ours (research/explain.md §1.2, §1.3, §3.4). A bin that holds one value gives back that
value, where the library gives the z-score 0 (a loan term of 36 months became 0 months). Whole numbers stay
whole. All features are fitted at once: asking lime for six or fewer switches to forward selection, 10 to 25
times slower. Missing values are a level of their own for categories; a missing number is held missing in all
samples, since LIME has no words for "missing" on a scale.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from lime.discretize import QuartileDiscretizer
from lime.lime_tabular import LimeTabularExplainer

from explain.methods.subject import Expired, Matrix, OutOfTime, Subject, unlimited

SEEDS = 3
TOP = 5
FEWEST_SAMPLES = 300
FEWEST_CHANGED = 50  # samples in which a feature differs, and in which it does not: fewer give noise (§3.4)


@dataclass(frozen=True)
class LimeWeight:
    """Weight of being in this condition instead of elsewhere, in score units; `p_other`: share elsewhere."""

    feature: str
    condition: str
    weight: float
    p_other: float


@dataclass(frozen=True)
class LimeResult:
    """The local linear model around one decision. `stability`: mean pairwise Jaccard of the top five over
    seeds.

    `dropped` names features that hardly varied between samples, whose weights would be noise.
    """

    intercept: float
    local_prediction: float
    r2: float
    samples: int
    stability: float | None
    contributions: tuple[LimeWeight, ...]
    dropped: tuple[str, ...]
    complete: bool = True


class WholeBins(QuartileDiscretizer):
    """Quartile bins that give back the value of a single-valued bin, and whole numbers where data are."""

    def __init__(self, data: Matrix, categorical: list[int], names: list[str], whole: set[int]) -> None:
        super().__init__(data, categorical, names)
        self.whole = whole
        self.single = {feature: self._single_values(data[:, feature], feature) for feature in self.lambdas}

    def _single_values(self, column: Matrix, feature: int) -> Matrix:
        """The value of each bin that holds just one, else NaN."""
        bins = self.lambdas[feature](column)
        found = [np.unique(column[bins == each]) for each in range(len(self.mins[feature]))]
        return np.asarray([values[0] if len(values) == 1 else np.nan for values in found])

    def get_undiscretize_values(self, feature: int, values: Any) -> Any:
        drawn = super().get_undiscretize_values(feature, values)
        low = np.asarray(self.mins[feature])[values]
        high = np.asarray(self.maxs[feature])[values]
        single = self.single[feature][values]
        drawn = np.where(np.isnan(single), drawn, single)
        if feature in self.whole:
            # (low, high] without its lower end, save in the first bin, which begins at the smallest value.
            least = np.where(values == 0, np.ceil(low), np.floor(low) + 1)
            drawn = np.clip(np.round(drawn), np.minimum(least, np.floor(high)), np.floor(high))
        return drawn


@dataclass(frozen=True)
class LimeReady:
    """The explainer with its statistics, reusable between decisions, and how missing values were filled."""

    explainer: LimeTabularExplainer
    discrete: tuple[int, ...]
    fill: Matrix


def prepare_lime(subject: Subject) -> LimeReady:
    """Statistics of the background, once per version."""
    codes = subject.codes
    discrete = [index for index in range(codes.shape[1]) if subject.is_discrete(index)]
    fill = np.zeros(codes.shape[1])
    for index in range(codes.shape[1]):
        present = codes[~np.isnan(codes[:, index]), index]
        if index in discrete:
            fill[index] = subject.level_count(index)
        elif len(present):
            fill[index] = np.median(present)
    filled = np.where(np.isnan(codes), fill, codes)
    whole = {index for index, feature in enumerate(subject.features) if feature.kind == "integer"}
    names = list(subject.names)
    explainer = LimeTabularExplainer(
        filled,
        mode="regression" if subject.regression else "classification",
        feature_names=names,
        categorical_features=discrete,
        class_names=None if subject.regression else ["other", "adverse"],
        discretize_continuous=True,
        discretizer=WholeBins(filled, discrete, names, whole),
        feature_selection="highest_weights",
        random_state=0,
    )
    return LimeReady(explainer, tuple(discrete), fill)


def explain_lime(
    subject: Subject,
    ready: LimeReady,
    codes: Matrix,
    *,
    samples: int,
    seed: int,
    expired: Expired = lambda: False,
    seconds_left: Callable[[], float] = unlimited,
) -> LimeResult:
    """LIME of one code row: the fit with `seed`, and two more for stability unless time is up.

    A model that is too slow for all samples gets fewer; OutOfTime when it is too slow for `FEWEST_SAMPLES`.
    """
    wanted, samples = samples, _affordable(subject, samples, seconds_left())
    first = _fit(subject, ready, codes, samples, seed)
    others = np.random.default_rng(seed).integers(0, 2**32 - 1, size=SEEDS - 1)
    fits = [first]
    for other in others:
        if expired():
            break
        fits.append(_fit(subject, ready, codes, samples, int(other)))
    tops = [{item.feature for item in fit.contributions[:TOP]} for fit in fits]
    overlaps = [len(a & b) / len(a | b) if a | b else 1.0 for a, b in combinations(tops, 2)]
    stability = float(np.mean(overlaps)) if overlaps else None
    return replace(first, stability=stability, complete=len(fits) == SEEDS and samples == wanted)


def _affordable(subject: Subject, samples: int, seconds: float) -> int:
    """As many samples as all seeds can be asked about in time, by halves; at the least what one seed can."""
    while subject.pace.seconds_for(SEEDS * samples) > seconds and samples // 2 >= FEWEST_SAMPLES:
        samples //= 2
    if subject.pace.seconds_for(samples) > seconds:
        raise OutOfTime(f"the model takes {subject.pace.seconds_for(1_000):.1f} s for 1,000 rows")
    return samples


def _fit(subject: Subject, ready: LimeReady, codes: Matrix, samples: int, seed: int) -> LimeResult:
    missing = np.isnan(codes)
    row = np.where(missing, ready.fill, codes)
    held = [index for index in np.flatnonzero(missing) if index not in ready.discrete]
    explainer = _seeded(ready.explainer, seed)
    seen: list[Matrix] = []

    def predict(drawn: Matrix) -> Matrix:
        seen.append(drawn)
        asked = np.array(drawn, dtype=np.float64)
        for index in ready.discrete:
            asked[asked[:, index] == subject.level_count(index), index] = np.nan
        asked[:, held] = np.nan
        scores = subject.score_many(asked)
        return scores if subject.regression else np.column_stack([1.0 - scores, scores])

    found = explainer.explain_instance(row, predict, labels=(1,), num_features=len(row), num_samples=samples)
    bins = explainer.discretizer.discretize(row)
    changed = (explainer.discretizer.discretize(seen[0]) != bins).sum(axis=0)
    kept, dropped = [], []
    for index, weight in found.local_exp[1]:
        # Too few samples on either side of the bin: the weight would be drawn from the intercept or from noise.
        if min(changed[index], samples - changed[index]) < FEWEST_CHANGED or index in held:
            dropped.append(subject.names[index])
            continue
        condition = _condition(
            subject, explainer.discretizer, int(index), float(codes[index]), int(bins[index])
        )
        p_other = 1.0 - _frequency(explainer, int(index), float(bins[index]))
        kept.append(LimeWeight(subject.names[index], condition, float(weight), p_other))
    return LimeResult(
        intercept=float(found.intercept[1]),
        local_prediction=float(np.ravel(found.local_pred)[0]),
        r2=float(found.score),
        samples=samples,
        stability=None,
        contributions=tuple(sorted(kept, key=lambda item: -abs(item.weight))),
        dropped=tuple(sorted(dropped)),
    )


def _seeded(explainer: LimeTabularExplainer, seed: int) -> LimeTabularExplainer:
    """A shallow copy with a fresh generator: the library's own advances, so a second call would differ."""
    fresh = copy.copy(explainer)
    fresh.random_state = np.random.RandomState(seed)
    fresh.base = copy.copy(explainer.base)
    fresh.base.random_state = fresh.random_state
    fresh.discretizer = copy.copy(explainer.discretizer)
    fresh.discretizer.random_state = fresh.random_state
    return fresh


def _frequency(explainer: LimeTabularExplainer, index: int, level: float) -> float:
    for value, frequency in zip(
        explainer.feature_values[index], explainer.feature_frequencies[index], strict=True
    ):
        if value == level:
            return float(frequency)
    return 0.0


def _condition(subject: Subject, bins: Any, index: int, code: float, bin_number: int) -> str:
    """The condition in raw terms: `pirat > 0.3`, `phist = yes`."""
    name = subject.names[index]
    if np.isnan(code):
        return f"{name} is missing"
    if subject.is_discrete(index):
        value = subject.decode(index, code)
        return f"{name} = {('yes' if value else 'no') if isinstance(value, bool) else value}"
    low, high = bins.mins[index][bin_number], bins.maxs[index][bin_number]
    if bin_number == 0:
        return f"{name} ≤ {number(high)}"
    if bin_number == len(bins.mins[index]) - 1:
        return f"{name} > {number(low)}"
    return f"{number(low)} < {name} ≤ {number(high)}"


def number(value: float, digits: int = 3) -> str:
    """A number as a reader wants it: three significant digits, whole numbers whole, thousands parted."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
