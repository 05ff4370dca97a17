"""Inside the sandbox: the scores of every sample, single rows against the clock, and who wrote the artifact."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .confined import Answer, import_first, refusal, serve
from .confinement import confine
from .formats import Scorer, load
from .frames import rows_to_codes, to_frame
from .manifest import Manifest
from .origins import read_by, written_by
from .problems import ArtifactRefused
from .samples import read_sample
from .scorer import CodeScorer

WARM_UP_CALLS = 20
# A model so slow that this does not suffice for all rows fails its gate on fewer.
MOST_SECONDS_TIMED = 20.0


def main() -> None:
    """Answer one job of `measuring.measure`."""
    serve(_measure)


def _measure(job: dict[str, Any]) -> Answer:
    manifest = Manifest.parse(job["manifest"])
    data = Path(job["artifact"]).read_bytes()
    samples = {name: (Path(sample["path"]).read_bytes(), sample) for name, sample in job["samples"].items()}
    import_first(manifest.model.format)
    layers = confine(**job["limits"])
    about = {"written_by": written_by(data, manifest.model.format), "read_by": read_by(manifest.model.format)}
    started = time.perf_counter()
    try:
        scorer = load(data, manifest)
    except ArtifactRefused as refused:
        return {**refusal(refused), **about}
    loaded = time.perf_counter()
    frames = {name: _read(content, sample, manifest) for name, (content, sample) in samples.items()}
    return {
        "ok": True,
        **about,
        "scores": {name: _packed(scorer.score(frame)) for name, frame in frames.items()},
        "latencies_ms": _packed(latencies(scorer, frames[job["timed"]], job["timed_rows"])),
        "confinement": layers,
        "load_ms": round((loaded - started) * 1_000, 3),
    }


def _read(content: bytes, sample: Mapping[str, Any], manifest: Manifest) -> pd.DataFrame:
    frame = read_sample(content, manifest.inputs, sample["label"], max_rows=sample["max_rows"])
    return frame[list(manifest.inputs.names)]


def latencies(scorer: Scorer, frame: pd.DataFrame, most: int) -> np.ndarray:
    """Milliseconds of rows scored one by one, in the way of the gateway."""
    rows = frame.head(most).to_dict("records")
    for row in (rows * WARM_UP_CALLS)[:WARM_UP_CALLS]:
        _score_one(scorer, row)
    taken = []
    deadline = time.perf_counter() + MOST_SECONDS_TIMED
    for row in rows:
        started = time.perf_counter()
        _score_one(scorer, row)
        ended = time.perf_counter()
        taken.append((ended - started) * 1_000)
        if ended > deadline:
            break
    return np.array(taken, dtype=np.float64)


def _score_one(scorer: Scorer, row: Mapping[Any, Any]) -> np.ndarray:
    if isinstance(scorer, CodeScorer):
        return scorer.score_codes(rows_to_codes([row], scorer.schema))
    return scorer.score(to_frame([row], scorer.schema))


def _packed(values: np.ndarray) -> str:
    """Bit for bit: decimal digits would be longer, and two processes are compared to the last bit."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


if __name__ == "__main__":
    main()
