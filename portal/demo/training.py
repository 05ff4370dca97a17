"""The demo's three models, trained at demo time on real mortgage applications. Seeded; no Django, no trail."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops.io import dumps

from portal.demo.hmda import HMDA_CSV, HMDA_INPUTS, HMDA_LABELS, HMDA_OUTPUT, HMDA_READ, HMDA_TARGET
from registry.scoring.frames import to_codes, to_frame
from registry.scoring.schema import InputSchema

SEED = 1990
TRAINING_ROWS = 1_280
BACKGROUND_ROWS = 500
GOLDEN_ROWS = 100
ADVERSE = HMDA_OUTPUT["adverse_label"]
NUMBERS = [name for name in HMDA_READ if "enum" not in HMDA_INPUTS["properties"][name]]
WORDS = [name for name in HMDA_READ if name not in NUMBERS]


@dataclass(frozen=True)
class Trained:
    """One model as CI would send it: manifest, artifact, background and evaluation sample, and rows with its scores."""

    manifest: bytes
    artifact: bytes
    background: bytes
    evaluation: bytes
    golden: bytes


class Applicants:
    """The applications, shuffled once: the first are for training, the others are held out."""

    def __init__(self) -> None:
        with HMDA_CSV.open(newline="") as file:
            rows = list(csv.DictReader(file))
        random.Random(SEED).shuffle(rows)
        self.rows = rows

    @cached_property
    def schema(self) -> InputSchema:
        """The inputs of every version of the demo."""
        return InputSchema.parse(HMDA_INPUTS)

    @property
    def held_out(self) -> list[dict[str, Any]]:
        """Inputs of the applicants that no model has seen, in a fixed order."""
        return [self.inputs(row) for row in self.rows[TRAINING_ROWS:]]

    def inputs(self, row: dict[str, str]) -> dict[str, Any]:
        """One application as a caller would send it: numbers as numbers, categories as words."""
        return {
            name: _number(row[name]) if "enum" not in spec else row[name]
            for name, spec in HMDA_INPUTS["properties"].items()
        }

    def frame(self, rows: list[dict[str, str]]) -> pd.DataFrame:
        """The rows as the models read them."""
        return to_frame([self.inputs(row) for row in rows], self.schema)

    def answer_to(self, number: int) -> str:
        """What the bank's underwriters answered to the held-out applicant of that number, from 1 upwards."""
        return str(self.labels([self.rows[TRAINING_ROWS + number - 1]])[0])

    def labels(self, rows: list[dict[str, str]]) -> np.ndarray:
        """What the bank decided."""
        return np.array([HMDA_LABELS[row[HMDA_TARGET]] for row in rows], dtype=object)


def train_logistic(applicants: Applicants) -> Trained:
    """Version 1: a logistic regression on scaled numbers and one-hot words."""
    return _trained_pipeline(applicants, LogisticRegression(max_iter=1_000))


def train_boosting(applicants: Applicants) -> Trained:
    """Version 2: gradient boosted trees on the code matrix of the inputs."""
    schema = applicants.schema.subset(HMDA_READ)
    training = applicants.rows[:TRAINING_ROWS]
    matrix = to_codes(applicants.frame(training)[list(HMDA_READ)], schema)
    target = (applicants.labels(training) == ADVERSE).astype(float)
    data = xgboost.DMatrix(matrix, label=target, feature_names=list(HMDA_READ))
    settings = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.06, "subsample": 0.8}
    settings |= {"seed": SEED, "nthread": 1}
    booster = xgboost.train(settings, data, num_boost_round=160)
    held_out = to_codes(applicants.frame(applicants.rows[TRAINING_ROWS:])[list(HMDA_READ)], schema)
    scores = booster.predict(xgboost.DMatrix(held_out, feature_names=list(HMDA_READ)))
    return _trained(applicants, "xgboost", bytes(booster.save_raw("ubj")), scores)


def train_forest(applicants: Applicants) -> Trained:
    """Version 3: a random forest on one-hot words."""
    return _trained_pipeline(applicants, RandomForestClassifier(200, min_samples_leaf=12, random_state=SEED, n_jobs=1))


def _trained_pipeline(applicants: Applicants, estimator: Any) -> Trained:
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("words", OneHotEncoder(drop="if_binary"), WORDS)], sparse_threshold=0
    )
    pipeline: Pipeline = make_pipeline(columns, estimator)
    training = applicants.rows[:TRAINING_ROWS]
    pipeline.fit(applicants.frame(training)[list(HMDA_READ)], applicants.labels(training))
    held_out = applicants.frame(applicants.rows[TRAINING_ROWS:])[list(HMDA_READ)]
    adverse = list(pipeline.classes_).index(ADVERSE)
    return _trained(applicants, "skops", dumps(pipeline), pipeline.predict_proba(held_out)[:, adverse])


def _trained(applicants: Applicants, model_format: str, artifact: bytes, scores: np.ndarray) -> Trained:
    held_out = applicants.rows[TRAINING_ROWS:]
    auc = roc_auc_score(applicants.labels(held_out) == ADVERSE, scores)
    learnt = applicants.rows[:TRAINING_ROWS]
    training = _csv(applicants, learnt, label=applicants.labels(learnt))
    manifest = {
        "model": {"format": model_format, "task": "binary_classification"},
        "inputs": HMDA_INPUTS,
        "output": HMDA_OUTPUT,
        "training_data": {
            "name": "HMDA, Boston 1990",
            "sha256": hashlib.sha256(training).hexdigest(),
            "rows": TRAINING_ROWS,
        },
        "metrics": {"roc_auc": round(float(auc), 4)},
        **_source(),
    }
    return Trained(
        manifest=json.dumps(manifest).encode(),
        artifact=artifact,
        background=_csv(applicants, applicants.rows[:BACKGROUND_ROWS]),
        evaluation=_csv(applicants, held_out, label=applicants.labels(held_out)),
        golden=_csv(applicants, held_out[:GOLDEN_ROWS], score=[repr(float(score)) for score in scores[:GOLDEN_ROWS]]),
    )


def _source() -> dict[str, Any]:
    """The commit of this tree, where it is one: the models are trained by the code that stands in it."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HMDA_CSV.parent)
    return {"source": {"commit": done.stdout.strip()}} if done.returncode == 0 else {}


def _csv(applicants: Applicants, rows: list[dict[str, str]], **more: Any) -> bytes:
    """The rows' inputs, and more columns by name."""
    table = [applicants.inputs(row) for row in rows]
    for name, values in more.items():
        table = [{**row, name: value} for row, value in zip(table, values, strict=True)]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue().encode()


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value
