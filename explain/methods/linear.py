"""Exact SHAP values of linear and logistic regression at the level of raw inputs, in the linear score.

The game is additive across encoded columns, so the value of a raw input is the sum over its columns of
coefficient × (encoded value − mean of the background): no sampling, and no difference between grouping before
or after. shap.LinearExplainer gives the same numbers per encoded column, but cuts the background to 100 rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.methods.links import Link, find_link
from explain.methods.pipelines import Encoded, split_pipeline
from explain.methods.subject import Matrix, MethodRefused, Subject


@dataclass(frozen=True)
class LinearMethod:
    """A linear model made ready; `rounding` as of trees: it adds in float64."""

    split: Encoded
    weights: Matrix
    intercept: float
    mean: Matrix  # of the encoded background
    link: Link
    rows: int
    players: int
    rounding: float = 0.0

    def explain(self, codes: Matrix) -> tuple[float, Matrix]:
        """Base value and exact contributions of one code row, in the link's space."""
        encoded = self.split.encode(codes.reshape(1, -1))[0]
        terms = self.weights * (encoded - self.mean)
        values = np.asarray(np.bincount(self.split.owners, terms, minlength=self.players), dtype=np.float64)
        base = self.link.to_space(np.asarray(self.mean @ self.weights + self.intercept))
        return float(base), np.asarray(self.link.scale * values)

    def own_value(self, codes: Matrix) -> float:
        """What the model itself says about one code row, in the link's space."""
        return float(self.link.to_space(_margin(self.split, codes.reshape(1, -1)))[0])


def prepare_linear(subject: Subject) -> LinearMethod:
    """Read the coefficients; refuses unless they give back the model's own score on the whole background."""
    if subject.scorer.format != "skops":
        raise MethodRefused("the artifact does not show its coefficients")
    split = split_pipeline(subject)
    weights = np.atleast_2d(np.asarray(getattr(split.final, "coef_", np.empty((0, 0))), dtype=np.float64))
    if weights.shape != (1, len(split.owners)) or hasattr(split.final, "kernel"):
        raise MethodRefused(f"{type(split.final).__name__} is not a linear model with one output")
    intercept = float(np.ravel(split.final.intercept_)[0])
    encoded = split.encode(subject.codes)
    margins = encoded @ weights[0] + intercept
    link = find_link(margins, subject.scores, subject.regression)
    mean = encoded.mean(axis=0)
    return LinearMethod(split, weights[0], intercept, mean, link, len(encoded), len(subject.names))


def _margin(split: Encoded, codes: Matrix) -> Matrix:
    rows = split.final_rows(codes)
    name = "decision_function" if hasattr(split.final, "decision_function") else "predict"
    return np.asarray(getattr(split.final, name)(rows), dtype=np.float64).ravel()
