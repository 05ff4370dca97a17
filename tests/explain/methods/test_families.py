"""Every family through the door that real artifacts take: loaded from bytes, and held against the definition."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
import skops.io
import xgboost
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import OrdinalEncoder

from explain.methods import prepare
from explain.methods.shapley import explain_shap
from registry.scoring import frames
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from registry.scoring.problems import ManifestInvalid

from .planted import SCHEMA, by_name, draw, enumerate_values, fitted, imputed, outcome

CODES, HOLES = draw(400), draw(400, missing=0.1)
GRADE = np.clip(np.floor(2 * CODES[:, 1] + 0.6 * CODES[:, 2] + (CODES[:, 3] == 1)), 0, 3).astype(int)
GRADES = ("A", "B", "C", "D")
DENIED, AMOUNT = outcome(CODES), 100 * CODES[:, 0] + 30 * (CODES[:, 3] == 1) - CODES[:, 1] * CODES[:, 2]


def manifest(kind: str, task: str) -> Manifest:
    raw: dict[str, Any] = {"model": {"format": kind, "task": task}, "inputs": dict(SCHEMA.raw)}
    if task != VALUE:
        raw["output"] = {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5}
    if task == MANY:
        raw["output"] |= {"classes": list(GRADES), "adverse_classes": ["C", "D"]}
    return Manifest.parse(raw)


def pipe(estimator: Any, target: np.ndarray = DENIED, encoder: Any = None) -> bytes:
    return skops.io.dumps(fitted(estimator, CODES, target, encoder))


def booster(target: np.ndarray, **settings: Any) -> bytes:
    data = xgboost.DMatrix(CODES, target, feature_names=list(SCHEMA.names))
    return bytes(xgboost.train({"max_depth": 3, "nthread": 1, **settings}, data, 15).save_raw("ubj"))


def light(target: np.ndarray, **settings: Any) -> bytes:
    data = lightgbm.Dataset(CODES, target, feature_name=list(SCHEMA.names), categorical_feature=[3, 4])
    fixed = {"num_leaves": 8, "num_threads": 1, "verbose": -1}
    return lightgbm.train({**fixed, **settings}, data, 15).model_to_string().encode()


BINARY, MANY, VALUE = "binary_classification", "multiclass_classification", "regression"
NAMED = np.array(GRADES, dtype=object)[GRADE]
FAMILIES: dict[str, tuple[str, str, str, Any]] = {
    "logistic": ("skops", BINARY, "linear", lambda: pipe(LogisticRegression())),
    "imputed forest": (
        *("skops", BINARY, "tree"),
        lambda: skops.io.dumps(imputed(RandomForestClassifier(10, random_state=0), HOLES, outcome(HOLES))),
    ),
    "gradient boosting": ("skops", BINARY, "tree", lambda: pipe(GradientBoostingClassifier(n_estimators=10))),
    "histogram boosting": (
        *("skops", BINARY, "tree"),
        lambda: pipe(HistGradientBoostingClassifier(max_iter=15), encoder=OrdinalEncoder()),
    ),
    "xgboost in a pipeline": ("skops", BINARY, "tree", lambda: pipe(xgboost.XGBClassifier(n_estimators=10, n_jobs=1))),
    "lightgbm in a pipeline": (
        *("skops", BINARY, "tree"),
        lambda: pipe(lightgbm.LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1)),
    ),
    "network": ("skops", BINARY, "exact", lambda: pipe(MLPClassifier((6,), max_iter=20, random_state=0))),
    "xgboost": ("xgboost", BINARY, "tree", lambda: booster(DENIED, objective="binary:logistic")),
    "xgboost dart": (
        *("xgboost", BINARY, "tree"),
        lambda: booster(DENIED, objective="binary:logistic", booster="dart", rate_drop=0.4),
    ),
    "lightgbm": ("lightgbm", BINARY, "tree", lambda: light(DENIED, objective="binary")),
    "linear": ("skops", VALUE, "linear", lambda: pipe(LinearRegression(), AMOUNT)),
    "ridge": ("skops", VALUE, "linear", lambda: pipe(Ridge(), AMOUNT)),
    "extra trees of a value": ("skops", VALUE, "tree", lambda: pipe(ExtraTreesRegressor(10, random_state=0), AMOUNT)),
    "histogram boosting of a value": (
        *("skops", VALUE, "tree"),
        lambda: pipe(HistGradientBoostingRegressor(max_iter=15), AMOUNT, OrdinalEncoder()),
    ),
    "xgboost of a value": ("xgboost", VALUE, "tree", lambda: booster(AMOUNT, objective="reg:squarederror")),
    "logistic of grades": ("skops", MANY, "exact", lambda: pipe(LogisticRegression(), NAMED)),
    "forest of grades": ("skops", MANY, "exact", lambda: pipe(RandomForestClassifier(10, random_state=0), NAMED)),
    "network of grades": (
        *("skops", MANY, "exact"),
        lambda: pipe(MLPClassifier((6,), max_iter=20, random_state=0), GRADE),
    ),
    "histogram boosting of grades": (
        *("skops", MANY, "exact"),
        lambda: pipe(HistGradientBoostingClassifier(max_iter=8), NAMED, OrdinalEncoder()),
    ),
    "xgboost of grades": ("xgboost", MANY, "exact", lambda: booster(GRADE, objective="multi:softprob", num_class=4)),
    "lightgbm of grades": ("lightgbm", MANY, "exact", lambda: light(GRADE, objective="multiclass", num_class=4)),
    "lightgbm of a value": ("lightgbm", VALUE, "tree", lambda: light(AMOUNT, objective="regression")),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_explained_as_the_definition_says(family: str) -> None:
    kind, task, method, made = FAMILIES[family]
    spec = manifest(kind, task)
    holes = 0.1 if family.startswith("imputed") else 0.0
    rows = draw(40, seed=1, missing=holes)
    prepared = prepare(
        spec.inputs, load(made(), spec), frames.from_codes(rows, SCHEMA), frames, regression=task == VALUE
    )
    codes = draw(1, seed=2, missing=holes)[0]
    result = explain_shap(prepared.subject, prepared.methods, codes, effort=prepared.effort, seed=1)
    assert result.method == method, result.notes
    expected = enumerate_values(prepared.subject, codes, result.space)
    # XGBoost's scores are float32, and so is what the definition is asked of.
    close = 3e-5 if "xgboost" in family else 1e-9
    size = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(by_name(prepared.subject, result.contributions), expected, atol=close * size)


def test_more_than_two_answers_are_refused_where_they_come_in() -> None:
    """A decision has two answers or a value; of a model with more classes each leads to one of the two."""
    raw = dict(manifest("skops", BINARY).raw)
    three = {"labels": ["a", "b", "c"], "adverse_label": "a", "threshold": 0.5}
    with pytest.raises(ManifestInvalid, match=r"list these as output\.classes, and those that lead"):
        Manifest.parse({**raw, "output": three})
