"""What runs inside the sandbox: reads one job from stdin, answers with one line of JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .confinement import confine
from .formats import Scorer, libraries, load
from .frames import to_frame
from .manifest import Manifest
from .problems import ArtifactRefused, ProblemsFound, SampleInvalid, ScoreInvalid
from .samples import read_sample
from .schema import Feature, InputSchema

MADE_UP_ROWS = 32


def main() -> None:
    """Answer the job on stdin. Every outcome that can be told apart is an answer with exit status 0."""
    job = json.loads(sys.stdin.buffer.read())
    answer = os.dup(1)
    # Libraries print to stdout; the answer must be alone on it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        result = _examine(job)
    except ArtifactRefused as refused:
        result = _refusal(refused.code, refused.message)
    except SampleInvalid as invalid:
        result = _refusal("sample_invalid", f"The sample does not fit the inputs: {invalid}", invalid)
    except ProblemsFound as invalid:
        result = _refusal("manifest_invalid", f"The manifest is not valid: {invalid}", invalid)
    except ScoreInvalid as invalid:
        result = _refusal("score_invalid", f"The sample could not be scored: {invalid}.")
    except MemoryError:
        result = _refusal("artifact_too_large", "The artifact needs more memory than an examination may use.")
    os.write(answer, json.dumps(result).encode() + b"\n")


def _refusal(code: str, message: str, problems: ProblemsFound | None = None) -> dict[str, Any]:
    details = [] if problems is None else [problem._asdict() for problem in problems.details[:100]]
    return {"ok": False, "code": code, "message": message[:2_000], "details": details}


def _examine(job: dict[str, Any]) -> dict[str, Any]:
    manifest = Manifest.parse(job["manifest"])
    data = Path(job["artifact"]).read_bytes()
    sample = None if job["sample"] is None else Path(job["sample"]).read_bytes()
    _import_first(manifest.model.format)
    layers = confine(**job["limits"])
    started = time.perf_counter()
    scorer = load(data, manifest)
    loaded = time.perf_counter()
    if sample is None:
        frame = made_up(manifest.inputs)
    else:
        frame = read_sample(sample, manifest.inputs, job["label"], max_rows=job["max_rows"])
        frame = frame[list(manifest.inputs.names)]
    return {
        "ok": True,
        **_measure(scorer, frame, manifest),
        "sample": "made_up" if sample is None else "given",
        "feature_names": list(scorer.feature_names),
        "libraries": libraries(manifest.model.format),
        "confinement": layers,
        "load_ms": round((loaded - started) * 1_000, 3),
    }


def _measure(scorer: Scorer, frame: pd.DataFrame, manifest: Manifest) -> dict[str, Any]:
    scorer.score(frame.head(1))
    started = time.perf_counter()
    scores = scorer.score(frame)
    took = time.perf_counter() - started
    if not np.array_equal(scores, scorer.score(frame)):
        # Disputes are settled by replaying the decision.
        raise ScoreInvalid("the same rows were scored twice with different results")
    threshold = manifest.output.threshold
    return {
        "rows": len(scores),
        "score_min": float(scores.min()),
        "score_mean": float(scores.mean()),
        "score_max": float(scores.max()),
        "positive_rate": None if threshold is None else float((scores >= threshold).mean()),
        "score_ms_per_row": round(took * 1_000 / len(scores), 6),
    }


def _import_first(format_name: str) -> None:
    """Import what loading needs while files may still be opened and memory is not yet limited."""
    import pyarrow.parquet  # noqa: F401

    if format_name == "skops":
        import sklearn.ensemble  # noqa: F401
        import skops.io  # noqa: F401
    elif format_name == "xgboost":
        import xgboost  # noqa: F401
    elif format_name == "lightgbm":
        import lightgbm  # noqa: F401
    else:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401


def made_up(schema: InputSchema, rows: int = MADE_UP_ROWS) -> pd.DataFrame:
    """Return rows that the schema allows, the same on every call, for a version without a sample."""
    random = np.random.default_rng(0)
    return to_frame(
        [{feature.name: _value(feature, random) for feature in schema.features} for _ in range(rows)], schema
    )


def _value(feature: Feature, random: np.random.Generator) -> Any:
    if feature.kind == "category":
        return feature.categories[int(random.integers(len(feature.categories)))]
    if feature.kind == "boolean":
        return bool(random.integers(2))
    low = feature.minimum if feature.minimum is not None else min(0.0, (feature.maximum or 0.0) - 1)
    high = feature.maximum if feature.maximum is not None else low + 1
    inside = low + (high - low) * float(random.uniform(0.01, 0.99))
    if feature.kind == "number":
        return inside
    return float(np.clip(round(inside), np.ceil(low), np.floor(high)))


if __name__ == "__main__":
    main()
