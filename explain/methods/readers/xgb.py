"""XGBoost's trees, plain and DART, out of the booster's own JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from explain.methods.readers.nodes import MAX_LEVELS, Ints, TreeModel, join
from explain.methods.subject import Matrix, MethodRefused


def read_xgboost(booster: Any, rows_of: Callable[[Matrix], Matrix], owners: Ints) -> TreeModel:
    """The trees of a booster that is fed `rows_of(codes)`, whose columns belong to `owners`."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    model, weights = _trees(learner["gradient_booster"])
    if any(model["tree_info"]) or int(learner["learner_model_param"].get("num_target", "1")) > 1:
        raise MethodRefused("more than one output")
    nodes = join([_tree(tree, weight) for tree, weight in zip(model["trees"], weights, strict=True)])

    def encode(codes: Matrix) -> Matrix:
        return np.asarray(rows_of(codes).astype(np.float32).astype(np.float64))

    def data(codes: Matrix) -> Any:
        import xgboost

        names, kinds = booster.feature_names, booster.feature_types
        return xgboost.DMatrix(rows_of(codes), feature_names=names, feature_types=kinds, nthread=1)

    def margin(codes: Matrix) -> Matrix:
        return np.asarray(booster.predict(data(codes), output_margin=True), dtype=np.float64).ravel()

    def reached(codes: Matrix) -> Ints:
        leaves = np.asarray(booster.predict(data(codes), pred_leaf=True)).reshape(len(codes), len(nodes.roots))
        return np.asarray(nodes.roots + leaves.astype(np.intp))

    return TreeModel(nodes, owners, encode, margin, reached)


def _trees(grown: dict[str, Any]) -> tuple[dict[str, Any], list[float]]:
    """The model and the weight of each tree: DART scales its trees, which shap's C code leaves out."""
    if grown["name"] == "dart":
        model = grown["gbtree"]["model"]
        return model, [float(weight) for weight in grown["weight_drop"]]
    if grown["name"] != "gbtree":
        raise MethodRefused(f"XGBoost booster {grown['name']!r} is not a plain sum of trees")
    return grown["model"], [1.0] * len(grown["model"]["trees"])


def _tree(tree: dict[str, Any], weight: float) -> dict[str, Any]:
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise MethodRefused("leaves hold vectors")
    condition = np.asarray(tree["split_conditions"], dtype=np.float32)
    left = np.asarray(tree["left_children"])
    levels = np.zeros(len(left), dtype=np.uint64)
    for position, node in enumerate(tree["categories_nodes"]):
        begin = tree["categories_segments"][position]
        listed = tree["categories"][begin : begin + tree["categories_sizes"][position]]
        if max(listed, default=0) >= MAX_LEVELS:
            raise MethodRefused(f"a categorical split has more than {MAX_LEVELS} categories")
        # Listed categories go right, all others left.
        levels[node] = ~np.uint64(sum(1 << int(code) for code in listed))
    return {
        "left": left,
        "right": tree["right_children"],
        "column": tree["split_indices"],
        # `value < t` in float32 is `value ≤ the float32 just below t`.
        "threshold": np.nextafter(condition, np.float32(-np.inf)),
        "missing_left": tree["default_left"],
        "levels": levels,
        "value": weight * condition.astype(np.float64),
    }
