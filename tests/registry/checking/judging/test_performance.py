"""Minimums, claims, and the drop against the live version; each on numbers that cross the line and do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from registry.checking.findings import Finding
from registry.checking.gates import BY_KIND
from registry.checking.judging.evaluated import Group, Scored
from registry.checking.judging.performance import judge_performance
from registry.scoring.manifest import OutputSpec

DEFAULTS = BY_KIND["performance"].defaults
OUTPUT = OutputSpec(labels=("grant", "deny"), adverse_label="deny", threshold=0.5)
random = np.random.default_rng(7)
TRUTH = random.random(400) < 0.3
SCORES = np.clip(random.normal(0.25 + 0.35 * TRUTH, 0.15), 0, 1)
AUC = float(roc_auc_score(TRUTH, SCORES))


def judge(scores: np.ndarray = SCORES, truth: np.ndarray = TRUTH, **changes: Any) -> Finding:
    given = {"live": None, "groups": [], "claimed": {}, "thresholds": DEFAULTS, "evaluation_sha256": "ab"}
    return judge_performance(Scored(3, scores, OUTPUT), truth=truth, **{**given, **changes})


def test_a_good_model_passes_with_its_metrics() -> None:
    found = judge(claimed={"roc_auc": AUC + 0.009})
    assert found.verdict == "passed", found.summary
    assert found.payload["metrics"]["roc_auc"] == pytest.approx(AUC) and found.payload["rows"] == 400
    assert "1 of the manifest's claims confirmed" in found.summary
    assert found.payload["thresholds"] == DEFAULTS and found.payload["live"] is None


@pytest.mark.parametrize("name", ["roc_auc", "auc", "AUC", "ROC-AUC"])
def test_a_claim_that_we_cannot_confirm_by_computing_fails(name: str) -> None:
    found = judge(claimed={name: AUC - 0.011})
    assert found.verdict == "failed" and "the manifest claims ROC AUC" in found.summary.replace("The m", "the m")
    assert found.payload["claimed"] == {name: AUC - 0.011}


@pytest.mark.parametrize("claim", [float("nan"), float("inf"), -1, 83])
def test_a_claim_that_is_no_share_fails(claim: float) -> None:
    assert judge(claimed={"roc_auc": claim}).verdict == "failed"


def test_what_we_cannot_compute_is_listed_and_fails_nothing() -> None:
    found = judge(claimed={"gini": 0.7, "roc_auc": "high", "accuracy": True, "r2": 0.5, "note": None})
    assert found.verdict == "passed" and found.payload["claimed"] == {}
    assert found.payload["unconfirmed"] == ["gini", "roc_auc", "accuracy", "r2", "note"]


@pytest.mark.parametrize(
    "thresholds, words",
    [
        ({"min_rows": 401}, "has 400 rows, at least 401"),
        ({"min_roc_auc": AUC + 0.001}, "ROC AUC is"),
        ({"max_brier": 0.01}, "Brier score is"),
    ],
)
def test_minimums(thresholds: dict[str, float], words: str) -> None:
    found = judge(thresholds={**DEFAULTS, **thresholds})
    assert found.verdict == "failed" and words in found.summary and len(found.payload["problems"]) == 1


def test_a_drop_below_the_live_version_on_the_same_rows() -> None:
    better = Scored(2, np.where(TRUTH, 0.9, 0.1), OUTPUT)
    found = judge(live=better)
    assert found.verdict == "failed" and "drops from version 2's 1.000 on the same rows" in found.summary
    assert found.payload["live"]["version"] == 2 and found.payload["live"]["metrics"]["roc_auc"] == 1
    assert judge(live=Scored(2, SCORES, OUTPUT)).verdict == "passed"


def test_one_label_only_cannot_be_judged() -> None:
    found = judge(truth=np.zeros(400, dtype=bool))
    assert found.verdict == "failed" and "every row has the same label" in found.summary
    claimed = judge(truth=np.zeros(400, dtype=bool), claimed={"roc_auc": 0.8})
    assert "which cannot be computed on this sample" in claimed.summary


def test_each_protected_group_has_its_metrics() -> None:
    half = np.arange(400) < 150
    groups = [[Group("afam", "African-American", "no", ~half), Group("afam", "African-American", "yes", half)]]
    first, second = judge(groups=groups).payload["groups"]
    assert (first["feature"], first["value"], first["rows"], second["rows"]) == ("afam", "no", 250, 150)
    assert second["metrics"]["roc_auc"] == pytest.approx(roc_auc_score(TRUTH[half], SCORES[half]))


class TestRegression:
    truth = random.normal(200_000, 50_000, 300)
    values = truth + random.normal(0, 20_000, 300)

    def judge(self, **changes: Any) -> Finding:
        given = {"live": None, "groups": [], "claimed": {}, "thresholds": DEFAULTS, "evaluation_sha256": None}
        values = changes.pop("values", self.values)
        return judge_performance(Scored(None, values, OutputSpec()), truth=self.truth, **{**given, **changes})

    def test_errors_are_compared_by_their_share(self) -> None:
        mae = float(np.abs(self.truth - self.values).mean())
        assert self.judge(claimed={"mae": mae * 1.009}).verdict == "passed"
        found = self.judge(claimed={"mae": mae * 1.02})
        assert found.verdict == "failed" and "mean absolute error" in found.summary

    def test_r2_must_not_be_worse_than_the_mean(self) -> None:
        found = self.judge(values=self.truth[::-1].copy())
        assert found.verdict == "failed" and "R² is -" in found.summary
        assert set(found.payload["metrics"]) == {"r2", "mae", "rmse"}

    def test_a_drop_of_r2(self) -> None:
        found = self.judge(live=Scored(1, self.truth, OutputSpec()))
        assert found.verdict == "failed" and "R² drops from version 1's 1.000" in found.summary
