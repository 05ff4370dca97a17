"""Small planted data sets, scorers round models, and the oracle: enumeration of all coalitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from explain.methods.links import values_of
from explain.methods.subject import Subject
from registry.scoring import frames
from registry.scoring.schema import InputSchema

PROPERTIES: dict[str, Any] = {
    "income": {"type": "number", "title": "Income", "x-actionable": True},
    "debt": {"type": "number", "title": "Debt ratio", "x-actionable": True},
    "late": {"type": "integer", "title": "Late payments"},
    "home": {"enum": ["own", "rent", "free"], "title": "Housing", "x-actionable": True},
    "job": {"enum": ["none", "part", "full", "self"], "title": "Employment"},
    "guarantor": {"type": "boolean", "title": "Guarantor", "x-actionable": True},
    "origin": {"enum": ["here", "elsewhere"], "title": "Origin", "x-protected": True},
}
NUMBERS, CATEGORIES = ["income", "debt", "late", "guarantor"], ["home", "job", "origin"]


def schema_of(properties: dict[str, Any]) -> InputSchema:
    raw = {"type": "object", "additionalProperties": False, "required": [], "properties": properties}
    return InputSchema.parse(raw)


SCHEMA = schema_of(PROPERTIES)


def draw(rows: int, seed: int = 0, missing: float = 0.0) -> np.ndarray:
    """Codes of random people; numbers have few distinct values, so that thresholds meet values exactly."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack(
        [
            np.round(rng.lognormal(0, 0.6, rows), 1),
            np.round(rng.random(rows), 2),
            rng.poisson(1.0, rows),
            rng.integers(0, 3, rows),
            rng.integers(0, 4, rows),
            rng.integers(0, 2, rows),
            rng.integers(0, 2, rows),
        ]
    ).astype(float)
    codes[rng.random(codes.shape) < missing] = np.nan
    return codes


def outcome(codes: np.ndarray, seed: int = 0) -> np.ndarray:
    """1 = adverse. Housing and employment matter only together (a planted interaction of categories)."""
    filled = np.nan_to_num(codes)
    odd = ((filled[:, 3] == 1) & (filled[:, 4] == 0)) | ((filled[:, 3] == 0) & (filled[:, 4] == 3))
    margin = (
        2 * filled[:, 1] - filled[:, 0] + 0.5 * filled[:, 2] + 2.5 * odd - filled[:, 5] + 0.4 * filled[:, 6]
    )
    return (margin + np.random.default_rng(seed).logistic(0, 0.5, len(codes)) > 0.5).astype(int)


@dataclass
class Stub:
    """A scorer with just the interface that the methods are promised."""

    native: Any
    format: str
    ask: Callable[[pd.DataFrame], np.ndarray]

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.ask(frame), dtype=float)


def of_codes(ask: Callable[[np.ndarray], np.ndarray], schema: InputSchema = SCHEMA) -> Stub:
    """A black box over codes."""
    return Stub(None, "onnx", lambda frame: ask(frames.to_codes(frame, schema)))


def of_pipeline(pipeline: Any, column: int = 1) -> Stub:
    if hasattr(pipeline, "predict_proba"):
        return Stub(pipeline, "skops", lambda frame: pipeline.predict_proba(frame)[:, column])
    return Stub(pipeline, "skops", pipeline.predict)


def of_xgboost(booster: Any) -> Stub:
    def ask(frame: pd.DataFrame) -> np.ndarray:
        codes = frames.to_codes(frame, SCHEMA)
        names, kinds = booster.feature_names, booster.feature_types
        return np.asarray(booster.predict(xgboost.DMatrix(codes, feature_names=names, feature_types=kinds)))

    return Stub(booster, "xgboost", ask)


def of_lightgbm(booster: Any) -> Stub:
    return Stub(
        booster, "lightgbm", lambda frame: booster.predict(frames.to_codes(frame, SCHEMA), num_threads=1)
    )


def fitted(estimator: Any, codes: np.ndarray, target: np.ndarray, encoder: Any = None) -> Pipeline:
    encode = ColumnTransformer(
        [
            ("cat", encoder or OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            ("num", StandardScaler(), NUMBERS),
        ]
    )
    return Pipeline([("encode", encode), ("model", estimator)]).fit(frames.from_codes(codes, SCHEMA), target)


def imputed(estimator: Any, codes: np.ndarray, target: np.ndarray) -> Pipeline:
    """As people treat missing values: the median and a flag for numbers, the commonest level for categories."""
    levels = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    encode = ColumnTransformer([("cat", levels, CATEGORIES), ("num", numbers, NUMBERS)], sparse_threshold=0)
    return Pipeline([("encode", encode), ("model", estimator)]).fit(frames.from_codes(codes, SCHEMA), target)


def subject_of(
    scorer: Stub, background: np.ndarray, schema: InputSchema = SCHEMA, regression: bool = False
) -> Subject:
    return Subject(schema, scorer, frames, frames.from_codes(background, schema), regression)


def enumerate_values(
    subject: Subject, codes: np.ndarray, space: str, rows: np.ndarray | None = None
) -> np.ndarray:
    """Shapley values by the definition: every coalition of raw inputs, every background row."""
    rows = subject.codes if rows is None else rows
    count = len(codes)
    coalitions = np.arange(1 << count)[:, None] >> np.arange(count) & 1 == 1
    mixed = np.where(coalitions[:, None, :], codes, rows)
    game = values_of(subject.score(mixed.reshape(-1, count)), space).reshape(1 << count, -1).mean(axis=1)
    values = np.zeros(count)
    for player in range(count):
        for coalition in range(1 << count):
            if not coalition >> player & 1:
                weight = 1 / (count * comb(count - 1, coalition.bit_count()))
                values[player] += weight * (game[coalition | 1 << player] - game[coalition])
    return values


def by_name(subject: Subject, contributions: Any) -> np.ndarray:
    found = {item.feature: item.contribution for item in contributions}
    return np.asarray([found[name] for name in subject.names])
