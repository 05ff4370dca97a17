"""Against the live version, against training, and between groups: what differs too much, and what only seems to."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from registry import statistics
from registry.checking.findings import Finding
from registry.checking.gates import BY_KIND
from registry.checking.judging.distribution import judge_distribution
from registry.checking.judging.evaluated import Group, Scored
from registry.scoring.manifest import OutputSpec

DEFAULTS = BY_KIND["distribution"].defaults
OUTPUT = OutputSpec(labels=("grant", "deny"), adverse_label="deny", threshold=0.5)
# The same shape every time: quantiles of a beta distribution, adverse in about an eighth of the rows.
SCORES = np.random.default_rng(0).permutation(np.random.default_rng(1).beta(1.2, 4, 1_000))
TRAINING = np.random.default_rng(2).beta(1.2, 4, 500)


def scored(scores: np.ndarray, version: int | None = None) -> Scored:
    return Scored(version, scores, OUTPUT)


def judge(candidate: np.ndarray | None = SCORES, *, live: np.ndarray | None = None, **changes: Any) -> Finding:
    given: dict[str, Any] = {
        "candidate": None if candidate is None else scored(candidate, 3),
        "training": scored(TRAINING, 3),
        "live": None if live is None else scored(live, 2),
        "live_problem": "",
        "groups": [],
        "thresholds": DEFAULTS,
        "evaluation_sha256": "ab",
    }
    found = judge_distribution(**{**given, **changes})
    # What pages and the trail are given is plain JSON without NaN.
    json.dumps(found.payload, allow_nan=False)
    return found


def moved(share: float) -> np.ndarray:
    """The scores, with this share of the rows moved from grant to deny."""
    result = SCORES.copy()
    granted = np.flatnonzero(result < 0.5)[: round(share * len(result))]
    result[granted] = 0.5
    return result


def test_alike_passes_and_shows_every_figure() -> None:
    found = judge(live=moved(0.02))
    assert found.verdict == "passed", found.summary
    live, training = found.payload["comparisons"]["live"], found.payload["comparisons"]["training"]
    assert set(live) == {"psi", "ks", "positive_rate_change", "flip_rate", "mean_abs_change"}
    assert set(training) == {"psi", "ks", "positive_rate_change"}
    assert live["flip_rate"] == pytest.approx(0.02) and live["positive_rate_change"] == pytest.approx(-0.02)
    candidate = found.payload["candidate"]
    assert candidate["version"] == 3 and candidate["mean"] == pytest.approx(SCORES.mean())
    assert list(candidate["quantiles"]) == ["p05", "p25", "p50", "p75", "p95"]
    assert len(candidate["histogram"]["edges"]) == 21 and sum(candidate["histogram"]["shares"]) == pytest.approx(1)
    assert found.payload["live"]["version"] == 2 and found.payload["rows"] == 1_000


def test_more_denials_than_the_live_version_fail_however_similar_the_scores() -> None:
    found = judge(moved(0.06), live=SCORES)
    assert found.verdict == "failed" and found.payload["problems"][0].startswith(
        "change of the adverse rate against version 2 is +0.060"
    )
    assert judge(moved(0.04), live=SCORES).verdict == "passed"


def test_another_shape_fails() -> None:
    found = judge(SCORES**2, live=SCORES)
    assert found.verdict == "failed" and "PSI against version 2" in found.summary and "KS distance" in found.summary
    assert "PSI against the training sample" in found.summary


def test_a_live_version_that_cannot_score_the_rows_fails_in_words() -> None:
    words = "version 2, which is live, does not take these rows: sample.new is not a known input"
    found = judge(live_problem=words)
    assert found.verdict == "failed" and words in found.payload["problems"] and found.payload["live"] is None


def test_a_small_sample_is_not_blamed_for_its_noise_against_training() -> None:
    small = np.random.default_rng(6).beta(1.2, 4, 40)
    assert statistics.psi(TRAINING, small) > 0.25
    found = judge(small)
    assert found.verdict == "passed" and "40 rows say little" in found.summary
    assert found.payload["noise"]["psi"] > found.payload["comparisons"]["training"]["psi"]


def test_without_an_evaluation_sample_the_verdict_is_missing_and_groups_are_those_of_training() -> None:
    half = np.arange(500) < 250
    groups = [[Group("afam", "A", "no", ~half), Group("afam", "A", "yes", half)]]
    found = judge(None, groups=groups, evaluation_sha256=None)
    assert found.verdict == "missing" and found.payload["rows"] == 0 and found.payload["candidate"] is None
    assert found.payload["comparisons"] == {"live": None, "training": None}
    [feature] = found.payload["groups"]
    assert sum(group["rows"] for group in feature["groups"]) == 500


class TestGroups:
    """The second half of the rows belongs to the group `yes`."""

    def judge(self, denied: float, rows: int = 500, **thresholds: float) -> Finding:
        yes = np.arange(1_000) >= 1_000 - rows
        scores = np.where(np.arange(1_000) % 10 == 0, 0.9, 0.1)
        scores[1_000 - rows : 1_000 - rows + round(rows * denied)] = 0.9
        scores[1_000 - rows + round(rows * denied) :] = 0.1
        groups = [[Group("afam", "African-American", "no", ~yes), Group("afam", "African-American", "yes", yes)]]
        training = scored(np.random.default_rng(3).permutation(scores))
        return judge(scores, training=training, groups=groups, thresholds={**DEFAULTS, **thresholds})

    def test_four_fifths(self) -> None:
        # Of `no` 90 % are favoured: four fifths of that are 72 %.
        assert self.judge(0.27).verdict == "passed"
        found = self.judge(0.29)
        assert (
            found.verdict == "failed" and "favourable rate yes 71.0% against no 90.0%, a ratio of 0.79" in found.summary
        )
        [feature] = found.payload["groups"]
        assert feature["ratio"] == pytest.approx(0.71 / 0.9) and feature["title"] == "African-American"
        assert "29 CFR 1607.4(D)" in found.payload["groups_rule"]

    def test_it_works_both_ways(self) -> None:
        found = self.judge(0.0, min_group_ratio=0.95)
        assert found.verdict == "failed" and "favourable rate no 90.0% against yes 100.0%" in found.summary

    def test_groups_that_are_too_small_are_shown_and_not_judged(self) -> None:
        found = self.judge(0.9, rows=20)
        [feature] = found.payload["groups"]
        assert found.verdict == "passed" and feature["ratio"] is None
        assert [group["judged"] for group in feature["groups"]] == [True, False]
        assert feature["groups"][1]["positive_rate"] == pytest.approx(0.9)
        low, high = feature["groups"][1]["favourable_interval"]
        assert low < 0.1 < high

    def test_nobody_is_favoured(self) -> None:
        everyone = np.full(1_000, 0.9)
        yes = np.arange(1_000) >= 500
        groups = [[Group("afam", "A", "no", ~yes), Group("afam", "A", "yes", yes)]]
        found = judge(everyone, training=scored(everyone), groups=groups)
        assert found.payload["groups"][0]["ratio"] is None and found.verdict == "passed"


def test_a_regression_has_no_labels_and_its_own_bars() -> None:
    values = SCORES * 100_000
    found = judge_distribution(
        candidate=Scored(3, values, OutputSpec()),
        training=Scored(3, TRAINING * 100_000, OutputSpec()),
        live=Scored(2, values * 1.01, OutputSpec()),
        live_problem="",
        groups=[[Group("afam", "A", "no", np.ones(1_000, dtype=bool))]],
        thresholds=DEFAULTS,
        evaluation_sha256=None,
    )
    assert found.verdict == "passed", found.summary
    assert found.payload["candidate"]["positive_rate"] is None
    assert found.payload["comparisons"]["live"]["flip_rate"] is None
    edges = found.payload["candidate"]["histogram"]["edges"]
    assert (
        edges[0] == pytest.approx(min(values.min(), TRAINING.min() * 1e5))
        and edges == found.payload["live"]["histogram"]["edges"]
    )
    assert not found.payload["groups"][0]["groups"][0]["judged"]
