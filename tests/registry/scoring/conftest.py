"""Seeded builders of real small models on the demo's mortgage data; each is trained once per session."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from portal.demo.hmda import HMDA_CSV, HMDA_INPUTS, HMDA_LABELS, HMDA_OUTPUT, HMDA_READ, HMDA_TARGET
from registry.scoring.formats import ArtifactRefused, load
from registry.scoring.frames import read_sample, to_codes
from registry.scoring.manifest import Manifest
from registry.scoring.schema import InputSchema

SEED = 20
NUMBERS = ["pirat", "hirat", "lvrat", "chist", "mhist", "unemp"]
WORDS = [name for name in HMDA_READ if name not in NUMBERS]

ManifestMaker = Callable[..., dict[str, Any]]


def hmda_manifest(model_format: str, **changes: Any) -> dict[str, Any]:
    """Return a manifest for the mortgage data; `changes` replace whole top-level parts."""
    manifest = {
        "model": {"format": model_format, "task": "binary_classification"},
        "inputs": copy.deepcopy(HMDA_INPUTS),
        "output": copy.deepcopy(HMDA_OUTPUT),
        "source": {"repository": "https://example.org/models", "commit": "a" * 40},
        "image": {"digest": "sha256:" + "b" * 64},
        "training_data": {"name": "HMDA Boston", "sha256": "c" * 64, "rows": 2380},
        "metrics": {"roc_auc": 0.83},
    }
    return {**manifest, **changes}


def refusal(data: bytes, manifest: Manifest) -> ArtifactRefused:
    """Load what must not load, and return why it did not."""
    with pytest.raises(ArtifactRefused) as caught:
        load(data, manifest)
    return caught.value


@pytest.fixture(scope="session")
def manifest_for() -> ManifestMaker:
    return hmda_manifest


@pytest.fixture(scope="session")
def schema() -> InputSchema:
    return InputSchema.parse(HMDA_INPUTS)


@pytest.fixture(scope="session")
def applicants(schema: InputSchema) -> pd.DataFrame:
    """Every applicant as the schema reads them, without the target."""
    table = pd.read_csv(HMDA_CSV, dtype=str).drop(columns=HMDA_TARGET)
    return read_sample(table.to_csv(index=False).encode(), schema, max_rows=5_000)


@pytest.fixture(scope="session")
def denied() -> np.ndarray:
    return pd.read_csv(HMDA_CSV)[HMDA_TARGET].eq("yes").to_numpy().astype(int)


@pytest.fixture(scope="session")
def labels(denied: np.ndarray) -> np.ndarray:
    return np.array([HMDA_LABELS["yes" if no else "no"] for no in denied], dtype=object)


def pipeline(estimator: Any) -> Any:
    """Return an unfitted pipeline: scaled numbers and one-hot words before the estimator."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [("numbers", StandardScaler(), NUMBERS), ("words", OneHotEncoder(drop="if_binary"), WORDS)],
        sparse_threshold=0,
    )
    return make_pipeline(columns, estimator)


@pytest.fixture(scope="session")
def logistic(applicants: pd.DataFrame, labels: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression

    return pipeline(LogisticRegression(max_iter=500)).fit(applicants[list(HMDA_READ)], labels)


@pytest.fixture(scope="session")
def forest(applicants: pd.DataFrame, labels: np.ndarray) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=8, max_depth=6, random_state=SEED, n_jobs=2)
    return pipeline(model).fit(applicants[list(HMDA_READ)], labels)


@pytest.fixture(scope="session")
def logistic_skops(logistic: Any) -> bytes:
    import skops.io

    return skops.io.dumps(logistic)


@pytest.fixture(scope="session")
def forest_skops(forest: Any) -> bytes:
    import skops.io

    return skops.io.dumps(forest)


@pytest.fixture(scope="session")
def read_codes(applicants: pd.DataFrame, schema: InputSchema) -> np.ndarray:
    return to_codes(applicants, schema.subset(HMDA_READ))


@pytest.fixture(scope="session")
def booster(read_codes: np.ndarray, denied: np.ndarray) -> Any:
    import xgboost

    matrix = xgboost.DMatrix(read_codes, label=denied, feature_names=list(HMDA_READ))
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": SEED}
    return xgboost.train(settings, matrix, 20)


@pytest.fixture(scope="session")
def xgboost_ubj(booster: Any) -> bytes:
    return bytes(booster.save_raw("ubj"))


@pytest.fixture(scope="session")
def lightgbm_model(read_codes: np.ndarray, denied: np.ndarray) -> Any:
    import lightgbm

    data = lightgbm.Dataset(read_codes, label=denied, feature_name=list(HMDA_READ))
    settings = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "seed": SEED, "verbose": -1}
    return lightgbm.train(settings, data, 20)


@pytest.fixture(scope="session")
def lightgbm_text(lightgbm_model: Any) -> bytes:
    return str(lightgbm_model.model_to_string()).encode()


def to_onnx(model: Any, zipmap: bool = False) -> bytes:
    """Convert a pipeline to ONNX with one input per column."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [
        (name, (FloatTensorType if name in NUMBERS else StringTensorType)([None, 1])) for name in HMDA_READ
    ]
    converted = convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": zipmap}})
    return bytes(converted.SerializeToString())


@pytest.fixture(scope="session")
def logistic_onnx(logistic: Any) -> bytes:
    return to_onnx(logistic)


@pytest.fixture(scope="session")
def artifacts(
    logistic_skops: bytes, forest_skops: bytes, xgboost_ubj: bytes, lightgbm_text: bytes, logistic_onnx: bytes
) -> dict[str, tuple[str, bytes]]:
    """Name of a model → (its format, its bytes)."""
    return {
        "logistic": ("skops", logistic_skops),
        "forest": ("skops", forest_skops),
        "xgboost": ("xgboost", xgboost_ubj),
        "lightgbm": ("lightgbm", lightgbm_text),
        "onnx": ("onnx", logistic_onnx),
    }


@pytest.fixture(scope="session")
def parsed(manifest_for: ManifestMaker) -> Callable[..., Manifest]:
    def parse(model_format: str, **changes: Any) -> Manifest:
        return Manifest.parse(manifest_for(model_format, **changes))

    return parse
