"""Whether the features at serving time are those of training time, key by key. Pure; runs in Feast's environment too.

What it says holds figures alone, no row's values: it may leave the place where the features are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from registry.checking.findings import Finding, judged

GATE = "feature_parity"
FORMAT = "countersign.feature-parity/1"
RELATIVE_TOLERANCE = 1e-6
MAX_MISMATCH = 0.01
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
MAX_FEATURES = 1_000
# As many features as a sentence names.
_NAMED = 5


class ParityInvalid(ValueError):
    """The two sides cannot be compared, or what claims to be a comparison is none."""


@dataclass(frozen=True)
class FeatureParity:
    """One feature over the keys that both sides have."""

    feature: str
    # What pandas read: number, boolean, time or text; the names differ where the two sides do.
    training_type: str
    serving_type: str
    compared: int
    mismatches: int
    # A value on one side, none on the other.
    nulls_in_training: int
    nulls_in_serving: int
    # Of |training − serving| ÷ the larger magnitude, over rows with numbers on both sides.
    relative_difference: Mapping[str, float] = field(default_factory=dict)

    @property
    def mismatch_rate(self) -> float:
        """The share of rows that differ, missing values among them."""
        return self.mismatches / self.compared if self.compared else 0.0


@dataclass(frozen=True)
class Parity:
    """The comparison of two tables of features."""

    keys: Sequence[str]
    relative_tolerance: float
    rows: int
    training_only: int
    serving_only: int
    features: Sequence[FeatureParity]
    # Columns that one side lacks.
    missing_in_training: Sequence[str] = ()
    missing_in_serving: Sequence[str] = ()
    # Seconds between a row's own time and the moment of the comparison, at serving.
    age_seconds: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        """The parity JSON, which `from_json` reads back."""
        features = [{**asdict(each), "mismatch_rate": each.mismatch_rate} for each in self.features]
        return {"format": FORMAT, **asdict(self), "features": features}


def compare(
    training: pd.DataFrame,
    serving: pd.DataFrame,
    keys: Sequence[str],
    *,
    relative_tolerance: float = RELATIVE_TOLERANCE,
    timestamp: str | None = None,
    at: datetime | None = None,
    source: str = "",
) -> Parity:
    """Compare every column that is neither a key nor the timestamp.

    `ParityInvalid` for a key that is missing, empty or not unique, and where nothing is left to compare.
    """
    left, right = _indexed(training, keys, "training"), _indexed(serving, keys, "serving")
    ages = _ages(right, timestamp, at)
    left, right = (side.drop(columns=[timestamp], errors="ignore") if timestamp else side for side in (left, right))
    shared = [name for name in left.columns if name in right.columns]
    if not shared:
        raise ParityInvalid("the two sides share no feature")
    if len(shared) > MAX_FEATURES:
        raise ParityInvalid(f"at most {MAX_FEATURES} features are compared, there were {len(shared)}")
    both = left.index.intersection(right.index)
    matched = (left.loc[both], right.loc[both])
    return Parity(
        keys=list(keys),
        relative_tolerance=relative_tolerance,
        rows=len(both),
        training_only=len(left) - len(both),
        serving_only=len(right) - len(both),
        features=[_feature(name, matched[0][name], matched[1][name], relative_tolerance) for name in shared],
        missing_in_training=[str(name) for name in right.columns if name not in left.columns],
        missing_in_serving=[str(name) for name in left.columns if name not in right.columns],
        age_seconds=ages,
        source=source,
    )


def judge(parity: Parity, inputs: Sequence[str], thresholds: Mapping[str, float]) -> Finding:
    """Passed where no feature differs in more rows than the policy bears, and serving has the keys and columns."""
    problems = [*_problems_of_rows(parity, thresholds), *_problems_of_features(parity, thresholds)]
    covered = [name for name in inputs if name in {each.feature for each in parity.features}]
    if not covered:
        problems.append("none of the features is an input of the model")
    good = (
        f"{len(parity.features)} features are the same at serving for {parity.rows} keys; "
        f"{len(covered)} of {len(inputs)} inputs of the model are among them"
    )
    payload = {**parity.as_json(), "inputs_compared": covered}
    return judged(GATE, problems, good, payload, thresholds)


def from_json(value: object) -> Parity:
    """Read a parity JSON; `ParityInvalid` naming the first thing that is not as `as_json` writes it."""
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise ParityInvalid(f"it must be an object whose format is {FORMAT}")
    features = value.get("features")
    if not isinstance(features, list) or not 0 < len(features) <= MAX_FEATURES:
        raise ParityInvalid(f"features must be a list of 1 to {MAX_FEATURES}")
    return Parity(
        keys=_texts(value, "keys"),
        relative_tolerance=_number(value, "relative_tolerance"),
        rows=_count(value, "rows"),
        training_only=_count(value, "training_only"),
        serving_only=_count(value, "serving_only"),
        features=[_read_feature(each) for each in features],
        missing_in_training=_texts(value, "missing_in_training"),
        missing_in_serving=_texts(value, "missing_in_serving"),
        age_seconds=_numbers(value, "age_seconds"),
        source=_text(value, "source"),
    )


def _indexed(table: pd.DataFrame, keys: Sequence[str], side: str) -> pd.DataFrame:
    missing = [key for key in keys if key not in table.columns]
    if missing or not keys:
        raise ParityInvalid(f"{side} lacks the key {missing[0]}" if missing else "no key was named")
    if table[list(keys)].isna().to_numpy().any():
        raise ParityInvalid(f"{side} has rows without a key")
    index = pd.MultiIndex.from_arrays([_key(table[key]) for key in keys])
    if index.has_duplicates:
        raise ParityInvalid(f"{side} has several rows with one key")
    return table.drop(columns=list(keys)).set_axis(index)


def _key(values: pd.Series) -> np.ndarray:
    """Keys as text: one side may have read 17 as a number, as 17.0 beside an empty cell, or as text."""
    if pd.api.types.is_float_dtype(values) and np.all(np.mod(values.to_numpy(dtype=float), 1) == 0):
        values = values.astype("int64")
    return values.astype(str).to_numpy(dtype=object)


def _feature(name: Any, training: pd.Series, serving: pd.Series, tolerance: float) -> FeatureParity:
    kinds = (_kind(training), _kind(serving))
    gone_left, gone_right = training.isna().to_numpy(), serving.isna().to_numpy()
    present = ~gone_left & ~gone_right
    quantiles: dict[str, float] = {}
    if kinds == ("number", "number"):
        left, right = (side.to_numpy(dtype=float, na_value=np.nan)[present] for side in (training, serving))
        difference = _relative(left, right)
        differing = int((difference > tolerance).sum())
        quantiles = _quantiles(difference)
    elif kinds == ("time", "time"):
        left, right = (pd.to_datetime(side[present], utc=True).to_numpy() for side in (training, serving))
        differing = int((left != right).sum())
    else:
        left, right = (side[present].astype(str).to_numpy(dtype=object) for side in (training, serving))
        differing = int((left != right).sum())
    nulls = (int((gone_left & ~gone_right).sum()), int((gone_right & ~gone_left).sum()))
    return FeatureParity(
        feature=str(name),
        training_type=kinds[0],
        serving_type=kinds[1],
        compared=len(training),
        mismatches=differing + sum(nulls),
        nulls_in_training=nulls[0],
        nulls_in_serving=nulls[1],
        relative_difference=quantiles,
    )


def _kind(values: pd.Series) -> str:
    # A column without any value reads as numbers in one file and as text in another.
    if values.isna().all():
        return "number"
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    return "time" if pd.api.types.is_datetime64_any_dtype(values) else "text"


def _relative(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        difference = np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))
    # 0 beside 0, and an infinity beside the same one, are equal; one infinity beside anything else is wholly off.
    difference = np.where(left == right, 0.0, difference)
    return np.where(np.isfinite(difference), difference, 1.0)


def _quantiles(values: np.ndarray) -> dict[str, float]:
    return {name: float(np.quantile(values, share)) for name, share in QUANTILES.items()} if len(values) else {}


def _ages(serving: pd.DataFrame, timestamp: str | None, at: datetime | None) -> dict[str, float]:
    if timestamp is None or at is None:
        return {}
    if timestamp not in serving.columns:
        raise ParityInvalid(f"serving lacks the timestamp {timestamp}")
    times = pd.to_datetime(serving[timestamp], utc=True, errors="coerce").dropna()
    return _quantiles((pd.Timestamp(at) - times).dt.total_seconds().to_numpy(dtype=float))


def _problems_of_rows(parity: Parity, thresholds: Mapping[str, float]) -> list[str]:
    problems = []
    if parity.rows == 0:
        problems.append("no key is on both sides")
    wanted = parity.rows + parity.training_only
    if parity.rows and parity.training_only / wanted > thresholds["max_mismatch"]:
        problems.append(f"{parity.training_only} of {wanted} keys are missing at serving")
    if parity.missing_in_serving:
        problems.append(f"missing at serving: {_some(parity.missing_in_serving)}")
    if parity.relative_tolerance > thresholds["relative_tolerance"]:
        bound = thresholds["relative_tolerance"]
        problems.append(
            f"compared with a tolerance of {parity.relative_tolerance:g}; at most {bound:g} counts as equal"
        )
    return problems


def _problems_of_features(parity: Parity, thresholds: Mapping[str, float]) -> list[str]:
    types = [each.feature for each in parity.features if each.training_type != each.serving_type]
    worst = sorted(
        (each for each in parity.features if each.mismatch_rate > thresholds["max_mismatch"]),
        key=lambda each: -each.mismatch_rate,
    )
    problems = [f"of another type at serving: {_some(types)}"] if types else []
    if worst:
        problems.append(f"differ: {_some([f'{each.feature} in {each.mismatch_rate:.1%} of rows' for each in worst])}")
    return problems


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _read_feature(value: object) -> FeatureParity:
    if not isinstance(value, Mapping):
        raise ParityInvalid("each feature must be an object")
    counts = {name: _count(value, name) for name in ("compared", "mismatches", "nulls_in_training", "nulls_in_serving")}
    if counts["mismatches"] > counts["compared"]:
        raise ParityInvalid("a feature has more mismatches than rows")
    types = {name: _text(value, name) for name in ("training_type", "serving_type")}
    quantiles = _numbers(value, "relative_difference")
    return FeatureParity(feature=_text(value, "feature"), **types, **counts, relative_difference=quantiles)


def _count(value: Mapping[str, Any], name: str) -> int:
    count = value.get(name)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ParityInvalid(f"{name} must be a whole number from 0")
    return count


def _number(value: Mapping[str, Any], name: str) -> float:
    number = value.get(name)
    if isinstance(number, bool) or not isinstance(number, int | float) or not np.isfinite(number):
        raise ParityInvalid(f"{name} must be a number")
    return float(number)


def _numbers(value: Mapping[str, Any], name: str) -> dict[str, float]:
    numbers = value.get(name, {})
    if not isinstance(numbers, Mapping) or set(numbers) - set(QUANTILES):
        raise ParityInvalid(f"{name} must be an object of {', '.join(QUANTILES)}")
    return {key: _number(numbers, key) for key in numbers}


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or len(text) > 255:
        raise ParityInvalid(f"{name} must be text of at most 255 characters")
    return text


def _texts(value: Mapping[str, Any], name: str) -> list[str]:
    texts = value.get(name)
    if not isinstance(texts, list | tuple) or len(texts) > MAX_FEATURES:
        raise ParityInvalid(f"{name} must be a list of at most {MAX_FEATURES} texts")
    return [_text({name: text}, name) for text in texts]
