"""Exact SHAP values of tree models at the level of raw inputs, in the model's own margin.

Read are scikit-learn's trees, forests, gradient and histogram boosting, XGBoost with DART, and LightGBM, by themselves
or behind a pipeline; LightGBM's linear trees go to the sampler.

Why not shap.TreeExplainer at run time: its interventional values are silently wrong for HistGradientBoosting,
XGBoost DART and LightGBM linear trees, it crashes on trees of more than 32,767 nodes, cuts the background to
100 rows, refuses native categorical splits with a background, and answers per encoded column, where the
players should be what the caller sent (research/explain.md §1.2, §1.3, §3.1). The tests hold this module
against it where it is right, and against enumeration of all coalitions everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.methods.leaf_table import LeafTable, build_table
from explain.methods.links import Link, find_link
from explain.methods.readers import TreeModel, parse_trees
from explain.methods.subject import Matrix, MethodRefused, Subject, sample_rows

FEWEST_ROWS, MOST_ROWS = 200, 5_000  # fewer make the reasons depend on chance (§3.2), more change nothing
FEW_CELLS = (
    30_000_000  # leaves × rows up to which the whole background is folded in (seconds, once per version)
)


@dataclass(frozen=True)
class TreeMethod:
    """A tree model made ready: `base` and the table are in the model's margin, `link` leads to the score.

    `offset` is what the leaves alone lack of the margin; `rounding` what the model's own float32 sums may miss of the
    score.
    """

    model: TreeModel
    table: LeafTable
    link: Link
    base: float
    offset: float
    rounding: float
    rows: int

    def explain(self, codes: Matrix) -> tuple[float, Matrix]:
        """Base value and exact contributions of one code row, in the link's space."""
        values = self.table.shapley(self.model.encode(codes.reshape(1, -1))[0])
        return float(self.link.to_space(np.asarray(self.base))), self.link.scale * values

    def own_value(self, codes: Matrix) -> float:
        """What the model itself says about one code row, in the link's space."""
        margin = self.model.exact_margin(codes.reshape(1, -1)) + self.offset
        return float(self.link.to_space(margin)[0])


def prepare_trees(subject: Subject) -> TreeMethod:
    """Read the trees and fold the background; refuses unless the table gives back the model's own margins."""
    model = parse_trees(subject)
    leaves = int((model.nodes.left < 0).sum())
    wanted = min(MOST_ROWS, max(FEWEST_ROWS, FEW_CELLS // max(1, leaves)))
    chosen = sample_rows(len(subject.codes), wanted)
    codes = subject.codes[chosen]
    table, margins = build_table(model.nodes, model.owners, len(subject.names), model.encode(codes))
    own, exact = model.margin(codes), model.exact_margin(codes)
    offset = float(np.median(own - exact))
    lacking = float(np.median(exact - margins))
    size = max(1.0, float(np.abs(table.value).max(initial=0.0)), float(np.abs(own).max(initial=0.0)))
    rounding = model.rounding(size)
    off = max(np.max(np.abs(exact - margins - lacking)), np.max(np.abs(own - exact - offset)) - rounding)
    if not off <= 1e-9 * size:
        raise MethodRefused("the trees as read do not give back the model's own margin")
    link = find_link(exact + offset, subject.scores[chosen], subject.regression, 1e-6 + rounding)
    base = float(margins.mean()) + lacking + offset
    return TreeMethod(model, table, link, base, offset, rounding, len(chosen))
