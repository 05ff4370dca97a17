"""Trees out of artifacts: one reader for each library, one table of nodes for all."""

from __future__ import annotations

from explain.methods.readers.lgbm import has_generic_names, read_lightgbm
from explain.methods.readers.nodes import MAX_LEVELS, Ints, Nodes, TreeModel, columns_read
from explain.methods.readers.scikit import read_scikit
from explain.methods.readers.xgb import read_xgboost
from explain.methods.subject import Matrix, MethodRefused, Subject

__all__ = ["MAX_LEVELS", "Ints", "Nodes", "TreeModel", "parse_trees"]


def parse_trees(subject: Subject) -> TreeModel:
    """Read the trees out of the artifact; refuses what is not a plain sum of trees with constant leaves."""
    native = subject.scorer.native
    if subject.scorer.format == "skops":
        return read_scikit(subject)
    if subject.scorer.format == "xgboost":
        read = columns_read(subject, native.feature_names)
        return read_xgboost(native, lambda codes: _columns(codes, read), read)
    if subject.scorer.format == "lightgbm":
        read = columns_read(subject, None if has_generic_names(native) else native.feature_name())
        return read_lightgbm(native, lambda codes: _columns(codes, read), read)
    raise MethodRefused("the artifact does not show its trees")


def _columns(codes: Matrix, read: Ints) -> Matrix:
    return codes[:, read]
