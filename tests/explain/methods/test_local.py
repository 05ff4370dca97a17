"""LIME through the library: planted local models come back, and its known silent errors do not."""

import numpy as np
import pytest

from explain.methods.local import explain_lime, number, prepare_lime

from .planted import SCHEMA, draw, of_codes, schema_of, subject_of

LOAN = schema_of(
    {
        "amount": {"type": "number"},
        "term": {"type": "number"},
        "fees": {"type": "number"},
        **{f"x{index}": {"type": "number"} for index in range(5)},
    }
)


def loans(rows: int = 800) -> np.ndarray:
    rng = np.random.default_rng(0)
    term = np.where(rng.random(rows) < 0.7, 36, 60)
    fees = np.where(rng.random(rows) < 0.8, 2.5, 3 + rng.random(rows))
    return np.column_stack([rng.normal(size=rows), term, fees, rng.normal(size=(rows, 5))])


def test_single_valued_bins_give_back_their_value() -> None:
    """Unpatched, 58 % of the samples had a term of 0 months."""
    seen: list[np.ndarray] = []

    def ask(codes: np.ndarray) -> np.ndarray:
        seen.append(codes)
        return np.full(len(codes), 0.5)

    subject = subject_of(of_codes(ask, LOAN), loans(), LOAN)
    ready = prepare_lime(subject)
    seen.clear()
    explain_lime(subject, ready, subject.codes[0], samples=1_000, seed=1)
    asked = np.concatenate(seen)
    assert set(np.unique(asked[:, 1])) == {36.0, 60.0}
    assert (asked[:, 2] == 2.5).mean() == pytest.approx(0.8, abs=0.05)
    assert asked[:, 2].min() >= 2.5


def test_whole_numbers_stay_whole_and_in_range() -> None:
    seen: list[np.ndarray] = []

    def ask(codes: np.ndarray) -> np.ndarray:
        seen.append(codes)
        return np.full(len(codes), 0.5)

    subject = subject_of(of_codes(ask), draw(500))
    explain_lime(subject, prepare_lime(subject), subject.codes[3], samples=1_000, seed=1)
    late = np.concatenate(seen)[:, 2]
    assert (late == np.round(late)).all()
    assert late.min() >= 0 and late.max() <= subject.codes[:, 2].max()


def test_recovers_a_planted_local_model() -> None:
    def ask(codes: np.ndarray) -> np.ndarray:
        return 0.2 + 0.4 * (codes[:, 3] == 1) - 0.15 * codes[:, 5] + 0.1 * (codes[:, 2] > 1)

    subject = subject_of(of_codes(ask), draw(1_000))
    codes = np.asarray([1.0, 0.5, 3, 1, 2, 1, 0])
    found = explain_lime(subject, prepare_lime(subject), codes, samples=5_000, seed=1)
    weights = {item.feature: item for item in found.contributions}
    assert weights["home"].weight == pytest.approx(0.4, abs=0.02)
    assert weights["guarantor"].weight == pytest.approx(-0.15, abs=0.02)
    assert abs(weights["income"].weight) < 0.02 and abs(weights["origin"].weight) < 0.02
    assert weights["home"].condition == "home = rent" and weights["guarantor"].condition == "guarantor = yes"
    assert weights["late"].condition == "late > 2"
    assert weights["home"].p_other == pytest.approx((draw(1_000)[:, 3] != 1).mean())
    assert found.r2 > 0.9 and found.stability is not None and found.stability >= 0.4
    assert len(found.contributions) + len(found.dropped) == len(SCHEMA.names)


def test_same_seed_same_result_on_a_warm_explainer() -> None:
    subject = subject_of(of_codes(lambda codes: 1 / (1 + np.exp(-codes[:, 0] + codes[:, 4]))), draw(400))
    ready = prepare_lime(subject)
    first, other, again = (
        explain_lime(subject, ready, subject.codes[0], samples=500, seed=seed) for seed in (7, 8, 7)
    )
    assert first == again and first != other


def test_missing_values_are_a_level_or_held() -> None:
    seen: list[np.ndarray] = []

    def ask(codes: np.ndarray) -> np.ndarray:
        seen.append(codes)
        return np.where(np.isnan(codes[:, 3]), 0.9, 0.1)

    subject = subject_of(of_codes(ask), draw(400, missing=0.2))
    ready = prepare_lime(subject)
    codes = draw(1, seed=4)[0]
    codes[[1, 3]] = np.nan
    seen.clear()
    found = explain_lime(subject, ready, codes, samples=1_000, seed=1)
    weights = {item.feature: item for item in found.contributions}
    assert weights["home"].condition == "home is missing" and weights["home"].weight > 0.7
    assert "debt" in found.dropped and np.isnan(np.concatenate(seen)[:, 1]).all()


def test_features_that_hardly_vary_are_dropped() -> None:
    background = draw(500)
    background[:, 6] = 0
    background[0, 6] = 1
    subject = subject_of(of_codes(lambda codes: 0.5 + 0.3 * codes[:, 6]), background)
    found = explain_lime(subject, prepare_lime(subject), background[5], samples=2_000, seed=1)
    assert found.dropped == ("origin",)


def test_deadline_after_the_first_fit_leaves_stability_out() -> None:
    subject = subject_of(of_codes(lambda codes: np.full(len(codes), 0.5)), draw(100))
    found = explain_lime(
        subject, prepare_lime(subject), subject.codes[0], samples=300, seed=1, expired=lambda: True
    )
    assert found.stability is None and not found.complete


def test_unseen_category_and_constant_columns_do_not_break() -> None:
    background = draw(200)
    background[:, 3] = 0
    background[:, 1] = 0.5
    subject = subject_of(of_codes(lambda codes: np.clip(codes[:, 0] / 5, 0, 1)), background)
    codes = background[0].copy()
    codes[3] = 2
    found = explain_lime(subject, prepare_lime(subject), codes, samples=500, seed=1)
    assert "debt" in found.dropped


def test_regression_is_fitted_in_values() -> None:
    subject = subject_of(of_codes(lambda codes: 1_000 * (codes[:, 3] == 1)), draw(500), regression=True)
    codes = subject.codes[0].copy()
    codes[3] = 1
    found = explain_lime(subject, prepare_lime(subject), codes, samples=2_000, seed=1)
    assert found.contributions[0].feature == "home"
    assert found.contributions[0].weight == pytest.approx(1_000, rel=0.02)


@pytest.mark.parametrize(
    "value, text",
    [(3.0, "3"), (0.30, "0.3"), (0.123456, "0.123"), (12345.6, "12,346"), (1e6, "1,000,000")],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number(value) == text


def test_a_value_that_no_sample_shares_is_dropped() -> None:
    """A category that the background never left out, missing here: its weight would be part of the intercept."""
    schema = schema_of({"amount": {"type": "number"}, "group": {"enum": ["a", "b"]}})
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.normal(size=400), rng.integers(0, 2, 400)])
    subject = subject_of(of_codes(lambda rows: 1 / (1 + np.exp(-rows[:, 0])), schema), codes, schema)
    found = explain_lime(subject, prepare_lime(subject), np.array([1.0, np.nan]), samples=1_000, seed=1)
    assert "group" in found.dropped
    assert [item.feature for item in found.contributions] == ["amount"]
