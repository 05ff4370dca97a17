"""Do the metrics that we compute reach the minimums, and do they confirm what the manifest claims?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.checking.findings import Finding, judged
from registry.checking.judging.evaluated import Group, Scored
from registry.statistics import metrics_of_classifier, metrics_of_regression

KIND = "performance"
Truth = NDArray[np.generic]
Metrics = dict[str, float | None]

TITLES = {
    "roc_auc": "ROC AUC", "average_precision": "average precision", "brier": "Brier score", "log_loss": "log loss",
    "expected_calibration_error": "expected calibration error", "accuracy": "accuracy", "precision": "precision",
    "recall": "recall", "f1": "F1", "r2": "R²", "mae": "mean absolute error", "rmse": "root mean squared error",
}  # fmt: skip
# What manifests call the same thing.
_ALIASES = {"auc": "roc_auc", "brier_score": "brier", "logloss": "log_loss", "f1_score": "f1", "r2_score": "r2"}
# In units of the target: a distance from what is claimed is measured as a share of it.
_WITH_UNIT = ("mae", "rmse")


def judge_performance(
    candidate: Scored,
    live: Scored | None,
    truth: Truth,
    groups: Sequence[Sequence[Group]],
    claimed: Mapping[str, Any],
    thresholds: Mapping[str, float],
    evaluation_sha256: str | None,
) -> Finding:
    """Passed when the sample is large enough, every minimum is reached, and every claimed number that can be computed
    is right within `max_claim_gap` (of mean absolute and squared errors: as a share).

    `live` is the version in production, scored on the same rows; where it is not known, a drop is not judged. Claims
    that we cannot compute are listed as unconfirmed and fail nothing.
    """
    metrics = _metrics(candidate, truth)
    live_metrics = _metrics(live, truth) if live else None
    named = {name: _canonical(name) for name in claimed}
    checked = {name: value for name, value in claimed.items() if named[name] in metrics and _is_number(value)}
    problems = _minimums(metrics, len(truth), thresholds)
    problems += _contradicted({named[name]: float(value) for name, value in checked.items()}, metrics, thresholds)
    if live is not None and live_metrics is not None:
        problems += _drops(metrics, live_metrics, live.version, thresholds)
    payload = {
        "rows": len(truth),
        "evaluation_sha256": evaluation_sha256,
        "metrics": metrics,
        "claimed": dict(checked),
        "unconfirmed": [name for name in claimed if name not in checked],
        "live": {"version": live.version, "metrics": live_metrics} if live else None,
        "groups": [_of_group(group, candidate, truth) for feature in groups for group in feature],
    }
    return judged(KIND, problems, _good(metrics, len(truth), len(checked)), payload, thresholds)


def _metrics(scored: Scored, truth: Truth) -> Metrics:
    if truth.dtype != np.bool_:
        return metrics_of_regression(truth.astype(np.float64), scored.scores)
    threshold = scored.output.threshold
    return metrics_of_classifier(truth.astype(np.bool_), scored.scores, 0.5 if threshold is None else threshold)


def _minimums(metrics: Metrics, rows: int, thresholds: Mapping[str, float]) -> list[str]:
    problems = []
    if rows < thresholds["min_rows"]:
        problems.append(f"the evaluation sample has {rows} rows, at least {thresholds['min_rows']:g} are needed")
    for name, limit, is_least in (("roc_auc", "min_roc_auc", 1), ("brier", "max_brier", 0), ("r2", "min_r2", 1)):
        if name not in metrics:
            continue
        value, bound = metrics[name], thresholds[limit]
        if value is None:
            problems.append(f"{TITLES[name]} cannot be computed, since every row has the same label")
        elif is_least and value < bound:
            problems.append(f"{TITLES[name]} is {value:.3f}, at least {bound:g} is needed")
        elif not is_least and value > bound:
            problems.append(f"{TITLES[name]} is {value:.3f}, at most {bound:g} is allowed")
    return problems


def _contradicted(claimed: Mapping[str, float], metrics: Metrics, thresholds: Mapping[str, float]) -> list[str]:
    problems = []
    for name, said in claimed.items():
        found = metrics[name]
        if found is None:
            problems.append(f"the manifest claims {TITLES[name]} {said:.4g}, which cannot be computed on this sample")
            continue
        gap = abs(found - said) / (max(abs(said), 1e-12) if name in _WITH_UNIT else 1)
        # Written so that a claim of NaN, which no comparison is true of, counts as contradicted.
        if not gap <= thresholds["max_claim_gap"]:
            problems.append(f"the manifest claims {TITLES[name]} {said:.4g}, we compute {found:.4g}")
    return problems


def _drops(metrics: Metrics, live: Metrics, version: int | None, thresholds: Mapping[str, float]) -> list[str]:
    problems = []
    for name in ("roc_auc", "r2"):
        now, before = metrics.get(name), live.get(name)
        if now is not None and before is not None and before - now > thresholds["max_drop_from_live"]:
            allowed = f"{thresholds['max_drop_from_live']:g}"
            words = f"{before:.3f} on the same rows, to {now:.3f}; at most {allowed} is allowed"
            problems.append(f"{TITLES[name]} drops from version {version}'s {words}")
    return problems


def _of_group(group: Group, candidate: Scored, truth: Truth) -> dict[str, Any]:
    part = Scored(candidate.version, candidate.scores[group.rows], candidate.output)
    about = {"feature": group.feature, "value": group.value, "rows": int(group.rows.sum())}
    return {**about, "metrics": _metrics(part, truth[group.rows])}


def _good(metrics: Metrics, rows: int, confirmed: int) -> str:
    shown = [name for name in ("roc_auc", "brier", "r2", "rmse") if metrics.get(name) is not None]
    found = ", ".join(f"{TITLES[name]} {metrics[name]:.3f}" for name in shown)
    claims = f"; {confirmed} of the manifest's claims confirmed" if confirmed else ""
    return f"{found} on {rows:,} rows{claims}"


def _canonical(name: str) -> str:
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    return _ALIASES.get(plain, plain)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
