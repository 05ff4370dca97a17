"""Decision trees that arrive as raw arrays: compiled code follows their indices without looking.

scikit-learn, XGBoost and LightGBM index child and feature arrays without bounds checks when they
predict (skops, `_trusted_types.py`; scikit-learn#34558), so a crafted file reads foreign memory or
never ends. Nothing here trusts an index before it is checked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .problems import ArtifactRefused

CODE = "artifact_unreadable"


def check_tree(left: np.ndarray, right: np.ndarray, feature: np.ndarray, features: int) -> None:
    """Raise ArtifactRefused unless the arrays are one finite tree rooted at node 0.

    A child below 0 ends a branch; inner nodes have two children and test a feature that exists.
    """
    count = len(left)
    if count == 0 or len(right) != count or len(feature) != count:
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: its arrays differ in length")
    inner = left >= 0
    if np.any(inner != (right >= 0)):
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: a node has one child")
    tested = feature[inner]
    if np.any(tested < 0) or np.any(tested >= features):
        raise ArtifactRefused(CODE, "a decision tree in the artifact tests an input that does not exist")
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    # Each node has at most one parent and the root none: then no path from the root can close a circle.
    if np.any(children >= count) or np.any(children == 0) or len(np.unique(children)) != len(children):
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: it is not a tree")


def check_inside(part: Any, holder: Any) -> None:
    """Check one object of a scikit-learn model, given the object whose attribute it is.

    Ensembles hand their rows to trees unchecked, so a tree must be as wide as what holds it.
    """
    kind = type(part).__name__
    if kind == "Tree":
        _check_sklearn_tree(part, holder)
    elif kind == "TreePredictor":
        _check_predictor(part, _width(holder))
    elif type(part).__module__ == "sklearn.tree._classes" and hasattr(part, "tree_") and _is_trusting(holder):
        _same(_width(part), _width(holder))
    elif kind.startswith("GradientBoosting"):
        stages = np.asarray(part.estimators_)
        _same(stages.ndim, 2)
        _same(stages.shape[1], part.n_trees_per_iteration_)
    elif kind.startswith("Bagging"):
        for estimator, columns in zip(part.estimators_, part.estimators_features_, strict=True):
            _same(_width(estimator), len(columns))


def _is_trusting(holder: Any) -> bool:
    return type(holder).__module__ in ("sklearn.ensemble._forest", "sklearn.ensemble._gb")


def _width(estimator: Any) -> int:
    return int(getattr(estimator, "n_features_in_", -1))


def _same(found: object, wanted: object) -> None:
    if found != wanted:
        raise ArtifactRefused(
            CODE, f"a decision tree in the artifact does not fit its model ({found}, {wanted})"
        )


def _check_sklearn_tree(tree: Any, holder: Any) -> None:
    if tree.node_count < 1 or len(tree.value) < tree.node_count:
        raise ArtifactRefused(CODE, "a decision tree in the artifact is empty")
    _same(tree.n_features, _width(holder))
    check_tree(tree.children_left, tree.children_right, tree.feature, tree.n_features)


def _check_predictor(predictor: Any, features: int) -> None:
    nodes = predictor.nodes
    names = ("left", "right", "feature_idx", "is_leaf", "is_categorical", "bitset_idx")
    if nodes.dtype.names is None or not set(names) <= set(nodes.dtype.names):
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: its nodes lack fields")
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    if np.any((left < 0) & ~leaf):
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: a node has no children")
    check_tree(left, right, nodes["feature_idx"].astype(np.int64), features)
    splits = nodes["bitset_idx"][~leaf & nodes["is_categorical"].astype(bool)]
    for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        if np.any(splits >= len(bitsets)):
            raise ArtifactRefused(
                CODE, "a decision tree in the artifact is damaged: a category set is missing"
            )


def check_xgboost_trees(trees: list[dict[str, Any]], features: int) -> None:
    """Check the trees of an XGBoost model in its JSON form."""
    for tree in trees:
        left, right, feature = (
            np.asarray(tree[key], dtype=np.int64)
            for key in ("left_children", "right_children", "split_indices")
        )
        check_tree(left, right, feature, features)
        lengths = {
            len(tree[key]) for key in ("split_conditions", "default_left", "split_type") if key in tree
        }
        starts, sizes = (
            np.asarray(tree.get("categories_segments", [])),
            np.asarray(tree.get("categories_sizes", [])),
        )
        inside = len(starts) == len(sizes) and np.all(starts + sizes <= len(tree.get("categories", [])))
        if lengths - {len(left)} or not inside or np.any(starts < 0) or np.any(sizes < 0):
            raise ArtifactRefused(
                CODE, "a decision tree in the artifact is damaged: its arrays differ in length"
            )


def check_lightgbm_trees(text: str, features: int) -> None:
    """Check the trees of a LightGBM text model; raise ValueError where its numbers are none."""
    for block in text.split("\nTree=")[1:]:
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        leaves = int(fields.get("num_leaves", "0"))
        if leaves != 1:
            _check_lightgbm_tree(fields, leaves, features)


def _check_lightgbm_tree(fields: dict[str, str], leaves: int, features: int) -> None:
    names = ("left_child", "right_child", "split_feature", "decision_type")
    left, right, feature, decisions = (
        np.array(fields.get(name, "").split(), dtype=np.int64) for name in names
    )
    thresholds = np.array(fields.get("threshold", "").split(), dtype=np.float64)
    inner = len(left)
    same = len(right) == len(decisions) == len(thresholds) == inner
    if not same or leaves != inner + 1 or len(fields.get("leaf_value", "").split()) != leaves:
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: its arrays differ in length")
    # Leaves are written as ~index; they become nodes of their own after the inner ones, so that one
    # check serves every library.
    ends = np.full(leaves, -1, dtype=np.int64)
    children = [np.concatenate([np.where(side < 0, inner + ~side, side), ends]) for side in (left, right)]
    check_tree(children[0], children[1], np.concatenate([feature, ends]), features)
    # The first bit marks a split by categories; its threshold counts the sets.
    sets = thresholds[(decisions & 1) == 1]
    bounds = np.array(fields.get("cat_boundaries", "0").split(), dtype=np.int64)
    words = len(fields.get("cat_threshold", "").split())
    if (
        np.any(sets < 0)
        or np.any(sets >= len(bounds) - 1)
        or np.any(np.diff(bounds) < 0)
        or bounds[-1] > words
    ):
        raise ArtifactRefused(CODE, "a decision tree in the artifact is damaged: a category set is missing")
