"""Rows as models read them: a typed data frame and a matrix of codes, and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from .samples import read_sample
from .schema import Feature, InputSchema

__all__ = ["from_codes", "read_sample", "rows_to_codes", "to_codes", "to_frame"]

NAN = float("nan")


def to_frame(rows: Sequence[Mapping[str, Any]], schema: InputSchema) -> pd.DataFrame:
    """Return one column per input in the schema's order; `rows` must have passed the validator.

    Numbers, whole numbers and booleans are float64, categories are text in object columns. What is
    missing is NaN in both: scikit-learn's encoders and imputers, fitted on what pandas reads from a
    file, do not know None (SimpleImputer passes it through, OneHotEncoder calls it unknown).
    """
    arrays = [_column(rows, feature) for feature in schema.features]
    return _assemble(arrays, schema.names, len(rows))


def to_codes(frame: pd.DataFrame, schema: InputSchema) -> np.ndarray:
    """Return float64 (rows × inputs): a category as its index in the schema's enum, missing as NaN."""
    codes = np.empty((len(frame), len(schema.features)), dtype=np.float64)
    for position, feature in enumerate(schema.features):
        values = frame[feature.name].to_numpy()
        if feature.kind == "category":
            codes[:, position] = _encode(values, feature)
        else:
            codes[:, position] = values
    return codes


def rows_to_codes(rows: Sequence[Mapping[str, Any]], schema: InputSchema) -> np.ndarray:
    """Return `to_codes(to_frame(rows))` without the frame: the way of a gateway that answers one row."""
    codes = np.empty((len(rows), len(schema.features)), dtype=np.float64)
    for position, feature in enumerate(schema.features):
        name = feature.name
        if feature.kind == "category":
            codes[:, position] = _encode([row.get(name) for row in rows], feature)
        else:
            codes[:, position] = [NAN if (value := row.get(name)) is None else value for row in rows]
    return codes


def from_codes(codes: np.ndarray, schema: InputSchema) -> pd.DataFrame:
    """Return the frame that `to_codes` came from; raise ValueError for a code that is no category."""
    codes = np.asarray(codes, dtype=np.float64)
    if codes.ndim != 2 or codes.shape[1] != len(schema.features):
        raise ValueError(f"expected {len(schema.features)} columns of codes, got shape {codes.shape}")
    arrays = [
        _decode(codes[:, position], feature) if feature.kind == "category" else codes[:, position].copy()
        for position, feature in enumerate(schema.features)
    ]
    return _assemble(arrays, schema.names, len(codes))


def _column(rows: Sequence[Mapping[str, Any]], feature: Feature) -> np.ndarray:
    name = feature.name
    values = [NAN if (value := row.get(name)) is None else value for row in rows]
    if feature.kind != "category":
        return np.array(values, dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _assemble(arrays: list[np.ndarray], names: tuple[str, ...], rows: int) -> pd.DataFrame:
    # The public constructor turns object columns of text into `str` and takes 460 µs for one HMDA row
    # even when each column is wrapped against that; this one takes 25 µs (pyarrow builds on it too).
    build = pd.DataFrame._from_arrays
    frame: pd.DataFrame = build(arrays, _index(names), pd.RangeIndex(rows), verify_integrity=False)
    return frame


@lru_cache(maxsize=256)
def _index(names: tuple[str, ...]) -> pd.Index:
    return pd.Index(names)


@lru_cache(maxsize=4096)
def _positions(categories: tuple[str, ...]) -> dict[Any, float]:
    return {category: float(index) for index, category in enumerate(categories)}


def _encode(values: Sequence[Any] | np.ndarray, feature: Feature) -> list[float]:
    positions = _positions(feature.categories)
    codes = [positions.get(value, -1.0) for value in values]
    if -1.0 in codes:
        for index, code in enumerate(codes):
            if code == -1.0:
                # NaN is the only value that differs from itself.
                if values[index] is not None and values[index] == values[index]:
                    raise ValueError(f"{feature.name} is not one of {', '.join(feature.categories)}")
                codes[index] = NAN
    return codes


def _decode(codes: np.ndarray, feature: Feature) -> np.ndarray:
    missing = np.isnan(codes)
    whole = np.where(missing, 0, codes)
    if np.any(whole != np.floor(whole)) or np.any(whole < 0) or np.any(whole >= len(feature.categories)):
        raise ValueError(
            f"{feature.name} has a code that is none of its {len(feature.categories)} categories"
        )
    table = np.array([*feature.categories, NAN], dtype=object)
    return table[np.where(missing, len(feature.categories), whole).astype(np.intp)]
