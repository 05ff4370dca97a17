"""scikit-learn's trees behind whatever encodes the raw inputs, and boosters that are wrapped as its estimators."""

from __future__ import annotations

from typing import Any

import numpy as np

from explain.methods.pipelines import Encoded, split_pipeline
from explain.methods.readers.lgbm import read_lightgbm
from explain.methods.readers.nodes import TreeModel, join
from explain.methods.readers.xgb import read_xgboost
from explain.methods.subject import Matrix, MethodRefused, Subject

Parts = list[dict[str, Any]]


def read_scikit(subject: Subject) -> TreeModel:
    """The trees of the last step of a pipeline; refuses what is not a sum of trees with one output."""
    split = split_pipeline(subject)
    kind = type(split.final).__name__
    if kind.startswith("XGB"):
        return _wrapped_xgboost(split)
    if kind.startswith("LGBM"):
        return read_lightgbm(split.final.booster_, split.encode, split.owners)
    if kind.startswith("HistGradientBoosting"):
        return _histogram_boosting(split)
    return _forest(split, kind)


def _forest(split: Encoded, kind: str) -> TreeModel:
    """Plain trees, forests and gradient boosting, which share scikit-learn's own tree."""
    final = split.final
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
    votes = not kind.startswith("GradientBoosting")
    parts = [_tree(tree, weight, votes) for tree, weight in trees]

    def encode(codes: Matrix) -> Matrix:
        # scikit-learn's trees compare float32 inputs with float64 thresholds.
        return split.encode(codes).astype(np.float32).astype(np.float64)

    def margin(codes: Matrix) -> Matrix:
        rows = split.final_rows(codes)
        if hasattr(final, "predict_proba"):
            own = final.predict_proba(rows)[:, 1] if votes else final.decision_function(rows)
        else:
            own = final.predict(rows)
        return np.asarray(own, dtype=np.float64).ravel()

    return TreeModel(join(parts), split.owners, encode, margin)


def _tree(tree: Any, weight: float, votes: bool) -> dict[str, Any]:
    if tree.value.shape[1] != 1:
        raise MethodRefused("a tree has more than one output")
    value = tree.value[:, 0, :]
    if votes and value.shape[1] == 2:
        value = value[:, 1] / value.sum(axis=1)
    elif value.shape[1] == 1:
        value = value[:, 0]
    else:
        raise MethodRefused("more than two classes")
    count = tree.node_count
    return {
        "left": tree.children_left,
        "right": tree.children_right,
        "column": tree.feature,
        "threshold": tree.threshold,
        "missing_left": getattr(tree, "missing_go_to_left", np.zeros(count)),
        "levels": np.zeros(count, dtype=np.uint64),
        "value": value * weight,
    }


def _histogram_boosting(split: Encoded) -> TreeModel:
    """Thresholds are training values and compared in float64: kept so, where shap's C code rounds them to float32."""
    final = split.final
    if getattr(final, "_preprocessor", None) is not None:
        raise MethodRefused("HistGradientBoosting recodes its categories itself, in an order of its own")
    if any(len(trees) != 1 for trees in final._predictors):
        raise MethodRefused("more than two classes")
    parts = [_predictor(trees[0].nodes) for trees in final._predictors]

    def margin(codes: Matrix) -> Matrix:
        return np.asarray(final._raw_predict(split.final_rows(codes), n_threads=1), dtype=np.float64).ravel()

    return TreeModel(join(parts), split.owners, split.encode, margin)


def _predictor(nodes: Any) -> dict[str, Any]:
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "left": np.where(leaf, -1, nodes["left"].astype(np.intp)),
        "right": np.where(leaf, -1, nodes["right"].astype(np.intp)),
        "column": nodes["feature_idx"],
        "threshold": nodes["num_threshold"],
        "missing_left": nodes["missing_go_to_left"],
        "levels": np.zeros(len(nodes), dtype=np.uint64),
        "value": nodes["value"],
    }


def _wrapped_xgboost(split: Encoded) -> TreeModel:
    """As the wrapper predicts: up to the best round, with its own mark for what is missing."""
    booster, absent = split.final.get_booster(), split.final.missing
    best = booster.attr("best_iteration")
    if best is not None:
        booster = booster[: int(best) + 1]

    def rows_of(codes: Matrix) -> Matrix:
        rows = split.encode(codes)
        return rows if absent is None or np.isnan(absent) else np.where(rows == absent, np.nan, rows)

    return read_xgboost(booster, rows_of, split.owners)
