"""Exact tree values: against enumeration for every family, against the shap library where it is right."""

from collections.abc import Sequence

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from explain.methods.shapley import explain_shap, prepare_shap
from explain.methods.subject import Effort, MethodRefused
from explain.methods.trees import prepare_trees
from registry.scoring import frames

from .planted import (
    SCHEMA,
    Stub,
    by_name,
    draw,
    enumerate_values,
    fitted,
    imputed,
    of_lightgbm,
    of_pipeline,
    of_xgboost,
    outcome,
    subject_of,
)

CODES = draw(600)
HOLES = draw(600, missing=0.15)
BACKGROUND, QUERIES = draw(40, seed=1), draw(4, seed=2)
KINDS = ["q", "q", "q", "c", "c", "q", "q"]


def boosted(codes: np.ndarray = CODES, rounds: int = 20, **settings: object) -> xgboost.Booster:
    kinds = KINDS if settings.pop("categorical", False) else None
    data = xgboost.DMatrix(
        codes,
        outcome(codes),
        feature_names=list(SCHEMA.names),
        feature_types=kinds,
        enable_categorical=bool(kinds),
    )
    depth = {} if settings.get("booster") == "gblinear" else {"max_depth": 4}
    return xgboost.train({"objective": "binary:logistic", "nthread": 1, **depth, **settings}, data, rounds)


def light(
    codes: np.ndarray = CODES, rounds: int = 20, categorical: Sequence[int] = (), **settings: object
) -> lightgbm.Booster:
    data = lightgbm.Dataset(
        codes, outcome(codes), feature_name=list(SCHEMA.names), categorical_feature=list(categorical)
    )
    fixed = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 12, "min_data_in_leaf": 10}
    return lightgbm.train({**fixed, **settings}, data, rounds)


FORESTS = {
    "forest": lambda: fitted(RandomForestClassifier(15, random_state=0), CODES, outcome(CODES)),
    "extra": lambda: fitted(ExtraTreesClassifier(15, max_depth=6, random_state=0), CODES, outcome(CODES)),
    "boosting": lambda: fitted(
        GradientBoostingClassifier(n_estimators=15, random_state=0), CODES, outcome(CODES)
    ),
    "tree": lambda: fitted(DecisionTreeClassifier(max_depth=5, random_state=0), CODES, outcome(CODES)),
    "dropped level": lambda: fitted(
        RandomForestClassifier(15, random_state=0, class_weight="balanced"),
        CODES,
        outcome(CODES),
        OneHotEncoder(drop="first", sparse_output=False),
    ),
    "infrequent": lambda: fitted(
        RandomForestClassifier(15, random_state=0), CODES, outcome(CODES), OneHotEncoder(max_categories=2)
    ),
    "ordinal": lambda: fitted(
        RandomForestClassifier(15, random_state=0), CODES, outcome(CODES), OrdinalEncoder()
    ),
    "imputers": lambda: imputed(RandomForestClassifier(15, random_state=0), HOLES, outcome(HOLES)),
    "with holes": lambda: fitted(RandomForestClassifier(15, random_state=0), HOLES, outcome(HOLES)),
    # Two-decimal thresholds are training values: shap's C code errs here by up to 1.7 log-odds (research §1.3).
    "histogram boosting": lambda: fitted(
        HistGradientBoostingClassifier(max_iter=25, random_state=0), CODES, outcome(CODES), OrdinalEncoder()
    ),
    "histogram boosting with holes": lambda: fitted(
        HistGradientBoostingClassifier(max_iter=25, random_state=0), HOLES, outcome(HOLES), OrdinalEncoder()
    ),
    "wrapped xgboost": lambda: fitted(
        xgboost.XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1), CODES, outcome(CODES)
    ),
    "wrapped xgboost imputers": lambda: imputed(
        xgboost.XGBClassifier(n_estimators=20, booster="dart", rate_drop=0.5, n_jobs=1), HOLES, outcome(HOLES)
    ),
    "wrapped lightgbm": lambda: fitted(
        lightgbm.LGBMClassifier(n_estimators=20, num_leaves=12, verbose=-1, n_jobs=1), CODES, outcome(CODES)
    ),
}
MARGINS = ("boosting", "histogram", "wrapped")


# Which column is the adverse label's matters to the reading of scores, not to the family: twice is enough.
@pytest.mark.parametrize("family,column", [*((family, 0) for family in FORESTS), ("forest", 1), ("boosting", 1)])
def test_sklearn_trees_equal_enumeration(family: str, column: int) -> None:
    holes = 0.15 if family.split()[-1] in ("holes", "imputers") else 0.0
    subject = subject_of(of_pipeline(FORESTS[family](), column), draw(40, seed=1, missing=holes))
    method = prepare_trees(subject)
    assert method.link.space == ("log_odds" if family.startswith(MARGINS) else "probability")
    # XGBoost's own scores are float32.
    close = 2e-5 if "xgboost" in family else 1e-9
    for codes in draw(2, seed=2, missing=holes):
        base, values = method.explain(codes)
        np.testing.assert_allclose(values, enumerate_values(subject, codes, method.link.space), atol=close)
        assert abs(base + values.sum() - method.own_value(codes)) < close


BOOSTERS = {
    "xgboost": lambda: of_xgboost(boosted()),
    "xgboost with holes": lambda: of_xgboost(boosted(HOLES)),
    "xgboost categories": lambda: of_xgboost(boosted(HOLES, categorical=True, max_cat_to_onehot=1)),
    "xgboost one-hot categories": lambda: of_xgboost(boosted(categorical=True, max_cat_to_onehot=9)),
    "xgboost forest": lambda: of_xgboost(boosted(rounds=2, num_parallel_tree=5, subsample=0.5)),
    "xgboost dart": lambda: of_xgboost(boosted(booster="dart", rate_drop=0.5)),
    "xgboost dart categories": lambda: of_xgboost(
        boosted(HOLES, categorical=True, max_cat_to_onehot=1, booster="dart", rate_drop=0.5)
    ),
    "xgboost base": lambda: of_xgboost(boosted(base_score=0.9, scale_pos_weight=3)),
    "lightgbm": lambda: of_lightgbm(light()),
    "lightgbm with holes": lambda: of_lightgbm(light(HOLES)),
    "lightgbm categories": lambda: of_lightgbm(
        light(HOLES, categorical=[3, 4], min_data_per_group=5, cat_smooth=1)
    ),
    "lightgbm that never saw holes": lambda: of_lightgbm(light(CODES - 2)),
    "lightgbm zero as missing": lambda: of_lightgbm(light(HOLES, zero_as_missing=True)),
    "lightgbm dart": lambda: of_lightgbm(light(boosting="dart", drop_rate=0.5)),
}


@pytest.mark.parametrize("family", BOOSTERS)
def test_boosters_equal_enumeration(family: str) -> None:
    holes = 0.15 if family.split()[-1] in ("holes", "categories", "missing") else 0.0
    subject = subject_of(BOOSTERS[family](), draw(40, seed=1, missing=holes))
    method = prepare_trees(subject)
    for codes in draw(3, seed=2, missing=holes):
        _, values = method.explain(codes)
        # XGBoost's own scores are float32.
        np.testing.assert_allclose(values, enumerate_values(subject, codes, "log_odds"), atol=2e-5)


def test_float32_sums_of_many_trees_cost_no_exactness() -> None:
    """XGBoost's own margin of 2,000 trees is off by 1e-5: taken for a misreading, the decision would be sampled."""
    subject = subject_of(of_xgboost(boosted(rounds=2_000, eta=0.3)), draw(200, seed=1))
    methods = prepare_shap(subject)
    assert methods.word == "tree", methods.notes
    rough = 0.0
    for codes in draw(20, seed=3):
        result = explain_shap(subject, methods, codes, effort=Effort(), seed=1)
        assert result.method == "tree" and result.additivity_error < 1e-9
        rough = max(rough, abs(result.prediction - float(methods.exact.model.margin(codes.reshape(1, -1))[0])))
        assert abs(result.probability - float(subject.score(codes.reshape(1, -1))[0])) < 1e-5
    assert rough > 1e-6


def test_lightgbm_forest_is_right_or_refused() -> None:
    stub = of_lightgbm(light(boosting="rf", bagging_freq=1, bagging_fraction=0.6))
    subject = subject_of(stub, BACKGROUND)
    result = explain_shap(subject, prepare_shap(subject), QUERIES[0], effort=Effort(), seed=1)
    np.testing.assert_allclose(
        by_name(subject, result.contributions), enumerate_values(subject, QUERIES[0], result.space), atol=1e-9
    )


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_equals_the_shap_library_on_numeric_codes(library: str) -> None:
    shap = pytest.importorskip("shap")
    stub = of_xgboost(boosted()) if library == "xgboost" else of_lightgbm(light())
    subject = subject_of(stub, draw(250, seed=1))
    masker = shap.maskers.Independent(subject.codes, max_samples=len(subject.codes))
    oracle = shap.TreeExplainer(stub.native, masker)
    method = prepare_trees(subject)
    theirs = np.asarray(oracle.shap_values(QUERIES))
    for codes, expected in zip(QUERIES, theirs, strict=True):
        base, values = method.explain(codes)
        np.testing.assert_allclose(values, expected, atol=1e-5)
        assert abs(base - float(np.ravel(oracle.expected_value)[0])) < 1e-5


def test_planted_interaction_of_categories_is_not_a_sum_of_dummies() -> None:
    """Only the two categories matter, and only together: the credit is theirs alone, and equal by
    symmetry."""
    codes = draw(600)
    target = ((codes[:, 3] == 1) == (codes[:, 4] == 0)).astype(int)
    tree = fitted(DecisionTreeClassifier(random_state=0), codes, target)
    subject = subject_of(of_pipeline(tree), BACKGROUND)
    _, values = prepare_trees(subject).explain(QUERIES[0])
    np.testing.assert_allclose(values, enumerate_values(subject, QUERIES[0], "probability"), atol=1e-12)
    assert np.count_nonzero(np.abs(values) > 1e-12) == 2


def test_regression_forest_speaks_in_values() -> None:
    target = CODES[:, 0] * 100 + (CODES[:, 3] == 1) * 50
    for estimator in (RandomForestRegressor(10, random_state=0), GradientBoostingRegressor(n_estimators=10)):
        subject = subject_of(of_pipeline(fitted(estimator, CODES, target)), BACKGROUND, regression=True)
        method = prepare_trees(subject)
        assert method.link.space == "value"
        _, values = method.explain(QUERIES[0])
        np.testing.assert_allclose(values, enumerate_values(subject, QUERIES[0], "value"), atol=1e-6)


def test_trees_beyond_the_16_bit_node_limit_of_shap() -> None:
    codes = np.random.default_rng(0).random((60_000, 7))
    codes[:, [2, 3, 4, 5, 6]] = 0
    tree = Pipeline([("model", DecisionTreeClassifier(random_state=0))])
    tree.fit(codes, np.random.default_rng(1).integers(0, 2, len(codes)))
    assert tree[-1].tree_.node_count > 32_767
    background = np.where(np.arange(7) < 2, codes[:50], 0.0)
    stub = Stub(tree, "skops", lambda frame: tree.predict_proba(frames.to_codes(frame, SCHEMA))[:, 1])
    subject = subject_of(stub, background)
    method = prepare_trees(subject)
    base, values = method.explain(codes[70])
    np.testing.assert_allclose(values, enumerate_values(subject, codes[70], "probability"), atol=1e-9)
    assert np.abs(values).max() > 0.1 and abs(base + values.sum() - method.own_value(codes[70])) < 1e-9


REFUSED = {
    "linear": lambda: of_xgboost(boosted(booster="gblinear")),
    "linear_tree": lambda: of_lightgbm(light(linear_tree=True)),
    "recodes its categories": lambda: of_pipeline(
        fitted(
            HistGradientBoostingClassifier(max_iter=20, categorical_features=[0, 1]),
            CODES,
            outcome(CODES),
            OrdinalEncoder(),
        )
    ),
    "mixes inputs": lambda: of_pipeline(
        Pipeline(
            [
                *fitted(StandardScaler(with_mean=False), CODES, outcome(CODES)).steps,
                ("pca", PCA(5, svd_solver="full")),
                ("forest", RandomForestClassifier(5, random_state=0)),
            ]
        ).fit(frames.from_codes(CODES, SCHEMA), outcome(CODES))
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_not_a_plain_sum_of_trees_goes_to_the_sampler_and_is_right(why: str) -> None:
    subject = subject_of(REFUSED[why](), BACKGROUND)
    with pytest.raises(MethodRefused):
        prepare_trees(subject)
    methods = prepare_shap(subject)
    result = explain_shap(subject, methods, QUERIES[0], effort=Effort(), seed=1)
    assert result.method == "exact" and any(why in note for note in result.notes)
    np.testing.assert_allclose(
        by_name(subject, result.contributions), enumerate_values(subject, QUERIES[0], result.space), atol=1e-6
    )


def test_a_scorer_that_is_not_its_trees_is_noticed() -> None:
    """A calibrated or swapped model: the trees are readable, but they are not what answered."""
    booster = boosted()
    honest = of_xgboost(booster)
    subject = subject_of(Stub(booster, "xgboost", lambda frame: honest.score(frame) ** 2), BACKGROUND)
    with pytest.raises(MethodRefused, match="link"):
        prepare_trees(subject)
