"""The sampler: exact where it enumerates, close and honest about it where it samples."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

from explain.methods.links import sigmoid
from explain.methods.sampled import explain_sampled
from explain.methods.shapley import explain_shap, prepare_shap
from explain.methods.subject import Effort

from .planted import (
    SCHEMA,
    by_name,
    draw,
    enumerate_values,
    fitted,
    of_codes,
    of_pipeline,
    outcome,
    schema_of,
    subject_of,
)

WIDE = schema_of({f"x{index}": {"type": "number"} for index in range(12)})
SAMPLING = Effort(exact_rows=0, background_rows=300)


def never() -> bool:
    return False


def wide(codes: np.ndarray) -> np.ndarray:
    return sigmoid(codes @ np.linspace(-0.5, 1, 12) + 2 * codes[:, 0] * codes[:, 1] - codes[:, 2] ** 2)


def test_enumeration_equals_the_definition() -> None:
    subject = subject_of(of_codes(lambda codes: sigmoid(codes[:, 0] * codes[:, 3] - codes[:, 4])), draw(60))
    for codes in draw(3, seed=5):
        found = explain_sampled(subject, codes, "log_odds", Effort(), 1, never)
        assert found.method == "exact" and found.errors is None
        np.testing.assert_allclose(found.values, enumerate_values(subject, codes, "log_odds"), atol=1e-10)


def test_antithetic_pairs_are_exact_for_interactions_of_two() -> None:
    """Forward and backward order cancel in a game of pairs: the reason for walking both ways."""
    rng = np.random.default_rng(0)
    subject = subject_of(of_codes(wide, WIDE), rng.normal(size=(100, 12)) / 3, WIDE)
    codes = rng.normal(size=12) / 3
    found = explain_sampled(subject, codes, "log_odds", SAMPLING, 1, never)
    np.testing.assert_allclose(found.values, enumerate_values(subject, codes, "log_odds"), atol=1e-8)


def test_permutations_come_close_and_say_how_close() -> None:
    rng = np.random.default_rng(0)

    def triple(codes: np.ndarray) -> np.ndarray:
        return sigmoid(codes @ np.linspace(-0.5, 1, 12) + codes[:, 3] * codes[:, 4] * codes[:, 5])

    subject = subject_of(of_codes(triple, WIDE), rng.normal(size=(300, 12)), WIDE)
    codes = rng.normal(size=12)
    found = explain_sampled(subject, codes, "log_odds", SAMPLING, 1, never)
    expected = enumerate_values(subject, codes, "log_odds")
    assert found.method == "permutation" and found.errors is not None
    assert np.abs(found.values - expected).sum() / np.abs(expected).sum() < 0.1
    # Every row is used, so what is left is the order of permutations: inside the stated errors.
    assert (np.abs(found.values - expected) <= 3 * found.errors + 1e-9).all()
    assert abs(found.base + found.values.sum() - found.prediction) < 1e-9


def test_unread_and_unmoved_inputs_get_nothing() -> None:
    subject = subject_of(of_codes(lambda codes: sigmoid(codes[:, 0] - codes[:, 5]), WIDE), draw_wide(), WIDE)
    found = explain_sampled(subject, draw_wide()[0] + 1, "log_odds", SAMPLING, 1, never)
    assert set(np.flatnonzero(np.abs(found.values) > 1e-12)) == {0, 5}


def draw_wide() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(120, 12))


def test_same_seed_same_values_other_seed_others() -> None:
    subject = subject_of(of_codes(wide, WIDE), draw_wide(), WIDE)
    first, again, other = (
        explain_sampled(subject, draw_wide()[5] * 2, "log_odds", SAMPLING, seed, never).values
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_missing_values_are_values() -> None:
    subject = subject_of(
        of_codes(lambda codes: np.where(np.isnan(codes[:, 1]), 0.9, 0.2)), draw(50, missing=0.3)
    )
    codes = draw(1, seed=9)[0]
    codes[1] = np.nan
    for effort in (Effort(), SAMPLING):
        found = explain_sampled(subject, codes, "log_odds", effort, 1, never)
        assert np.flatnonzero(np.abs(found.values) > 1e-9).tolist() == [1]


def test_deadline_leaves_a_fair_part() -> None:
    rng = np.random.default_rng(0)
    subject = subject_of(of_codes(wide, WIDE), rng.normal(size=(2_000, 12)), WIDE)
    found = explain_sampled(
        subject, rng.normal(size=12), "log_odds", Effort(background_rows=2_000), 1, lambda: True
    )
    assert not found.complete and 0 < found.rows < 2_000
    assert abs(found.base + found.values.sum() - found.prediction) < 1e-9


def test_a_calibrated_model_is_sampled_and_right() -> None:
    """Its trees are readable, but a mean of calibrated ones answers; no exact method fits."""
    codes = draw(500)
    forest = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    model = fitted(CalibratedClassifierCV(forest, cv=2), codes, outcome(codes), OrdinalEncoder())
    subject = subject_of(of_pipeline(model), codes[:150])
    methods = prepare_shap(subject)
    assert methods.exact is None and any("tree" in note for note in methods.notes)
    expected = enumerate_values(subject, codes[300], "log_odds")
    for effort, word, tolerance in ((Effort(), "exact", 1e-9), (SAMPLING, "permutation", 0.12)):
        result = explain_shap(subject, methods, codes[300], effort=effort, seed=1)
        assert result.method == word
        values = by_name(subject, result.contributions)
        assert np.abs(values - expected).sum() / np.abs(expected).sum() < tolerance
        assert {item.feature for item in result.contributions} == set(SCHEMA.names)


def test_flat_scores_are_explained_in_probability() -> None:
    subject = subject_of(of_codes(lambda codes: (codes[:, 0] > 1).astype(float)), draw(60))
    assert prepare_shap(subject).space == "probability"
