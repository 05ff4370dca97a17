"""The evaluation rows as judges read them: what was true, who is in which protected group, and a version's scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from registry.scoring.manifest import Manifest, OutputSpec
from registry.scoring.schema import Feature, InputSchema

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# A number with more different values than this is cut at its quartiles.
MOST_SINGLE_VALUES = 10
NOT_STATED = "not stated"


class LabelsUnfit(ValueError):
    """The label column says something else than the manifest's labels; the message says what."""


@dataclass(frozen=True)
class Scored:
    """A version's scores of some rows, and what they mean; `version` is None while it has no number yet."""

    version: int | None
    scores: Floats
    output: OutputSpec

    @property
    def adverse(self) -> Mask | None:
        """Which rows get the adverse label; None for regression."""
        return None if self.output.threshold is None else self.scores >= self.output.threshold

    @property
    def positive_rate(self) -> float | None:
        """Share of rows with the adverse label; None for regression."""
        return rate(self.adverse)


@dataclass(frozen=True)
class Group:
    """The rows that hold one value of a protected input."""

    feature: str
    title: str
    value: str
    rows: Mask


def truth_of(labels: NDArray[np.object_] | Floats, manifest: Manifest) -> NDArray[np.generic]:
    """For a classifier which rows are adverse (bool), for regression the true values; `LabelsUnfit` where they are not.

    Of a model of many classes the column has the classes.

    A label column of nothing but numbers is read as numbers; labels such as 0 and 1 are then compared as such.
    """
    if not manifest.is_classifier:
        if labels.dtype.kind != "f":
            raise LabelsUnfit("the label column of a regression must hold numbers")
        return labels
    names, adverse = manifest.output.outcomes, manifest.output.adverse_outcomes
    known = [_as_in(name, labels) for name in names]
    unknown = [value for value in dict.fromkeys(labels.tolist()) if value not in known]
    if unknown:
        what = "classes" if manifest.output.classes else "labels"
        raise LabelsUnfit(f"the label column has {unknown[0]!s:.40}, which is none of the {what} {', '.join(names)}")
    return np.isin(labels.tolist(), [_as_in(name, labels) for name in adverse])


def groups_of(frame: pd.DataFrame, schema: InputSchema) -> list[list[Group]]:
    """For each protected input its groups, in the order of the schema and of its values."""
    return [list(_groups(frame[feature.name], feature)) for feature in schema.features if feature.protected]


def rate(mask: Mask | None) -> float | None:
    """The share of true ones; None without a mask or without rows."""
    return None if mask is None or not len(mask) else float(mask.mean())


def _as_in(name: str, labels: NDArray[np.generic]) -> str | float:
    if labels.dtype.kind != "f":
        return name
    try:
        return float(name)
    except ValueError:
        return name


def _groups(column: pd.Series, feature: Feature) -> Iterator[Group]:
    values = column.to_numpy()
    missing = np.asarray(pd.isna(values), dtype=np.bool_)
    for value, rows in _parts(values, missing, feature):
        if rows.any():
            yield Group(feature.name, feature.title, value, rows)
    if missing.any():
        yield Group(feature.name, feature.title, NOT_STATED, missing)


def _parts(values: NDArray[np.generic], missing: Mask, feature: Feature) -> Iterator[tuple[str, Mask]]:
    if feature.kind == "category":
        yield from ((value, np.asarray(values == value, dtype=np.bool_)) for value in feature.categories)
        return
    if feature.kind == "boolean":
        yield from ((word, np.asarray(values == number, dtype=np.bool_)) for word, number in (("no", 0), ("yes", 1)))
        return
    numbers = values.astype(np.float64)
    different = np.unique(numbers[~missing])
    if len(different) <= MOST_SINGLE_VALUES:
        yield from ((f"{value:.6g}", numbers == value) for value in different)
        return
    ends = np.unique(np.quantile(numbers[~missing], [0, 0.25, 0.5, 0.75, 1], method="inverted_cdf"))
    for position, (low, high) in enumerate(pairwise(ends)):
        above = numbers >= low if position == 0 else numbers > low
        words = f"{low:.6g} to {high:.6g}" if position == 0 else f"above {low:.6g} to {high:.6g}"
        yield words, above & (numbers <= high)
