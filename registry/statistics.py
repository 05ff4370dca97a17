"""What scores say of a model: metrics, distances between distributions, and how sure one may be. Pure.

Arrays are float64 without NaN or infinity, as `Scorer.score` gives them. What cannot be measured, since there are no
rows or only one class, is None and never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

BINS = 10
# A bin without rows counts as one row in ten thousand, since the logarithm of nothing is none.
SMALLEST_SHARE = 1e-4
LOG_LOSS_EDGE = float(np.finfo(np.float64).eps)


def psi(reference: Floats, current: Floats, bins: int = BINS) -> float | None:
    """Population stability index over quantile bins of the reference; 0 for equal shares, without an upper end.

    A value that holds a bin's share of the reference or more by itself gets a bin of its own, so that a move away
    from it shows on either side. Empty bins count as `SMALLEST_SHARE`. None when either sample is empty.
    """
    if not len(reference) or not len(current):
        return None
    edges = _bin_edges(reference, bins)
    expected, found = (np.maximum(_shares(values, edges), SMALLEST_SHARE) for values in (reference, current))
    return float(np.sum((found - expected) * np.log(found / expected)))


def psi_noise(rows: int, other_rows: int, bins: int = BINS, confidence: float = 0.95) -> float:
    """The PSI that two samples of one distribution stay below with that confidence.

    PSI of equal distributions is (1/n + 1/m) χ² with bins − 1 degrees of freedom (Yurdakul and Naranjo).
    """
    return float(chdtri(bins - 1, 1 - confidence) * (1 / rows + 1 / other_rows))


def ks_distance(one: Floats, other: Floats) -> float | None:
    """Largest distance of the two empirical distribution functions, 0 to 1; None when either sample is empty."""
    if not len(one) or not len(other):
        return None
    points = np.concatenate([one, other])
    below = [np.searchsorted(np.sort(values), points, side="right") / len(values) for values in (one, other)]
    return float(np.max(np.abs(below[0] - below[1])))


def ks_noise(rows: int, other_rows: int, confidence: float = 0.95) -> float:
    """The KS distance that two samples of one distribution stay below with that confidence (Kolmogorov, Smirnov)."""
    return float(np.sqrt(-np.log((1 - confidence) / 2) / 2 * (1 / rows + 1 / other_rows)))


def roc_auc(truth: Truths, scores: Floats) -> float | None:
    """Chance that a positive row scores above a negative one, ties counting half; None with one class only."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(truth: Truths, scores: Floats) -> float | None:
    """Precision averaged over the recall gained at each score; None without a positive row."""
    positives = int(truth.sum())
    if not positives:
        return None
    order = np.argsort(-scores, kind="stable")
    # Rows of one score are found together: only the last of them is a threshold.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(truth[order])[ends]
    return float(np.sum(np.diff(hits, prepend=0) / positives * hits / (ends + 1)))


def brier(truth: Truths, scores: Floats) -> float | None:
    """Mean squared distance of probability and outcome, 0 to 1; None without rows."""
    return float(np.mean((scores - truth) ** 2)) if len(truth) else None


def log_loss(truth: Truths, scores: Floats) -> float | None:
    """Mean negative log-likelihood, probabilities kept `LOG_LOSS_EDGE` away from 0 and 1; None without rows."""
    if not len(truth):
        return None
    likely = np.clip(np.where(truth, scores, 1 - scores), LOG_LOSS_EDGE, 1 - LOG_LOSS_EDGE)
    return float(-np.mean(np.log(likely)))


def calibration_error(truth: Truths, scores: Floats, bins: int = BINS) -> float | None:
    """Expected calibration error: mean distance of stated and true share over equally wide bins; None without rows."""
    if not len(truth):
        return None
    place = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=scores - truth, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def metrics_of_labels(truth: Truths, adverse: Truths) -> dict[str, float | None]:
    """Accuracy, precision, recall and F1 of labels; None where nothing was found, or there was nothing to find."""
    hits, found, wanted = int((truth & adverse).sum()), int(adverse.sum()), int(truth.sum())
    return {
        "accuracy": float(np.mean(truth == adverse)) if len(truth) else None,
        "precision": hits / found if found else None,
        "recall": hits / wanted if wanted else None,
        "f1": 2 * hits / (found + wanted) if found + wanted else None,
    }


def metrics_of_classifier(truth: Truths, scores: Floats, threshold: float) -> dict[str, float | None]:
    """Every metric of a binary classifier; `truth` is the adverse label, which scores reach at the threshold."""
    return {
        "roc_auc": roc_auc(truth, scores),
        "average_precision": average_precision(truth, scores),
        "brier": brier(truth, scores),
        "log_loss": log_loss(truth, scores),
        "expected_calibration_error": calibration_error(truth, scores),
        **metrics_of_labels(truth, scores >= threshold),
    }


def metrics_of_regression(truth: Floats, values: Floats) -> dict[str, float | None]:
    """R², mean absolute error and root mean squared error; R² is None where the truth does not vary."""
    if not len(truth):
        return {"r2": None, "mae": None, "rmse": None}
    residuals = truth - values
    total = float(np.sum((truth - truth.mean()) ** 2))
    return {
        "r2": 1 - float(np.sum(residuals**2)) / total if total > 0 else None,
        "mae": float(np.mean(np.abs(residuals))),
        "rmse": float(np.sqrt(np.mean(residuals**2))),
    }


def histogram(values: Floats, edges: Sequence[float]) -> list[float]:
    """Share of the values between each two edges, the last edge included; what lies outside counts at the ends."""
    inside = np.clip(values, edges[0], edges[-1])
    counts, _ = np.histogram(inside, bins=np.asarray(edges))
    return [float(share) for share in counts / max(1, len(values))]


def wilson_interval(successes: int, rows: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Where the true share lies with that confidence (Wilson's score interval); None without rows."""
    if not rows:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / rows
    middle = share + z * z / (2 * rows)
    half = z * float(np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)))
    scale = 1 + z * z / rows
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _bin_edges(reference: Floats, bins: int) -> Floats:
    """Upper ends of all bins but the last, each end inside its bin."""
    ends = np.quantile(reference, np.arange(1, bins) / bins, method="inverted_cdf")
    edges, counts = np.unique(ends, return_counts=True)
    # Twice among the ends: the value alone fills a bin.
    return np.unique(np.concatenate([edges, np.nextafter(edges[counts > 1], -np.inf)]))


def _shares(values: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return counts / len(values)
