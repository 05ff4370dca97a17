"""Mixtures of people: the fast way gives what the scorer gives, and is not taken where it would not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from explain.methods.mixing import EncodedMixtures, Mixtures, with_shortcut
from explain.methods.sampled import explain_sampled
from explain.methods.shapley import prepare_shap
from explain.methods.subject import Effort
from registry.scoring import frames

from .planted import SCHEMA, draw, fitted, imputed, of_codes, of_pipeline, outcome, subject_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CODES, HOLES = draw(400), draw(400, missing=0.15)
NETWORK = MLPClassifier((8,), max_iter=30, random_state=0)


def never() -> bool:
    return False


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("holes", [False, True])
def test_encoded_mixtures_score_as_mixtures_do(column: int, holes: bool) -> None:
    rows = HOLES if holes else CODES
    pipeline = (imputed if holes else fitted)(NETWORK, rows, outcome(rows))
    subject = subject_of(of_pipeline(pipeline, column), rows[:150])
    quick, fast = with_shortcut(subject)
    assert isinstance(fast, EncodedMixtures) and fast.column == (column,)
    rng = np.random.default_rng(3)
    chosen, mask = rng.integers(0, 150, 900), rng.random((900, 7)) < 0.5
    codes = draw(1, seed=9, missing=0.15 if holes else 0.0)[0]
    np.testing.assert_allclose(
        fast.of(codes)(chosen, mask), Mixtures(subject).of(codes)(chosen, mask), atol=1e-12
    )
    people = draw(200, seed=8, missing=0.15 if holes else 0.0)
    np.testing.assert_allclose(quick.score_many(people), subject.score(people), atol=1e-14)


@pytest.mark.parametrize("exact_rows", [0, 10**9])
def test_the_sampler_finds_the_same_either_way(exact_rows: int) -> None:
    calibrated = CalibratedClassifierCV(RandomForestClassifier(5, random_state=0), cv=2)
    subject = subject_of(of_pipeline(fitted(calibrated, CODES, outcome(CODES))), CODES[:150])
    _, mixtures = with_shortcut(subject)
    methods = prepare_shap(subject, mixtures)
    assert isinstance(methods.mixtures, EncodedMixtures)
    effort = Effort(exact_rows=exact_rows)
    fast = explain_sampled(subject, CODES[300], methods.space, effort, 1, never, mixtures=methods.mixtures)
    plain = explain_sampled(subject, CODES[300], methods.space, effort, 1, never)
    np.testing.assert_allclose(fast.values, plain.values, atol=1e-9)


def test_values_too() -> None:
    network = MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0)
    subject = subject_of(of_pipeline(fitted(network, CODES, CODES[:, 0] * 100)), CODES[:150], regression=True)
    assert isinstance(with_shortcut(subject)[1], EncodedMixtures)


def test_where_columns_have_no_single_owner_each_mixture_is_asked() -> None:
    steps = [*fitted(LogisticRegression(), CODES, outcome(CODES)).steps[:1], ("pca", PCA(4)), ("model", NETWORK)]
    pipeline = Pipeline(steps)
    pipeline.named_steps["encode"].sparse_threshold = 0
    pipeline.fit(frames.from_codes(CODES, SCHEMA), outcome(CODES))
    for scorer in (of_pipeline(pipeline), of_codes(lambda codes: np.clip(codes[:, 1], 0, 1))):
        subject, mixtures = with_shortcut(subject_of(scorer, CODES[:100]))
        assert type(mixtures) is Mixtures and subject.shortcut is None


def test_a_scorer_that_does_more_than_its_pipeline_is_asked_itself() -> None:
    pipeline = fitted(NETWORK, CODES, outcome(CODES))
    honest = of_pipeline(pipeline)
    bent = of_pipeline(pipeline)
    bent.ask = lambda frame: honest.score(frame) ** 2
    subject, mixtures = with_shortcut(subject_of(bent, CODES[:100]))
    assert type(mixtures) is Mixtures and subject.shortcut is None
