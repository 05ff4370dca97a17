"""Models of every family on real mortgage applications, as wide as wanted: what the benches of explanations explain.

The 13 inputs of the demo's data come first; wider tables get noisy copies of its numbers and random categories of up to
50 words, as registries of real lenders have them. Seeded. Nothing is mocked: artifacts are what CI would send.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import skops.io
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from portal.demo.hmda import HMDA_INPUTS, HMDA_OUTPUT
from portal.demo.training import Applicants
from registry.scoring import frames
from registry.scoring.schema import InputSchema

SEED = 1990
BACKGROUND_ROWS = 500
# Of three that are added, one is a random category.
CATEGORY_EVERY = 3


@dataclass(frozen=True)
class Wide:
    """A table of that many inputs: schema, rows as frames, and who was denied."""

    schema: InputSchema
    training: pd.DataFrame
    denied: np.ndarray
    background: pd.DataFrame
    others: pd.DataFrame

    @property
    def words(self) -> list[str]:
        """The categorical inputs."""
        return [feature.name for feature in self.schema.features if feature.kind == "category"]

    @property
    def numbers(self) -> list[str]:
        """The numeric inputs."""
        return [feature.name for feature in self.schema.features if feature.kind != "category"]

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows as boosters read them."""
        return frames.to_codes(frame, self.schema)


def widened(inputs: int) -> Wide:
    """The applications with that many inputs, at least 13."""
    applicants = Applicants()
    frame, denied = applicants.frame(applicants.rows), applicants.labels(applicants.rows) == "deny"
    properties = {name: dict(spec) for name, spec in HMDA_INPUTS["properties"].items()}
    properties["afam"] = {**properties["afam"], "enum": ["no", "yes"]}
    frame["afam"] = frame["afam"].fillna("no")
    rng = np.random.default_rng(SEED)
    numbers = [name for name, spec in properties.items() if spec.get("type") == "number"]
    for index in range(inputs - len(properties)):
        name = f"x{index}"
        if index % CATEGORY_EVERY == 0:
            levels = [f"k{level}" for level in range(int(rng.integers(2, 50)))]
            properties[name] = {"enum": levels, "x-personal": True}
            frame[name] = rng.choice(np.array(levels, dtype=object), len(frame))
        else:
            source = frame[numbers[index % len(numbers)]].to_numpy(dtype=float)
            properties[name] = {"type": "number", "x-personal": True, "x-actionable": index % 2 == 0}
            frame[name] = np.round(source + rng.normal(0, 0.5 * source.std(), len(frame)), 4)
    schema = InputSchema.parse({**HMDA_INPUTS, "properties": properties, "required": list(properties)})
    frame = frame[list(properties)]
    train, background = frame.iloc[:1_280], frame.iloc[1_280 : 1_280 + BACKGROUND_ROWS]
    return Wide(schema, train, denied[:1_280].astype(int), background, frame.iloc[1_280 + BACKGROUND_ROWS :])


@dataclass(frozen=True)
class Made:
    """An artifact and its manifest."""

    artifact: bytes
    manifest: dict[str, Any]


def made(family: str, wide: Wide) -> Made:
    """The family's model, trained on the table."""
    model_format, artifact = FAMILIES[family](wide)
    manifest = {
        "model": {"format": model_format, "task": "binary_classification"},
        "inputs": dict(wide.schema.raw),
        "output": dict(HMDA_OUTPUT),
    }
    return Made(artifact, json.loads(json.dumps(manifest)))


def _pipeline(estimator: Any, *, ordinal: bool = False) -> Callable[[Wide], tuple[str, bytes]]:
    def train(wide: Wide) -> tuple[str, bytes]:
        return "skops", skops.io.dumps(_fitted(estimator, wide, ordinal))

    return train


def _fitted(estimator: Any, wide: Wide, ordinal: bool = False) -> Pipeline:
    coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    words = coded if ordinal else OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    encode = ColumnTransformer([("words", words, wide.words), ("numbers", StandardScaler(), wide.numbers)])
    labels = np.where(wide.denied == 1, "deny", "grant")
    return Pipeline([("encode", encode), ("model", estimator)]).fit(wide.training, labels)


def _xgboost(wide: Wide) -> tuple[str, bytes]:
    kinds = ["c" if name in wide.words else "q" for name in wide.schema.names]
    data = xgboost.DMatrix(
        wide.codes(wide.training), wide.denied, feature_names=list(wide.schema.names), feature_types=kinds,
        enable_categorical=True,
    )  # fmt: skip
    settings = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.05, "nthread": 1, "seed": SEED}
    return "xgboost", bytes(xgboost.train(settings, data, 500).save_raw("ubj"))


def _lightgbm(wide: Wide) -> tuple[str, bytes]:
    named = list(wide.schema.names)
    data = lightgbm.Dataset(
        wide.codes(wide.training), wide.denied, feature_name=named, categorical_feature=wide.words
    )
    settings = {"objective": "binary", "num_leaves": 31, "num_threads": 1, "verbose": -1, "seed": SEED}
    return "lightgbm", lightgbm.train({**settings, "learning_rate": 0.05}, data, 500).model_to_string().encode()


def _onnx(wide: Wide) -> tuple[str, bytes]:
    """The network without its encoder, which reads codes: a black box to the portal."""
    from skl2onnx import to_onnx

    codes = wide.codes(wide.training).astype(np.float32)
    network = Pipeline([("scale", StandardScaler()), ("model", _network())]).fit(codes, wide.denied)
    model = to_onnx(network, codes[:1], options={"zipmap": False}, target_opset=17)
    return "onnx", model.SerializeToString()


def _network() -> MLPClassifier:
    return MLPClassifier((32, 16), max_iter=60, random_state=SEED)


FAMILIES: dict[str, Callable[[Wide], tuple[str, bytes]]] = {
    "logistic": _pipeline(LogisticRegression(max_iter=500)),
    "xgboost 500": _xgboost,
    "lightgbm 500": _lightgbm,
    "histogram 300": _pipeline(HistGradientBoostingClassifier(max_iter=300, random_state=SEED), ordinal=True),
    "gradient 200": _pipeline(GradientBoostingClassifier(n_estimators=200, random_state=SEED)),
    "forest 500": _pipeline(RandomForestClassifier(500, random_state=SEED)),
    "extra 300": _pipeline(ExtraTreesClassifier(300, random_state=SEED)),
    "network": _pipeline(_network()),
    "onnx network": _onnx,
}
