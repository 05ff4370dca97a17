"""What moved this person across the line: the pushes seen from the decision's threshold, beside the starting point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.methods.links import values_of
from explain.methods.shapley import ShapResult


@dataclass(frozen=True)
class Reference:
    """The threshold in the space of the contributions, and where start and answer lie beside it.

    `start_to_line` and `line_to_answer` add up to all contributions. `needed` is the smallest set of inputs, the
    strongest pushes towards the answer first, without whose pushes the sum would lie on the other side of the line;
    empty when the starting point lies on the answer's side by itself and no such set exists.
    """

    line: float
    start_to_line: float
    line_to_answer: float
    needed: tuple[str, ...]


def reference_of(shap: ShapResult, threshold: float | None) -> Reference | None:
    """The reference, or None where there is no threshold, or none that this space can show (0 or 1 in log-odds)."""
    if threshold is None or (shap.space == "log_odds" and not 0.0 < threshold < 1.0):
        return None
    line = float(values_of(np.asarray(threshold), shap.space))
    adverse = shap.prediction >= line
    beyond = shap.prediction - line
    return Reference(line, line - shap.base_value, beyond, _needed(shap, beyond, adverse))


def _needed(shap: ShapResult, beyond: float, adverse: bool) -> tuple[str, ...]:
    way = 1.0 if adverse else -1.0
    left, needed = beyond, []
    # As a result has them: the largest first.
    for item in shap.contributions:
        if item.contribution * way <= 0:
            continue
        needed.append(item.feature)
        left -= item.contribution
        # On the line itself the answer is the adverse one.
        if left < 0 if adverse else left >= 0:
            return tuple(needed)
    return ()
