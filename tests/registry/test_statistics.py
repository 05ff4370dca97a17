"""Metrics and distances against scikit-learn and scipy, on random samples with and without ties, and at the edges."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from registry import statistics

SEEDS = range(20)


def rows(seed: int, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and probabilities that know something of them."""
    random = np.random.default_rng(seed)
    count = int(random.integers(20, 400))
    truth = random.random(count) < random.uniform(0.1, 0.9)
    truth[:2] = True, False
    scores = np.clip(random.normal(0.4 + 0.2 * truth, 0.25), 0, 1)
    return truth, np.round(scores, 1) if ties else scores


def samples(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    yield random.normal(size=200), random.normal(0.3, 1.2, size=77)
    yield random.integers(0, 4, 150).astype(float), random.integers(0, 5, 61).astype(float)
    yield np.zeros(30), random.normal(size=10)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", [False, True])
def test_metrics_are_those_of_scikit_learn(seed: int, ties: bool) -> None:
    truth, scores = rows(seed, ties=ties)
    said = scores >= 0.5
    expected = {
        "roc_auc": metrics.roc_auc_score(truth, scores),
        "average_precision": metrics.average_precision_score(truth, scores),
        "brier": metrics.brier_score_loss(truth, scores),
        "log_loss": metrics.log_loss(truth, scores),
        "accuracy": metrics.accuracy_score(truth, said),
        "precision": metrics.precision_score(truth, said, zero_division=0),
        "recall": metrics.recall_score(truth, said),
        "f1": metrics.f1_score(truth, said),
    }
    found = statistics.metrics_of_classifier(truth, scores, 0.5)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_regression_metrics_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(size=50)
    values = truth + random.normal(size=50)
    assert statistics.metrics_of_regression(truth, values) == pytest.approx(
        {
            "r2": metrics.r2_score(truth, values),
            "mae": metrics.mean_absolute_error(truth, values),
            "rmse": metrics.root_mean_squared_error(truth, values),
        }
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_distances(seed: int) -> None:
    for one, other in samples(seed):
        assert statistics.ks_distance(one, other) == pytest.approx(stats.ks_2samp(one, other).statistic)
        found = statistics.psi(one, other)
        assert found is not None and found > 0
        assert statistics.psi(one, one) == 0
        # The order of rows and one common change of units mean nothing.
        assert statistics.psi(np.sort(one) * 8, other[::-1] * 8) == pytest.approx(found)


def test_psi_by_hand() -> None:
    reference = np.arange(10.0)
    current = np.array([0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    twice, none = math.log(2), math.log(statistics.SMALLEST_SHARE / 0.1)
    by_hand = (0.2 - 0.1) * twice + (statistics.SMALLEST_SHARE - 0.1) * none
    assert statistics.psi(reference, current) == pytest.approx(by_hand)


def test_psi_of_what_does_not_vary() -> None:
    flat = np.full(500, 0.3)
    assert statistics.psi(flat, np.full(100, 0.3)) == 0
    # A move away from the one value shows in both directions, and by the least that a float can tell.
    for moved in (0.2, 0.4, np.nextafter(0.3, 0), np.nextafter(0.3, 1)):
        assert statistics.psi(flat, np.full(100, moved)) == pytest.approx(2 * (1 - 1e-4) * math.log(1e4))
    shares = np.repeat([0.0, 1.0], [95, 5])
    assert statistics.psi(shares, np.repeat([0.0, 1.0], [950, 50])) == 0


def test_psi_of_one_distribution_stays_below_its_noise() -> None:
    random = np.random.default_rng(1)
    limit = statistics.psi_noise(200, 1_000)
    drawn = [statistics.psi(random.normal(size=1_000), random.normal(size=200)) for _ in range(1_500)]
    above = np.mean([found > limit for found in drawn if found is not None])
    # The research measured .088 at 200 beside 5,000 rows.
    assert statistics.psi_noise(200, 5_000) == pytest.approx(0.088, abs=0.001)
    assert 0.03 < above < 0.09


def test_ks_of_one_distribution_stays_below_its_noise() -> None:
    random = np.random.default_rng(2)
    limit = statistics.ks_noise(200, 300)
    assert limit == pytest.approx(1.358 * math.sqrt(1 / 200 + 1 / 300), abs=1e-3)
    drawn = [statistics.ks_distance(random.normal(size=200), random.normal(size=300)) for _ in range(400)]
    assert 0.01 < np.mean([found > limit for found in drawn if found is not None]) < 0.08


@pytest.mark.parametrize("label", [True, False])
def test_with_one_class_only_nothing_is_invented(label: bool) -> None:
    truth, scores = np.full(10, label), np.linspace(0, 1, 10)
    found = statistics.metrics_of_classifier(truth, scores, 0.5)
    assert found["roc_auc"] is None
    assert (found["average_precision"] is None) == (not label) and (found["recall"] is None) == (not label)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(truth, scores, labels=[False, True]))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, scores, labels=[False, True]))
    nobody = statistics.metrics_of_classifier(truth, np.zeros(10), 0.5)
    assert nobody["precision"] is None and nobody["f1"] == (0 if label else None)


def test_without_rows_everything_is_none() -> None:
    nothing = np.empty(0)
    assert set(statistics.metrics_of_classifier(nothing.astype(bool), nothing, 0.5).values()) == {None}
    assert set(statistics.metrics_of_regression(nothing, nothing).values()) == {None}
    assert statistics.psi(nothing, np.ones(1)) is None and statistics.ks_distance(np.ones(1), nothing) is None
    assert statistics.wilson_interval(0, 0) is None and statistics.histogram(nothing, [0, 1]) == [0.0]


def test_r2_of_a_truth_that_does_not_vary() -> None:
    found = statistics.metrics_of_regression(np.ones(5), np.arange(5.0))
    assert found["r2"] is None and found["mae"] == pytest.approx(1.4)


def test_calibration_error_by_hand() -> None:
    scores = np.array([0.05, 0.05, 0.95, 1.0])
    truth = np.array([True, False, True, True])
    # First bin: stated .05, true .5, two rows; last bin: stated .975, true 1, two rows.
    assert statistics.calibration_error(truth, scores) == pytest.approx((0.45 * 2 + 0.025 * 2) / 4)


@pytest.mark.parametrize("successes, count", [(0, 1), (0, 40), (3, 40), (20, 40), (40, 40), (999, 1_000)])
def test_wilson_interval_is_that_of_scipy(successes: int, count: int) -> None:
    expected = stats.binomtest(successes, count).proportion_ci(method="wilson")
    assert statistics.wilson_interval(successes, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_histogram_keeps_every_row() -> None:
    edges = [0.0, 0.5, 1.0]
    assert statistics.histogram(np.array([-1, 0, 0.5, 1, 2]), edges) == [0.4, 0.6]
