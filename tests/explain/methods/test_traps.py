"""The silent errors that the research found (research/explain.md §1.2, §1.3): shown in the library, and not ours."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
import xgboost
from lime.lime_tabular import LimeTabularExplainer
from sklearn.ensemble import HistGradientBoostingClassifier

from explain.methods.links import sigmoid
from explain.methods.local import explain_lime, prepare_lime
from explain.methods.shapley import ShapResult, explain_shap, prepare_shap
from explain.methods.subject import Effort, Subject
from registry.scoring import frames

from .planted import (
    SCHEMA,
    Stub,
    by_name,
    draw,
    enumerate_values,
    of_codes,
    of_lightgbm,
    of_pipeline,
    of_xgboost,
    outcome,
    schema_of,
    subject_of,
)

# Imported so, its warnings are its own matter.
shap = pytest.importorskip("shap")

CODES, QUERIES = draw(800), draw(6, seed=2)
BACKGROUND = draw(60, seed=1)


def ours(subject: Subject, codes: np.ndarray, effort: Effort | None = None) -> ShapResult:
    return explain_shap(subject, prepare_shap(subject), codes, effort=effort or Effort(), seed=1)


def theirs(model: object, rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """shap's interventional values over all rows, which it would cut to 100; its check is off, as it can be silent."""
    masker = shap.maskers.Independent(rows, max_samples=len(rows))
    explainer = shap.TreeExplainer(model, masker, feature_perturbation="interventional")
    return np.asarray(explainer.shap_values(queries, check_additivity=False))


def test_histogram_boosting_where_shap_flips_thresholds() -> None:
    """Money with cents has more values than bins, so thresholds are training values, which float32 cannot hold."""
    schema = schema_of({name: {"type": "number"} for name in ("income", "debt", "savings")})
    rng = np.random.default_rng(0)
    rows = np.round(rng.lognormal(3, 1, size=(3_000, 3)), 2)
    target = (rows[:, 0] - rows[:, 1] + rng.normal(0, 10, 3_000) > 0).astype(int)
    model = HistGradientBoostingClassifier(max_iter=100, random_state=0).fit(frames.from_codes(rows, schema), target)
    subject = subject_of(of_pipeline(model), rows[:60], schema)
    library = theirs(model, rows[:60], rows[100:120])
    wrong = 0.0
    for place, codes in enumerate(rows[100:120]):
        expected = enumerate_values(subject, codes, "log_odds")
        result = ours(subject, codes)
        assert result.method == "tree"
        np.testing.assert_allclose(by_name(subject, result.contributions), expected, atol=1e-9)
        wrong = max(wrong, float(np.abs(library[place] - expected).max()))
    assert wrong > 0.01


def test_dart_where_shap_leaves_the_weights_out() -> None:
    data = xgboost.DMatrix(CODES, outcome(CODES), feature_names=list(SCHEMA.names))
    settings = {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5, "nthread": 1, "max_depth": 3}
    booster = xgboost.train(settings, data, 20)
    subject = subject_of(of_xgboost(booster), BACKGROUND)
    expected = enumerate_values(subject, QUERIES[0], "log_odds")
    result = ours(subject, QUERIES[0])
    assert result.method == "tree"
    np.testing.assert_allclose(by_name(subject, result.contributions), expected, atol=2e-5)
    assert np.abs(theirs(booster, BACKGROUND, QUERIES[:1])[0] - expected).max() > 0.1


def test_linear_trees_where_shap_takes_leaves_for_constants() -> None:
    data = lightgbm.Dataset(CODES, outcome(CODES), feature_name=list(SCHEMA.names))
    settings = {"objective": "binary", "linear_tree": True, "verbose": -1, "num_threads": 1, "num_leaves": 8}
    booster = lightgbm.train(settings, data, 20)
    subject = subject_of(of_lightgbm(booster), BACKGROUND)
    expected = enumerate_values(subject, QUERIES[0], "log_odds")
    result = ours(subject, QUERIES[0])
    assert result.method == "exact" and any("linear_tree" in note for note in result.notes)
    np.testing.assert_allclose(by_name(subject, result.contributions), expected, atol=1e-9)
    assert np.abs(theirs(booster, BACKGROUND, QUERIES[:1])[0] - expected).max() > 0.02


def test_the_background_is_used_whole_where_shap_takes_100_rows() -> None:
    data = xgboost.DMatrix(CODES, outcome(CODES), feature_names=list(SCHEMA.names))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 10)
    rows = draw(900, seed=1)
    assert shap.TreeExplainer(booster, rows).data.shape[0] == 100
    result = ours(subject_of(of_xgboost(booster), rows), QUERIES[0])
    margins = booster.predict(xgboost.DMatrix(rows, feature_names=booster.feature_names), output_margin=True)
    assert result.background_rows == 900
    assert result.base_value == pytest.approx(float(margins.mean(dtype=float)), abs=1e-6)


def test_all_inputs_count_where_kernel_explainer_keeps_ten() -> None:
    schema = schema_of({f"x{index}": {"type": "number"} for index in range(20)})
    weights = np.linspace(0.05, 0.3, 20)
    subject = subject_of(
        of_codes(lambda codes: sigmoid(codes @ weights), schema),
        np.random.default_rng(0).normal(size=(200, 20)),
        schema,
    )
    codes = np.ones(20)
    expected = weights * (codes - subject.codes.mean(axis=0))
    result = ours(subject, codes)
    assert result.method == "permutation"
    # Additive in log-odds: each permutation gives the same values, so that sampling costs nothing here.
    np.testing.assert_allclose(by_name(subject, result.contributions), expected, atol=1e-6)
    assert all(item.standard_error is not None for item in result.contributions)
    kernel = shap.KernelExplainer(lambda rows: rows @ weights, subject.codes[:100])
    assert np.count_nonzero(kernel.shap_values(codes, silent=True)) == 10


def test_a_model_that_is_not_its_trees_on_one_row_is_noticed_there() -> None:
    """shap's additivity check compares its copy of the trees with itself; ours asks the model about this very row."""
    data = xgboost.DMatrix(CODES, outcome(CODES), feature_names=list(SCHEMA.names))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_depth": 3}, data, 10)
    honest = of_xgboost(booster)

    def ask(frame):  # type: ignore[no-untyped-def]
        return np.where(frame["income"].to_numpy() > 50, 0.9, honest.score(frame))

    subject = subject_of(Stub(booster, "xgboost", ask), BACKGROUND)
    codes = QUERIES[0].copy()
    assert ours(subject, codes).method == "tree"
    codes[0] = 60.0
    result = ours(subject, codes)
    assert result.method == "exact" and any("misses the model's own value" in note for note in result.notes)
    np.testing.assert_allclose(
        by_name(subject, result.contributions), enumerate_values(subject, codes, "log_odds"), atol=1e-6
    )


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_many_categories_are_right_by_another_method(library: str) -> None:
    """Native splits over more categories than a 64-bit mask holds; shap refuses or fails on any of them."""
    schema = schema_of({"place": {"enum": [f"p{index}" for index in range(100)]}, "x": {"type": "number"}})
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(0, 100, 4_000), rng.random(4_000)])
    target = (np.isin(codes[:, 0], rng.permutation(100)[:50]) & (codes[:, 1] > 0.3)).astype(int)
    if library == "xgboost":
        data = xgboost.DMatrix(codes, target, feature_types=["c", "q"], enable_categorical=True)
        booster = xgboost.train({"objective": "binary:logistic", "nthread": 1, "max_cat_to_onehot": 1}, data, 5)

        def ask(rows: np.ndarray) -> np.ndarray:
            return booster.predict(xgboost.DMatrix(rows, feature_types=["c", "q"], enable_categorical=True))
    else:
        data = lightgbm.Dataset(codes, target, categorical_feature=[0])
        booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 5)

        def ask(rows: np.ndarray) -> np.ndarray:
            return booster.predict(rows, num_threads=1)

    stub = of_codes(ask, schema)
    subject = subject_of(Stub(booster, library, stub.ask), codes[:80], schema)
    result = ours(subject, codes[200])
    assert result.method == "exact" and any("63 categories" in note for note in result.notes)
    np.testing.assert_allclose(
        by_name(subject, result.contributions), enumerate_values(subject, codes[200], result.space), atol=1e-6
    )


class TestLime:
    """Defects of lime 0.2.0.1, each beside what the wrapper makes of it."""

    def library(self, rows: np.ndarray, **given: object) -> LimeTabularExplainer:
        settings = {"mode": "classification", "discretize_continuous": True, "random_state": 0, **given}
        return LimeTabularExplainer(rows, **settings)

    def ask(self, seen: list[np.ndarray]):  # type: ignore[no-untyped-def]
        def predict(rows: np.ndarray) -> np.ndarray:
            seen.append(rows)
            return np.column_stack([1 - sigmoid(rows[:, 0]), sigmoid(rows[:, 0])])

        return predict

    def test_a_term_of_36_months_becomes_0(self) -> None:
        rng = np.random.default_rng(0)
        rows = np.column_stack([rng.normal(size=500), np.where(rng.random(500) < 0.7, 36, 60)])
        seen: list[np.ndarray] = []
        self.library(rows).explain_instance(rows[0], self.ask(seen), num_samples=1_000)
        assert (seen[0][1:, 1] == 0).mean() > 0.3
        schema = schema_of({"x": {"type": "number"}, "term": {"type": "number"}})
        asked: list[np.ndarray] = []

        def score(codes: np.ndarray) -> np.ndarray:
            asked.append(codes)
            return sigmoid(codes[:, 0])

        subject = subject_of(of_codes(score, schema), rows, schema)
        explain_lime(subject, prepare_lime(subject), rows[0], samples=1_000, seed=1)
        assert set(np.unique(np.concatenate(asked)[:, 1])) == {36.0, 60.0}

    def test_missing_training_values_break_it(self) -> None:
        rows = draw(300, missing=0.1)
        with pytest.raises(ValueError, match="scale"):
            self.library(rows).explain_instance(draw(1)[0], self.ask([]), num_samples=100)
        subject = subject_of(of_codes(lambda codes: sigmoid(np.nan_to_num(codes[:, 0]))), rows)
        found = explain_lime(subject, prepare_lime(subject), rows[0], samples=1_000, seed=1)
        assert np.isfinite([found.r2, found.intercept, *(item.weight for item in found.contributions)]).all()

    def test_an_unseen_category_breaks_it(self) -> None:
        rows = draw(300)
        rows[:, 3] = np.minimum(rows[:, 3], 1)
        query = rows[0].copy()
        query[3] = 2
        names = {3: ["own", "rent"]}
        with pytest.raises(IndexError):
            self.library(rows, categorical_features=[3], categorical_names=names).explain_instance(
                query, self.ask([]), num_samples=100
            )
        subject = subject_of(of_codes(lambda codes: sigmoid(codes[:, 0])), rows)
        found = explain_lime(subject, prepare_lime(subject), query, samples=1_000, seed=1)
        # Nobody else has it, so the samples cannot tell what it does; saying nothing is right.
        assert "home" in found.dropped

    def test_the_same_call_twice_differs(self) -> None:
        rows = np.random.default_rng(0).normal(size=(300, 4))
        explainer = self.library(rows)
        first, second = (explainer.explain_instance(rows[0], self.ask([]), num_samples=300).as_list() for _ in range(2))
        assert first != second
        schema = schema_of({f"x{index}": {"type": "number"} for index in range(4)})
        subject = subject_of(of_codes(lambda codes: sigmoid(codes[:, 0]), schema), rows, schema)
        ready = prepare_lime(subject)
        first, second = (explain_lime(subject, ready, rows[0], samples=300, seed=5) for _ in range(2))
        assert first == second

    def test_few_features_bring_no_forward_selection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Six or fewer features asked for, and the library fits some hundred models instead of one."""
        from lime.lime_base import LimeBase

        calls: list[str] = []
        original = LimeBase.feature_selection

        def watched(self, data, labels, weights, num_features, method):  # type: ignore[no-untyped-def]
            calls.append(method)
            return original(self, data, labels, weights, num_features, method)

        monkeypatch.setattr(LimeBase, "feature_selection", watched)
        rows = np.random.default_rng(0).normal(size=(300, 4))
        self.library(rows).explain_instance(rows[0], self.ask([]), num_samples=300, num_features=4)
        assert "forward_selection" in calls
        calls.clear()
        schema = schema_of({f"x{index}": {"type": "number"} for index in range(4)})
        subject = subject_of(of_codes(lambda codes: sigmoid(codes[:, 0]), schema), rows, schema)
        explain_lime(subject, prepare_lime(subject), rows[0], samples=300, seed=5)
        assert set(calls) == {"highest_weights"}
