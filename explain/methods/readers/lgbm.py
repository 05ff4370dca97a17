"""LightGBM's trees, out of the booster's own dump."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from explain.methods.readers.nodes import MAX_LEVELS, Ints, TreeModel, join
from explain.methods.subject import Matrix, MethodRefused

ZERO = 1e-35  # kZeroThreshold in LightGBM's include/LightGBM/meta.h


def read_lightgbm(booster: Any, rows_of: Callable[[Matrix], Matrix], owners: Ints) -> TreeModel:
    """The trees of a booster that is fed `rows_of(codes)`, whose columns belong to `owners`."""
    model = booster.dump_model()
    if model["num_tree_per_iteration"] != 1:
        raise MethodRefused("more than one output")
    weight = 1.0 / len(model["tree_info"]) if model.get("average_output") else 1.0
    handling: dict[int, str] = {}
    parts = [_tree(tree["tree_structure"], weight, handling) for tree in model["tree_info"]]

    def encode(codes: Matrix) -> Matrix:
        rows = np.array(rows_of(codes), dtype=np.float64)
        for column, missing in handling.items():
            values = rows[:, column]
            if missing == "None":
                values[np.isnan(values)] = 0.0
            elif missing == "Zero":
                values[np.abs(values) <= ZERO] = np.nan
        return rows

    def margin(codes: Matrix) -> Matrix:
        own = booster.predict(rows_of(codes), raw_score=True, num_threads=1)
        return np.asarray(own, dtype=np.float64).ravel()

    return TreeModel(join(parts), owners, encode, margin)


def has_generic_names(booster: Any) -> bool:
    """Whether the columns are called Column_0, Column_1 …, as LightGBM does without names."""
    return all(name == f"Column_{index}" for index, name in enumerate(booster.feature_name()))


def _tree(root: dict[str, Any], weight: float, handling: dict[int, str]) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {
        key: [] for key in ("left", "right", "column", "threshold", "missing_left", "levels", "value")
    }
    pending: list[tuple[dict[str, Any], int, str]] = [(root, -1, "")]
    while pending:
        node, parent, side = pending.pop()
        index = len(rows["left"])
        if parent >= 0:
            rows[side][parent] = index
        for key, entry in _node(node, weight, handling).items():
            rows[key].append(entry)
        if "split_feature" in node:
            pending += [(node["left_child"], index, "left"), (node["right_child"], index, "right")]
    return rows


def _node(node: dict[str, Any], weight: float, handling: dict[int, str]) -> dict[str, Any]:
    blank = {"left": -1, "right": -1, "column": 0, "threshold": 0.0, "missing_left": False, "levels": 0}
    if "split_feature" not in node:
        if "leaf_coeff" in node or "leaf_const" in node:
            raise MethodRefused("LightGBM linear_tree: leaves hold linear models, not constants")
        return blank | {"value": node["leaf_value"] * weight}
    column, missing = int(node["split_feature"]), node["missing_type"]
    if node["decision_type"] == "==":
        listed = [int(code) for code in str(node["threshold"]).split("||")]
        if max(listed) >= MAX_LEVELS:
            raise MethodRefused(f"a categorical split has more than {MAX_LEVELS} categories")
        # Listed categories go left; missing and all others go right, whatever default_left says.
        split = {"levels": sum(1 << code for code in listed), "missing_left": False}
    else:
        if handling.setdefault(column, missing) != missing:
            raise MethodRefused("one column has two ways of reading missing values")
        split = {"threshold": node["threshold"], "missing_left": bool(node["default_left"])}
    return blank | {"column": column, "value": 0.0} | split
