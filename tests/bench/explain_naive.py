"""What the explanation is measured against: the script that one writes first, in a process of its own.

It imports shap and lime, loads the model, and explains one decision with `shap.KernelExplainer` over 100 background
rows and with LIME's 5,000 samples. Categories are coded, as both libraries want them. Prints its times as JSON.

Arguments: manifest, artifact and background as paths, and the decision's inputs as JSON.
"""

from __future__ import annotations

import time

_STARTED = time.perf_counter()

import json  # noqa: E402 - the imports are a part of what is measured
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import shap  # noqa: E402
from lime.lime_tabular import LimeTabularExplainer  # noqa: E402

BACKGROUND_ROWS, LIME_SAMPLES, SEED = 100, 5_000, 0
Predict = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Explain, and say how long each part took."""
    imported = time.perf_counter()
    manifest, rows = json.loads(Path(sys.argv[1]).read_text()), pd.read_csv(sys.argv[3])
    names, predict, reads_codes = _load(manifest, Path(sys.argv[2]))
    words = {name: manifest["inputs"]["properties"][name].get("enum") for name in names}
    background = _codes(rows, names, words)
    row = _codes(pd.DataFrame([json.loads(sys.argv[4])]), names, words)[0]
    model = predict if reads_codes else _decoding(predict, names, words)
    loaded = time.perf_counter()
    sample = shap.sample(background, BACKGROUND_ROWS, random_state=SEED)
    shap.KernelExplainer(model, sample).shap_values(row, silent=True)
    explained = time.perf_counter()
    coded = [index for index, name in enumerate(names) if words[name]]
    lime = LimeTabularExplainer(
        background,
        feature_names=names,
        categorical_features=coded,
        categorical_names={index: words[names[index]] for index in coded},
        random_state=SEED,
    )
    lime.explain_instance(row, lambda codes: _both(model(codes)), num_samples=LIME_SAMPLES)
    ended = time.perf_counter()
    moments = [_STARTED, imported, loaded, explained, ended]
    parts = dict(zip(("imports", "load", "shap", "lime"), np.diff(moments), strict=True))
    print(json.dumps({**parts, "score": float(model(row[None])[0])}))


def _load(manifest: dict[str, Any], artifact: Path) -> tuple[list[str], Predict, bool]:
    """The model's columns, what gives the probability of the adverse label, and whether that reads codes."""
    properties, model_format = manifest["inputs"]["properties"], manifest["model"]["format"]
    if model_format == "xgboost":
        import xgboost

        booster = xgboost.Booster(model_file=bytearray(artifact.read_bytes()))
        names, kinds = list(booster.feature_names or ()), booster.feature_types

        def ask(codes: np.ndarray) -> np.ndarray:
            return booster.predict(xgboost.DMatrix(codes, feature_names=names, feature_types=kinds))

        return names, ask, True
    if model_format == "lightgbm":
        import lightgbm

        light = lightgbm.Booster(model_file=str(artifact))
        return light.feature_name(), light.predict, True
    if model_format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(artifact))
        fed, wanted = session.get_inputs()[0].name, session.get_outputs()[-1].name
        return list(properties), lambda codes: session.run([wanted], {fed: codes.astype(np.float32)})[0][:, 1], True
    import skops.io

    unknown = skops.io.get_untrusted_types(file=artifact)
    pipeline = skops.io.load(artifact, trusted=unknown)
    adverse = list(pipeline.classes_).index(manifest["output"]["adverse_label"])
    return list(pipeline.feature_names_in_), lambda frame: pipeline.predict_proba(frame)[:, adverse], False


def _codes(rows: pd.DataFrame, names: list[str], words: dict[str, Any]) -> np.ndarray:
    """Numbers as they are, words as their place in the schema."""
    columns = [rows[name].map(words[name].index) if words[name] else rows[name] for name in names]
    return np.column_stack([column.to_numpy(dtype=float) for column in columns])


def _both(adverse: np.ndarray) -> np.ndarray:
    """The probabilities of both labels, as LIME wants them."""
    return np.column_stack([1 - adverse, adverse])


def _decoding(predict: Predict, names: list[str], words: dict[str, Any]) -> Predict:
    """The pipeline as a function of codes: it wants its words back."""

    def decoded(codes: np.ndarray) -> np.ndarray:
        frame = pd.DataFrame(codes, columns=names)
        for name in names:
            if words[name]:
                frame[name] = np.array(words[name], dtype=object)[frame[name].to_numpy(dtype=int)]
        return predict(frame)

    return decoded


if __name__ == "__main__":
    main()
