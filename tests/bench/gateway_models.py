"""The models that the bench serves: what the mortgage demo would, in three libraries and as ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from portal.demo.hmda import HMDA_CSV, HMDA_INPUTS, HMDA_LABELS, HMDA_READ, HMDA_TARGET
from registry.scoring.frames import read_sample, to_codes
from registry.scoring.schema import InputSchema
from tests.registry.scoring.conftest import hmda_manifest, pipeline, to_onnx

Built = tuple[dict[str, Any], bytes]


@cache
def applicants() -> tuple[InputSchema, pd.DataFrame, np.ndarray]:
    """The schema, every applicant, and who was denied."""
    schema = InputSchema.parse(HMDA_INPUTS)
    table = pd.read_csv(HMDA_CSV, dtype=str)
    csv = table.drop(columns=HMDA_TARGET).to_csv(index=False).encode()
    return schema, read_sample(csv, schema, max_rows=5_000), table[HMDA_TARGET].map(HMDA_LABELS).to_numpy()


@cache
def _fitted(name: str) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    _, rows, labels = applicants()
    estimator = (
        LogisticRegression(max_iter=500)
        if name == "logistic"
        else RandomForestClassifier(100, min_samples_leaf=3, random_state=0)
    )
    return pipeline(estimator).fit(rows[list(HMDA_READ)], labels)


def _skops(name: str) -> Built:
    import skops.io

    return hmda_manifest("skops"), skops.io.dumps(_fitted(name))


def _xgboost() -> Built:
    import xgboost

    schema, rows, labels = applicants()
    codes = to_codes(rows, schema.subset(HMDA_READ))
    data = xgboost.DMatrix(codes, label=(labels == "deny").astype(int), feature_names=list(HMDA_READ))
    settings = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1}
    return hmda_manifest("xgboost"), bytes(xgboost.train(settings, data, 200).save_raw("ubj"))


def _onnx() -> Built:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hmda_manifest("onnx"), to_onnx(_fitted("logistic"))


MODELS: dict[str, Callable[[], Built]] = {
    "logistic": lambda: _skops("logistic"),
    "forest": lambda: _skops("forest"),
    "xgboost": _xgboost,
    "onnx": _onnx,
}
