"""The models that the gates' bench uploads: the demo's own, two of 200 trees, and a forest of about 100 MB."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops.io import dumps

from portal.demo import training
from portal.demo.hmda import HMDA_READ
from registry.scoring.frames import to_codes

LARGE_ROWS, LARGE_TREES = 20_000, 125
Build = Callable[[training.Applicants], training.Trained]


def boosted_trees(applicants: training.Applicants) -> training.Trained:
    """XGBoost, 200 trees of depth 6."""
    rows = applicants.rows[: training.TRAINING_ROWS]
    codes = to_codes(applicants.frame(rows)[list(HMDA_READ)], applicants.schema.subset(HMDA_READ))
    target = (applicants.labels(rows) == training.ADVERSE).astype(float)
    data = xgboost.DMatrix(codes, label=target, feature_names=list(HMDA_READ))
    settings = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.05, "seed": training.SEED, "nthread": 1}
    booster = xgboost.train(settings, data, num_boost_round=200)
    return _unclaimed(training.train_boosting(applicants), bytes(booster.save_raw("ubj")))


def full_forest(applicants: training.Applicants) -> training.Trained:
    """A random forest of 200 full trees."""
    rows = applicants.rows[: training.TRAINING_ROWS]
    estimator = RandomForestClassifier(200, random_state=training.SEED, n_jobs=1)
    return _forest(applicants, estimator, applicants.frame(rows)[list(HMDA_READ)], applicants.labels(rows))


def large_forest(applicants: training.Applicants) -> training.Trained:
    """A random forest whose file is about 100 MB: full trees on the applicants drawn many times, moved a little, and
    labelled otherwise in a quarter of the rows, so that the trees grow deep."""
    random = np.random.default_rng(0)
    rows = applicants.rows[: training.TRAINING_ROWS]
    drawn = random.integers(0, len(rows), LARGE_ROWS)
    frame = applicants.frame(rows)[list(HMDA_READ)].iloc[drawn].reset_index(drop=True)
    for name in ("pirat", "hirat", "lvrat"):
        frame[name] = np.clip(frame[name] + random.normal(0, 0.1, LARGE_ROWS), 0, 2)
    labels = applicants.labels(rows)[drawn]
    other = random.random(LARGE_ROWS) < 0.25
    labels[other] = np.where(labels[other] == training.ADVERSE, "grant", training.ADVERSE)
    return _forest(applicants, RandomForestClassifier(LARGE_TREES, random_state=0, n_jobs=1), frame, labels)


BUILDS: dict[str, Build] = {
    "demo: logistic regression": training.train_logistic,
    "demo: boosted trees": training.train_boosting,
    "demo: forest of 200 small trees": training.train_forest,
    "XGBoost, 200 trees of depth 6": boosted_trees,
    "forest of 200 full trees": full_forest,
    "forest of 125 deep trees": large_forest,
}


def _forest(applicants: training.Applicants, estimator: Any, frame: Any, labels: np.ndarray) -> training.Trained:
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), training.NUMBERS),
            ("words", OneHotEncoder(drop="if_binary"), training.WORDS),
        ],
        sparse_threshold=0,
    )
    pipeline = make_pipeline(columns, estimator).fit(frame, labels)
    return _unclaimed(training.train_logistic(applicants), dumps(pipeline))


def _unclaimed(like: training.Trained, artifact: bytes) -> training.Trained:
    """The other model's parts around this artifact, without what they claim of it."""
    manifest = {**json.loads(like.manifest), "metrics": {}}
    return replace(like, manifest=json.dumps(manifest).encode(), artifact=artifact, golden=b"")
