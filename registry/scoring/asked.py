"""What the sandbox finds out of an artifact, found out of a model that is served elsewhere by asking it.

No stranger's code runs for that, and a call has its own bounds (`endpoints`): it needs no sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .confined import refusal
from .examine import measured
from .manifest import Manifest
from .measure import latencies
from .measuring import TIMED_ROWS, Measured, Sample
from .problems import ProblemsFound, ScoreInvalid
from .remote import Ask, RemoteScorer
from .samples import read_sample
from .sandbox import Report

# Of single rows one after another: each is a call over the network.
MOST_TIMED = 100


def examine_remote(manifest: Manifest, sample: bytes, ask: Ask | None, *, rows: int) -> Report:
    """`sandbox.examine` by asking about the sample's first rows, twice."""
    assert ask is not None
    scorer = RemoteScorer(manifest, ask)
    try:
        frame = read_sample(sample, manifest.inputs)[list(manifest.inputs.names)].head(rows)
        said = measured(scorer, frame, manifest)
    except (ScoreInvalid, ProblemsFound) as error:
        return Report(**_refused(error))
    return Report(ok=True, **said, sample="given", feature_names=list(scorer.feature_names))


def measure_remote(
    manifest: Manifest, ask: Ask | None, samples: Mapping[str, Sample], *, timed: str, timed_rows: int = TIMED_ROWS
) -> Measured:
    """`measuring.measure` by asking."""
    assert ask is not None
    scorer = RemoteScorer(manifest, ask)
    names = list(manifest.inputs.names)
    read = {"served": str(manifest.model.endpoint)}
    try:
        frames = {
            name: read_sample(each.path.read_bytes(), manifest.inputs, each.label, max_rows=each.max_rows)[names]
            for name, each in samples.items()
        }
        scores = {name: scorer.score(frame) for name, frame in frames.items()}
        most = min(timed_rows, MOST_TIMED)
        taken = latencies(scorer, frames[timed], most) if most else np.empty(0)
    except (ScoreInvalid, ProblemsFound) as error:
        return Measured(**_refused(error), read_by=read)
    return Measured(ok=True, scores=scores, latencies_ms=taken, read_by=read)


def _refused(error: ScoreInvalid | ProblemsFound) -> dict[str, Any]:
    return {"details": [], **refusal(error)}
