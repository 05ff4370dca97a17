"""What every program of the sandbox does: one job from stdin, one line of JSON as its answer, and nothing else."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from typing import Any

from .problems import ArtifactRefused, ProblemsFound, SampleInvalid, ScoreInvalid

Answer = dict[str, Any]

LIBRARIES = {
    "skops": ("pyarrow.parquet", "sklearn.ensemble", "skops.io"),
    "xgboost": ("pyarrow.parquet", "xgboost"),
    "lightgbm": ("pyarrow.parquet", "lightgbm"),
    "onnx": ("pyarrow.parquet", "onnx", "onnxruntime"),
}


def serve(work: Callable[[dict[str, Any]], Answer]) -> None:
    """Answer the job on stdin. Every outcome that can be told apart is an answer with exit status 0."""
    with open(0, "rb", closefd=False) as question:
        job = json.load(question)
    answer = os.dup(1)
    # Libraries print to stdout; the answer must be alone on it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        result = work(job)
    except (ArtifactRefused, ProblemsFound, ScoreInvalid, MemoryError) as error:
        result = refusal(error)
    said = json.dumps(result).encode() + b"\n"
    while said:
        said = said[os.write(answer, said) :]


def refusal(error: ArtifactRefused | ProblemsFound | ScoreInvalid | MemoryError) -> Answer:
    """The answer that says what was wrong."""
    if isinstance(error, ArtifactRefused):
        return _refused(error.code, error.message)
    if isinstance(error, SampleInvalid):
        return _refused("sample_invalid", f"The sample does not fit the inputs: {error}", error)
    if isinstance(error, ProblemsFound):
        return _refused("manifest_invalid", f"The manifest is not valid: {error}", error)
    if isinstance(error, ScoreInvalid):
        return _refused("score_invalid", f"The sample could not be scored: {error}.")
    return _refused("artifact_too_large", "The artifact needs more memory than an examination may use.")


def import_first(format_name: str) -> None:
    """Import what loading needs while files may still be opened and memory is not yet limited."""
    for name in LIBRARIES[format_name]:
        importlib.import_module(name)


def _refused(code: str, message: str, problems: ProblemsFound | None = None) -> Answer:
    details = [] if problems is None else [problem._asdict() for problem in problems.details[:100]]
    return {"ok": False, "code": code, "message": message[:2_000], "details": details}
