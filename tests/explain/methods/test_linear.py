"""Linear models: coefficients grouped by raw input, exact in log-odds."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.svm import SVC

from explain.methods.linear import prepare_linear
from explain.methods.shapley import explain_shap, prepare_shap
from explain.methods.subject import Effort, MethodRefused

from .planted import by_name, draw, enumerate_values, fitted, of_pipeline, outcome, subject_of

CODES = draw(400)
BACKGROUND, QUERIES = draw(300, seed=1), draw(3, seed=2)


@pytest.mark.parametrize("column", [0, 1])
def test_logistic_equals_enumeration_and_its_own_coefficients(column: int) -> None:
    pipeline = fitted(LogisticRegression(), CODES, outcome(CODES))
    subject = subject_of(of_pipeline(pipeline, column), BACKGROUND)
    result = explain_shap(subject, prepare_shap(subject), QUERIES[0], effort=Effort(), seed=1)
    assert (result.method, result.space, result.background_rows) == ("linear", "log_odds", 300)
    values = by_name(subject, result.contributions)
    np.testing.assert_allclose(values, enumerate_values(subject, QUERIES[0], "log_odds"), atol=1e-9)
    income = pipeline[-1].coef_[0][-4] / pipeline[0].named_transformers_["num"].scale_[0]
    expected = income * (QUERIES[0][0] - BACKGROUND[:, 0].mean())
    assert values[0] == pytest.approx(expected if column else -expected)


def test_result_adds_up_and_speaks_in_probability_at_both_ends() -> None:
    subject = subject_of(of_pipeline(fitted(LogisticRegression(), CODES, outcome(CODES))), BACKGROUND)
    result = explain_shap(subject, prepare_shap(subject), QUERIES[1], effort=Effort(), seed=1)
    total = result.base_value + sum(item.contribution for item in result.contributions)
    assert total == pytest.approx(result.prediction, abs=1e-12)
    assert result.probability == pytest.approx(float(subject.score(QUERIES[1:2])[0]), abs=1e-9)
    assert sum(item.share for item in result.contributions) == pytest.approx(1)
    assert [abs(item.contribution) for item in result.contributions] == sorted(
        (abs(item.contribution) for item in result.contributions), reverse=True
    )
    assert {item.feature for item in result.contributions} == set(subject.names)


def test_linear_regression_speaks_in_values() -> None:
    target = 1000 * CODES[:, 0] + 50 * CODES[:, 3]
    subject = subject_of(of_pipeline(fitted(LinearRegression(), CODES, target)), BACKGROUND, regression=True)
    result = explain_shap(subject, prepare_shap(subject), QUERIES[0], effort=Effort(), seed=1)
    assert (result.method, result.space) == ("linear", "value")
    np.testing.assert_allclose(
        by_name(subject, result.contributions), enumerate_values(subject, QUERIES[0], "value"), atol=1e-6
    )


def test_other_links_and_kernels_are_refused() -> None:
    counts = fitted(PoissonRegressor(), CODES, CODES[:, 2])
    with pytest.raises(MethodRefused, match="link"):
        prepare_linear(subject_of(of_pipeline(counts), BACKGROUND, regression=True))
    machine = fitted(SVC(), CODES, outcome(CODES))
    machine_scores = of_pipeline(machine)
    with pytest.raises(MethodRefused):
        prepare_linear(subject_of(machine_scores, BACKGROUND))
