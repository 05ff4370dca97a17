"""Which raw input owns each encoded column of a scikit-learn pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.methods.subject import Matrix, MethodRefused, Subject, differs

# One output per input, in order, and no output looks at another input. Normalizer and KNNImputer keep the
# shape but mix columns, so membership is by name and not by scikit-learn's one-to-one mixin.
ONE_TO_ONE = {
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    "QuantileTransformer",
    "PowerTransformer",
    "OrdinalEncoder",
    "TargetEncoder",
    "Binarizer",
}


def owners_of(steps: Sequence[Any], names: Sequence[str]) -> NDArray[np.intp]:
    """Index of the raw input behind each encoded column, after fitted transformers `steps` read `names`.

    Refuses when a column cannot be attributed to a single input (PCA, interactions, unknown transformers).
    """
    owners = list(range(len(names)))
    labels = list(names)
    for step in steps:
        if hasattr(step, "feature_names_in_"):
            position = {label: index for index, label in enumerate(labels)}
            missing = [name for name in step.feature_names_in_ if name not in position]
            if missing:
                raise MethodRefused(f"the pipeline reads columns that are not raw inputs: {missing[:3]}")
            owners = [owners[position[name]] for name in step.feature_names_in_]
            labels = list(step.feature_names_in_)
        owners = _trace(step, owners, labels)
        labels = [f"\0{index}" for index in range(len(owners))]
    return np.asarray(owners, dtype=np.intp)


def _trace(step: Any, owners: list[int], labels: list[str]) -> list[int]:
    kind = type(step).__name__
    if step == "passthrough" or step is None:
        return owners
    if step == "drop":
        return []
    if kind == "Pipeline":
        for _, inner in step.steps:
            owners = _trace(inner, owners, labels)
            labels = [f"\0{index}" for index in range(len(owners))]
        return owners
    if kind == "ColumnTransformer":
        return _trace_column_transformer(step, owners, labels)
    if kind == "OneHotEncoder":
        return _trace_one_hot(step, owners)
    if kind == "SimpleImputer":
        return _trace_imputer(step, owners)
    if kind in ONE_TO_ONE or (kind == "FunctionTransformer" and _is_elementwise(step)):
        return owners
    if hasattr(step, "get_support"):
        return [owner for owner, kept in zip(owners, step.get_support(), strict=True) if kept]
    if len(set(owners)) == 1 and hasattr(step, "get_feature_names_out"):
        return [owners[0]] * len(step.get_feature_names_out())
    raise MethodRefused(f"{kind} mixes inputs or is not known, so encoded columns have no single owner")


def _is_elementwise(step: Any) -> bool:
    """A function of NumPy looks at one cell at a time; any other may look at the whole row."""
    return step.func is None or isinstance(step.func, np.ufunc)


def _trace_column_transformer(step: Any, owners: list[int], labels: list[str]) -> list[int]:
    position = {label: index for index, label in enumerate(labels)}
    width = max(block.stop for block in step.output_indices_.values())
    traced = [-1] * width
    for name, inner, columns in step.transformers_:
        block = step.output_indices_[name]
        if block.stop == block.start:
            continue
        picked = _picked(columns, position, len(owners))
        found = _trace(inner, [owners[index] for index in picked], [labels[index] for index in picked])
        if len(found) != block.stop - block.start:
            raise MethodRefused(
                f"block {name!r} has {block.stop - block.start} columns, {len(found)} explained"
            )
        traced[block] = found
    return traced


def _picked(columns: Any, position: dict[str, int], width: int) -> list[int]:
    """Positions behind a ColumnTransformer's column spec: names, integers, a mask or a slice."""
    if isinstance(columns, str):
        return [position[columns]]
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            raise MethodRefused("a ColumnTransformer selects columns by a slice of names")
        return list(range(width))[columns]
    listed = list(np.atleast_1d(np.asarray(columns, dtype=object)))
    if all(isinstance(item, (bool, np.bool_)) for item in listed):
        return [index for index, chosen in enumerate(listed) if chosen]
    return [position[item] if isinstance(item, str) else int(item) % width for item in listed]


def _trace_one_hot(step: Any, owners: list[int]) -> list[int]:
    counts = list(step._n_features_outs)  # knows drop= and infrequent categories; no public equivalent
    return [owner for owner, count in zip(owners, counts, strict=True) for _ in range(count)]


def _trace_imputer(step: Any, owners: list[int]) -> list[int]:
    kept = owners
    if not getattr(step, "keep_empty_features", False):
        empty = [isinstance(value, float) and np.isnan(value) for value in step.statistics_]
        kept = [owner for owner, gone in zip(owners, empty, strict=True) if not gone]
    indicator = getattr(step, "indicator_", None)
    if indicator is not None:
        kept = kept + [owners[index] for index in indicator.features_]
    return kept


def dense(encoded: Any) -> Matrix:
    """Encoded rows as a float64 matrix, whatever the transformer returned."""
    if hasattr(encoded, "toarray"):
        encoded = encoded.toarray()
    if isinstance(encoded, pd.DataFrame):
        encoded = encoded.to_numpy()
    return np.asarray(encoded, dtype=np.float64)


def check_owners(encode: Callable[[Matrix], Matrix], owners: NDArray[np.intp], subject: Subject) -> None:
    """Mix pairs of background rows and see that encoding the mixture equals mixing the encodings.

    This is the very property that the exact methods rest on; it catches a mixing transformer that tracing
    missed.
    """
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, len(subject.codes), size=(2, 256))
    mask = rng.random((256, len(subject.names))) < 0.5
    mixed = encode(np.where(mask, subject.codes[left], subject.codes[right]))
    expected = np.where(mask[:, owners], encode(subject.codes[left]), encode(subject.codes[right]))
    if mixed.shape != expected.shape or differs(mixed, expected).any():
        raise MethodRefused("an encoded column depends on more than one raw input")
