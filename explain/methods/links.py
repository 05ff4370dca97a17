"""How a model's own margin becomes the score: found by comparing the two, never by trusting a name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explain.methods.subject import Matrix, MethodRefused

LOG_ODDS, PROBABILITY, VALUE = "log_odds", "probability", "value"
CLIP = 1e-6  # log-odds of ± 13.8: beyond that float32 scores hold no information


@dataclass(frozen=True)
class Link:
    """`scale × margin + offset` lies in `space` and points towards the adverse label."""

    space: str
    scale: float = 1.0
    offset: float = 0.0

    def to_space(self, margin: Matrix) -> Matrix:
        return self.scale * margin + self.offset

    def to_score(self, margin: Matrix) -> Matrix:
        return score_of(self.to_space(margin), self.space)


def score_of(values: Matrix, space: str) -> Matrix:
    """Scores behind values of a space."""
    return sigmoid(values) if space == LOG_ODDS else np.asarray(values, dtype=np.float64)


def values_of(scores: Matrix, space: str) -> Matrix:
    """Scores in a space; log-odds are clipped at ± 13.8."""
    return log_odds(scores) if space == LOG_ODDS else np.asarray(scores, dtype=np.float64)


def sigmoid(values: Matrix) -> Matrix:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -700.0, 700.0)))


def log_odds(scores: Matrix) -> Matrix:
    clipped = np.clip(scores, CLIP, 1.0 - CLIP)
    return np.log(clipped) - np.log1p(-clipped)


def find_link(margins: Matrix, scores: Matrix, regression: bool, tolerance: float = 1e-6) -> Link:
    """The link that turns these margins into these scores; refuses when none does within `tolerance`.

    The adverse label may be either class, hence the mirrored candidates.
    """
    if regression:
        candidates = [Link(VALUE)]
        tolerance *= max(1.0, float(np.max(np.abs(scores), initial=0.0)))
    else:
        candidates = [
            Link(LOG_ODDS),
            Link(LOG_ODDS, scale=-1.0),
            Link(PROBABILITY),
            Link(PROBABILITY, -1.0, 1.0),
        ]
    for link in candidates:
        if np.max(np.abs(link.to_score(margins) - scores), initial=0.0) <= tolerance:
            return link
    raise MethodRefused("the model's margin does not lead to the recorded kind of score by a known link")


def sampling_space(scores: Matrix, regression: bool) -> str:
    """Log-odds, unless the model answers flat 0 or 1 so often that log-odds would only show the clipping."""
    if regression:
        return VALUE
    flat = np.mean((scores <= CLIP) | (scores >= 1.0 - CLIP))
    return PROBABILITY if flat > 0.05 else LOG_ODDS
