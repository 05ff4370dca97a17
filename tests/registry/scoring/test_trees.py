"""Compiled code follows tree indices unchecked: these files crash a process that trusts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from portal.demo.hmda import HMDA_READ
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest

from .conftest import pipeline, refusal

Parse = Callable[..., Manifest]


@pytest.mark.parametrize("estimator", ["forest", "boosting", "histogram"])
@pytest.mark.parametrize("field, value", [("left", 10**6), ("left", 0), ("feature", 10**6)])
def test_skops(
    estimator: str, field: str, value: int, parsed: Parse, applicants: pd.DataFrame, labels: np.ndarray
) -> None:
    import skops.io
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
    )

    kinds = {
        "forest": RandomForestClassifier(n_estimators=2, max_depth=3, random_state=1),
        "boosting": GradientBoostingClassifier(n_estimators=2, max_depth=3, random_state=1),
        "histogram": HistGradientBoostingClassifier(max_iter=2, random_state=1),
    }
    model = pipeline(kinds[estimator]).fit(applicants[list(HMDA_READ)], labels)
    assert load(skops.io.dumps(model), parsed("skops")).score(applicants.head(3)).shape == (3,)
    if estimator == "histogram":
        name = {"left": "left", "feature": "feature_idx"}[field]
        model[-1]._predictors[0][0].nodes[name][0] = value
    else:
        tree = np.ravel(model[-1].estimators_)[0].tree_
        {"left": tree.children_left, "feature": tree.feature}[field][0] = value
    assert refusal(skops.io.dumps(model), parsed("skops")).code == "artifact_unreadable"


def test_skops_tree_wider_than_its_forest(parsed: Parse, forest_skops: bytes, logistic: Any) -> None:
    import skops.io

    forest = skops.io.loads(forest_skops, trusted=["numpy.dtype", "sklearn.tree._tree.Tree"])
    forest[-1].n_features_in_ = 3
    assert refusal(skops.io.dumps(forest), parsed("skops")).code == "artifact_unreadable"


@pytest.mark.parametrize("field, value", [("left_children", 10**6), ("split_indices", 10**6)])
def test_xgboost(field: str, value: int, parsed: Parse, booster: Any) -> None:
    model = json.loads(bytes(booster.save_raw("json")))
    model["learner"]["gradient_booster"]["model"]["trees"][0][field][0] = value
    assert refusal(json.dumps(model).encode(), parsed("xgboost")).code == "artifact_unreadable"


@pytest.mark.parametrize("field", ["left_child", "split_feature"])
def test_lightgbm(field: str, parsed: Parse, lightgbm_text: bytes) -> None:
    broken = lightgbm_text.replace(f"{field}=".encode(), f"{field}=1000000 ".encode(), 1)
    longer = lightgbm_text.decode()
    start = longer.index(f"{field}=") + len(field) + 1
    end = longer.index(" ", start)
    wild = longer[:start] + "1000000" + longer[end:]
    for data in (broken, wild.encode()):
        assert refusal(data, parsed("lightgbm")).code == "artifact_unreadable"
