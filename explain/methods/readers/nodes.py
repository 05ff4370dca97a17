"""Trees of any library as one flat table of nodes with one kind of split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.methods.subject import Matrix, MethodRefused, Subject, indices

Ints = NDArray[np.intp]
MAX_LEVELS = 63  # categories fit into one 64-bit mask
HALF_ULP = 2.0**-24  # largest relative rounding error of a float32


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
    """Nodes, the raw input that owns each column they read, and the model's own margin.

    `encode` turns code rows into those columns, as the library itself compares them. Where the library adds its leaves
    in float32, `reached` gives the leaves that it reaches, as node numbers of shape (rows, trees), to add them exactly.
    """

    nodes: Nodes
    owners: Ints
    encode: Callable[[Matrix], Matrix]
    margin: Callable[[Matrix], Matrix]
    reached: Callable[[Matrix], Ints] | None = None

    def exact_margin(self, codes: Matrix) -> Matrix:
        """The model's margin without float32 rounding; it may lack a constant, as the base score of a booster."""
        return self.margin(codes) if self.reached is None else self.nodes.value[self.reached(codes)].sum(axis=1)

    def rounding(self, size: float) -> float:
        """How far float32 sums of this size may lie from the exact margin; 0 where the library adds in float64."""
        return 0.0 if self.reached is None else 4 * HALF_ULP * len(self.nodes.roots) ** 0.5 * max(1.0, size)


def join(parts: Sequence[dict[str, Any]]) -> Nodes:
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


def columns_read(subject: Subject, names: Sequence[str] | None) -> Ints:
    """Raw columns in the order in which a booster reads them."""
    names = getattr(subject.scorer, "feature_names", None) or names
    if names is None:
        return np.arange(len(subject.names))
    position = indices(subject.names)
    if any(name not in position for name in names):
        raise MethodRefused("the booster reads columns that are not raw inputs")
    return np.asarray([position[name] for name in names], dtype=np.intp)
