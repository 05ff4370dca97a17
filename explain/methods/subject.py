"""What is explained: a model behind its scorer, its input schema and the population it is compared with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Expired = Callable[[], bool]
JsonValue = str | int | float | bool | None

MEASURED_ROWS = 20
BLACK_BOX_COST = 40.0  # microseconds a row: a forest of some hundred trees as ONNX, or a network of some 10,000 weights
BATCH_ROWS = 20_000  # rows per call of the model: large enough to hide pandas' cost per call, small in memory


class MethodRefused(Exception):
    """A method cannot explain this model rightly; the message says why, for the report's notes."""


class OutOfTime(Exception):
    """There is not enough time left to ask this model what a method needs; the message says so."""


def unlimited() -> float:
    """Seconds left where nobody waits."""
    return math.inf


@dataclass
class Pace:
    """What a row costs the model (s), as last measured. Decides only what is left out when time is short."""

    seconds_per_row: float = 0.0

    def note(self, rows: int, seconds: float) -> None:
        """Remember a call; one of few rows shows what a call costs, not a row, and counts only if there is no other."""
        if rows >= MEASURED_ROWS or not self.seconds_per_row:
            self.seconds_per_row = seconds / rows

    def seconds_for(self, rows: int) -> float:
        """About how long so many rows take."""
        return rows * self.seconds_per_row


class FeatureLike(Protocol):
    """One raw input, as `registry.scoring` declares it."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def categories(self) -> tuple[str, ...]: ...

    @property
    def protected(self) -> bool: ...

    @property
    def actionable(self) -> bool: ...

    @property
    def monotone(self) -> int | None: ...


class SchemaLike(Protocol):
    """The inputs in the order in which codes have their columns."""

    @property
    def features(self) -> Sequence[Any]: ...


class ScorerLike(Protocol):
    """A loaded model; `score_codes`, where it has one, is used instead of the frame."""

    @property
    def native(self) -> Any: ...

    @property
    def format(self) -> str: ...

    def score(self, frame: pd.DataFrame) -> Any: ...


class Coding(Protocol):
    """Raw rows ↔ DataFrame ↔ float64 code matrix (category → index in the schema's enum, missing → NaN)."""

    def to_frame(self, rows: Any, schema: Any) -> pd.DataFrame: ...
    def to_codes(self, frame: pd.DataFrame, schema: Any) -> Any: ...
    def from_codes(self, codes: Any, schema: Any) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Effort:
    """How much work is spent per decision. Part of the report, so that a report can be made again exactly."""

    lime_samples: int = 5_000
    background_rows: int = 500  # rows that the sampler walks from, one antithetic pair of permutations each
    exact_rows: int = 300_000  # model rows up to which all coalitions are enumerated
    neighbours: int = 30  # accepted rows that the counterfactual search starts from

    @classmethod
    def for_row_cost(cls, microseconds: float) -> Effort:
        """Three coarse tiers by the model's measured cost per row, so that timing noise rarely moves a
        report."""
        if microseconds < 20:
            return cls()
        if microseconds < 60:
            return cls(lime_samples=3_000, background_rows=250, exact_rows=60_000)
        return cls(lime_samples=2_000, background_rows=200, exact_rows=20_000, neighbours=10)


@dataclass(frozen=True, eq=False)
class Subject:
    """A version as the methods see it. `background` has one row per person, columns in schema order."""

    schema: SchemaLike
    scorer: ScorerLike
    coding: Coding
    background: pd.DataFrame
    regression: bool = False
    pace: Pace = field(default_factory=Pace)
    # A faster way to the same scores, for questions by the thousand; what is told is always the scorer's own answer.
    shortcut: Callable[[Matrix], Matrix] | None = None

    @cached_property
    def features(self) -> tuple[FeatureLike, ...]:
        return tuple(self.schema.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(str(feature.name) for feature in self.features)

    @cached_property
    def codes(self) -> Matrix:
        """Background rows as codes, shape (rows, features)."""
        return np.asarray(self.coding.to_codes(self.background, self.schema), dtype=np.float64)

    @cached_property
    def scores(self) -> Matrix:
        """Score of each background row: probability of the adverse label, or the raw value for regression."""
        return self.score(self.codes)

    def score(self, codes: Matrix) -> Matrix:
        """Scores of code rows, shape (rows,), through the same scorer that answers decisions."""
        return self._batched(codes, self._answer)

    def score_many(self, codes: Matrix) -> Matrix:
        """Scores of code rows by the shortcut, where there is one: for samples and searches."""
        return self._batched(codes, self.shortcut or self._answer)

    def _batched(self, codes: Matrix, ask: Callable[[Matrix], Matrix]) -> Matrix:
        parts = []
        for start in range(0, len(codes), BATCH_ROWS):
            batch, began = codes[start : start + BATCH_ROWS], time.perf_counter()
            parts.append(ask(batch))
            self.pace.note(len(batch), time.perf_counter() - began)
        return np.concatenate(parts) if parts else np.empty(0)

    def _answer(self, codes: Matrix) -> Matrix:
        direct = getattr(self.scorer, "score_codes", None)  # boosters read codes: no detour through a frame
        scores = self.scorer.score(self.frame(codes)) if direct is None else direct(codes)
        return np.asarray(scores, dtype=np.float64).ravel()

    def frame(self, codes: Matrix) -> pd.DataFrame:
        return self.coding.from_codes(codes, self.schema)

    def codes_of(self, row: Mapping[str, Any]) -> Matrix:
        """One decision's inputs as a code row, shape (features,)."""
        frame = self.coding.to_frame([dict(row)], self.schema)
        return np.asarray(self.coding.to_codes(frame, self.schema), dtype=np.float64)[0]

    def decode(self, index: int, code: float) -> JsonValue:
        """The plain value behind a code: what the caller would have sent."""
        feature = self.features[index]
        if math.isnan(code):
            return None
        if feature.kind == "category":
            return plain(feature.categories[int(code)])
        if feature.kind == "boolean":
            return bool(code)
        return int(code) if feature.kind == "integer" and float(code).is_integer() else float(code)

    def is_discrete(self, index: int) -> bool:
        return self.features[index].kind in ("category", "boolean")

    def level_count(self, index: int) -> int:
        return max(2, len(self.features[index].categories or ()))


def row_cost(scorer: ScorerLike) -> float:
    """About how many microseconds a row costs in a batch, from the number of trees: 0 for what has none, and the middle
    for what does not show what it is.

    Counted, not measured: a busy machine must not change a report. Microseconds per tree: XGBoost 0.01, LightGBM
    0.06, scikit-learn forests and histogram boosting 0.2 (measured on one core, 300 to 500 trees each).
    """
    native = scorer.native
    if scorer.format == "xgboost":
        return 0.01 * native.num_boosted_rounds()
    if scorer.format == "lightgbm":
        return 0.06 * native.num_trees()
    if scorer.format in ("onnx", "remote"):
        return BLACK_BOX_COST
    final = native.steps[-1][1] if hasattr(native, "steps") else native
    if hasattr(final, "n_iter_") and hasattr(final, "_predictors"):
        return 0.2 * len(final._predictors)
    return 0.2 * np.size(getattr(final, "estimators_", ()))


def check_coding(subject: Subject, rows: int = 50) -> None:
    """Refuse with ValueError when codes lose something that the model reads: every method would be wrong."""
    direct = np.asarray(subject.scorer.score(subject.background.iloc[:rows]), dtype=np.float64).ravel()
    drift = float(np.max(np.abs(direct - subject.score(subject.codes[:rows])), initial=0.0))
    if not drift <= 1e-6:
        raise ValueError(f"rows do not survive coding: scores move by {drift:.2g}")


def sample_rows(count: int, wanted: int) -> NDArray[np.intp]:
    """Indices of a fixed random sample, sorted: the same for every decision, so base values stay
    comparable."""
    if count <= wanted:
        return np.arange(count)
    return np.sort(np.random.default_rng(20_240_801).choice(count, wanted, replace=False))


def differs(left: Matrix, right: Matrix) -> NDArray[np.bool_]:
    """Cell by cell; two missing values are the same value."""
    return ~((left == right) | (np.isnan(left) & np.isnan(right)))


def plain(value: Any) -> JsonValue:
    """A JSON scalar: Python bool, int, finite float, str or None."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def indices(names: Sequence[str]) -> dict[str, int]:
    return {name: position for position, name in enumerate(names)}
