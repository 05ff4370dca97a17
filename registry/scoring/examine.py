"""The sandbox's first look at an artifact: does it open, and does it score the sample?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .confined import import_first, serve
from .confinement import confine
from .formats import Scorer, libraries, load
from .frames import to_frame
from .manifest import Manifest
from .problems import ScoreInvalid
from .samples import read_sample
from .schema import Feature, InputSchema

MADE_UP_ROWS = 32


def main() -> None:
    """Answer one job of `sandbox.examine`."""
    serve(_examine)


def _examine(job: dict[str, Any]) -> dict[str, Any]:
    manifest = Manifest.parse(job["manifest"])
    data = Path(job["artifact"]).read_bytes()
    sample = None if job["sample"] is None else Path(job["sample"]).read_bytes()
    import_first(manifest.model.format)
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
        **measured(scorer, frame, manifest),
        "sample": "made_up" if sample is None else "given",
        "feature_names": list(scorer.feature_names),
        "libraries": libraries(manifest.model.format),
        "confinement": layers,
        "load_ms": round((loaded - started) * 1_000, 3),
    }


def measured(scorer: Scorer, frame: pd.DataFrame, manifest: Manifest) -> dict[str, Any]:
    """What a report says of the scores of these rows; `ScoreInvalid` where a second look gives others."""
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
