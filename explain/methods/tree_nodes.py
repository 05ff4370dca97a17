"""Trees of scikit-learn, XGBoost and LightGBM as one flat table of nodes with one kind of split."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.methods.pipelines import split_pipeline
from explain.methods.subject import Matrix, MethodRefused, Subject, indices

Ints = NDArray[np.intp]
MAX_LEVELS = 63  # categories fit into one 64-bit mask
LIGHTGBM_ZERO = 1e-35  # kZeroThreshold in LightGBM's include/LightGBM/meta.h


@dataclass(frozen=True)
class Nodes:
    """All nodes of all trees, one row each; children are row numbers, −1 at a leaf.

    A split sends left: value ≤ threshold, or (where `levels` is not 0) value's bit set in `levels`;
    missing values go left where `missing_left`. `value` counts at leaves only and sums over trees.
    """

    roots: Ints
    left: Ints
    right: Ints
    column: Ints
    threshold: Matrix
    missing_left: NDArray[np.bool_]
    levels: NDArray[np.uint64]
    value: Matrix


@dataclass(frozen=True)
class TreeModel:
    """Nodes, the columns they read, the raw input that owns each column, and the model's own margin."""

    nodes: Nodes
    owners: Ints
    encode: Callable[[Matrix], Matrix]
    margin: Callable[[Matrix], Matrix]


def parse_trees(subject: Subject) -> TreeModel:
    """Read the trees out of the artifact; refuses what is not a plain sum of trees with constant leaves."""
    if subject.scorer.format == "xgboost":
        return _xgboost(subject)
    if subject.scorer.format == "lightgbm":
        return _lightgbm(subject)
    if subject.scorer.format == "skops":
        return _sklearn(subject)
    raise MethodRefused("the artifact does not show its trees")


def _join(parts: Sequence[dict[str, Any]]) -> Nodes:
    """Concatenate per-tree arrays; children become global row numbers."""
    sizes = np.asarray([len(part["left"]) for part in parts])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)

    def stack(key: str, kind: Any) -> Any:
        return np.concatenate([np.asarray(part[key]) for part in parts]).astype(kind)

    shift = np.repeat(starts, sizes)
    left, right = stack("left", np.intp), stack("right", np.intp)
    inner = left >= 0
    return Nodes(
        roots=starts,
        left=np.where(inner, left + shift, -1),
        right=np.where(inner, right + shift, -1),
        column=np.where(inner, stack("column", np.intp), 0),
        threshold=stack("threshold", np.float64),
        missing_left=stack("missing_left", bool),
        levels=stack("levels", np.uint64),
        value=stack("value", np.float64),
    )


# --- scikit-learn
# ---------------------------------------------------------------------------------------------


def _sklearn(subject: Subject) -> TreeModel:
    split = split_pipeline(subject)
    final, kind = split.final, type(split.final).__name__
    if kind.startswith("GradientBoosting") and hasattr(final, "estimators_"):
        if final.estimators_.shape[1] != 1:
            raise MethodRefused("more than two classes")
        trees = [(tree.tree_, final.learning_rate) for tree in final.estimators_[:, 0]]
    elif kind.startswith(("RandomForest", "ExtraTrees")):
        trees = [(tree.tree_, 1.0 / len(final.estimators_)) for tree in final.estimators_]
    elif kind.startswith(("DecisionTree", "ExtraTree")):
        trees = [(final.tree_, 1.0)]
    else:
        raise MethodRefused(f"{kind} is not read as a sum of trees")
    classes = getattr(final, "n_classes_", 0)
    if np.ndim(classes) or (classes and classes != 2):
        raise MethodRefused("more than two classes")
    forest = not kind.startswith("GradientBoosting")
    nodes = _join([_sklearn_tree(tree, weight, forest) for tree, weight in trees])

    def encode(codes: Matrix) -> Matrix:
        # scikit-learn's trees compare float32 inputs with float64 thresholds.
        return split.encode(codes).astype(np.float32).astype(np.float64)

    def margin(codes: Matrix) -> Matrix:
        rows = split.final_rows(codes)
        if hasattr(final, "predict_proba"):
            own = final.predict_proba(rows)[:, 1] if forest else final.decision_function(rows)
        else:
            own = final.predict(rows)
        return np.asarray(own, dtype=np.float64).ravel()

    return TreeModel(nodes, split.owners, encode, margin)


def _sklearn_tree(tree: Any, weight: float, forest: bool) -> dict[str, Any]:
    if tree.value.shape[1] != 1:
        raise MethodRefused("a tree has more than one output")
    value = tree.value[:, 0, :]
    if forest and value.shape[1] == 2:
        value = value[:, 1] / value.sum(axis=1)
    elif value.shape[1] == 1:
        value = value[:, 0]
    else:
        raise MethodRefused("more than two classes")
    count = tree.node_count
    missing = getattr(tree, "missing_go_to_left", np.zeros(count))
    return {
        "left": tree.children_left,
        "right": tree.children_right,
        "column": tree.feature,
        "threshold": tree.threshold,
        "missing_left": missing,
        "levels": np.zeros(count, dtype=np.uint64),
        "value": value * weight,
    }


# --- XGBoost
# --------------------------------------------------------------------------------------------------


def _xgboost(subject: Subject) -> TreeModel:
    booster = subject.scorer.native
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise MethodRefused(
            f"XGBoost booster {learner['gradient_booster']['name']!r} is not a plain sum of trees"
        )
    model = learner["gradient_booster"]["model"]
    if any(model["tree_info"]) or int(learner["learner_model_param"].get("num_target", "1")) > 1:
        raise MethodRefused("more than one output")
    read = _columns_read(subject, booster.feature_names)
    nodes = _join([_xgboost_tree(tree) for tree in model["trees"]])

    def encode(codes: Matrix) -> Matrix:
        return np.asarray(codes[:, read].astype(np.float32).astype(np.float64))

    def margin(codes: Matrix) -> Matrix:
        import xgboost

        rows = xgboost.DMatrix(
            codes[:, read], feature_names=booster.feature_names, feature_types=booster.feature_types
        )
        return np.asarray(booster.predict(rows, output_margin=True), dtype=np.float64).ravel()

    return TreeModel(nodes, read, encode, margin)


def _xgboost_tree(tree: dict[str, Any]) -> dict[str, Any]:
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
        "value": condition,
    }


def _columns_read(subject: Subject, names: Sequence[str] | None) -> Ints:
    """Raw columns in the order in which a booster reads them."""
    names = getattr(subject.scorer, "feature_names", None) or names
    if names is None:
        return np.arange(len(subject.names))
    position = indices(subject.names)
    if any(name not in position for name in names):
        raise MethodRefused("the booster reads columns that are not raw inputs")
    return np.asarray([position[name] for name in names], dtype=np.intp)


# --- LightGBM
# -------------------------------------------------------------------------------------------------


def _lightgbm(subject: Subject) -> TreeModel:
    booster = subject.scorer.native
    model = booster.dump_model()
    if model["num_tree_per_iteration"] != 1:
        raise MethodRefused("more than one output")
    names = model["feature_names"]
    generic = all(name == f"Column_{index}" for index, name in enumerate(names))
    read = _columns_read(subject, None if generic else names)
    weight = 1.0 / len(model["tree_info"]) if model.get("average_output") else 1.0
    handling: dict[int, str] = {}
    parts = [_lightgbm_tree(tree["tree_structure"], weight, handling) for tree in model["tree_info"]]

    def encode(codes: Matrix) -> Matrix:
        rows = np.array(codes[:, read], dtype=np.float64)
        for column, missing in handling.items():
            values = rows[:, column]
            if missing == "None":
                values[np.isnan(values)] = 0.0
            elif missing == "Zero":
                values[np.abs(values) <= LIGHTGBM_ZERO] = np.nan
        return rows

    def margin(codes: Matrix) -> Matrix:
        own = booster.predict(codes[:, read], raw_score=True, num_threads=1)
        return np.asarray(own, dtype=np.float64).ravel()

    return TreeModel(_join(parts), read, encode, margin)


def _lightgbm_tree(root: dict[str, Any], weight: float, handling: dict[int, str]) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {
        key: [] for key in ("left", "right", "column", "threshold", "missing_left", "levels", "value")
    }
    pending: list[tuple[dict[str, Any], int, str]] = [(root, -1, "")]
    while pending:
        node, parent, side = pending.pop()
        index = len(rows["left"])
        if parent >= 0:
            rows[side][parent] = index
        for key, entry in _lightgbm_node(node, weight, handling).items():
            rows[key].append(entry)
        if "split_feature" in node:
            pending += [(node["left_child"], index, "left"), (node["right_child"], index, "right")]
    return rows


def _lightgbm_node(node: dict[str, Any], weight: float, handling: dict[int, str]) -> dict[str, Any]:
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
