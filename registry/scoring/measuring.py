"""Everything that the gates need to know of an artifact, measured in one run of the sandbox."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import sandbox

TIMED_ROWS = 500
# Measured on two cores: a forest of 125 full trees (a file of 102 MB) takes 9 s with 100,000 rows to score and 500 to
# time, 14 s beside other work; it touches 0.62 GiB, and passes with 1 GiB of address space. The rest is for machines
# that are slower or busier, and for larger files. Memory is the sandbox's own limit.
TIMEOUT_S = 120.0
# Of 100,000 scores, packed, and those of the smaller samples beside them.
MAX_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """A sample's file, its column besides the inputs if it has one, and how long it may be."""

    path: Path
    max_rows: int
    label: str | None = None


@dataclass(frozen=True)
class Measured:
    """What came of a measuring run. If `ok` is false, `code`, `message` and `details` say why and no scores are there.

    `latencies_ms` are milliseconds of single rows on the machine that measured. `written_by` and `read_by` are versions
    of libraries (`origins`), known even where the artifact could not be loaded.
    """

    ok: bool
    code: str = ""
    message: str = ""
    details: list[dict[str, str]] = field(default_factory=list)
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    latencies_ms: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    written_by: Mapping[str, str] = field(default_factory=dict)
    read_by: Mapping[str, str] = field(default_factory=dict)
    confinement: list[str] = field(default_factory=list)
    load_ms: float = 0.0


def measure(
    artifact: Path,
    manifest: Mapping[str, Any],
    samples: Mapping[str, Sample],
    *,
    timed: str,
    timed_rows: int = TIMED_ROWS,
    timeout_s: float = TIMEOUT_S,
    afresh: bool = False,
) -> Measured:
    """Load the artifact once in the sandbox and score every sample; never raises for what the artifact does.

    Single rows of the sample called `timed` are scored one by one against the clock, after 20 calls to warm up.
    """
    job = {
        "artifact": str(artifact.resolve()),
        "manifest": manifest,
        "samples": {
            name: {"path": str(sample.path.resolve()), "label": sample.label, "max_rows": sample.max_rows}
            for name, sample in samples.items()
        },
        "timed": timed,
        "timed_rows": timed_rows,
    }
    said = sandbox.run("registry.scoring.measure", job, timeout_s=timeout_s, max_answer=MAX_ANSWER, afresh=afresh)
    try:
        unpacked = {name: _unpacked(said["scores"][name]) for name in samples} if said["ok"] else {}
        times = _unpacked(said["latencies_ms"]) if said["ok"] else np.empty(0)
        return Measured(**{**said, "scores": unpacked, "latencies_ms": times})
    except (KeyError, TypeError, ValueError, binascii.Error):
        return Measured(**sandbox.refused("artifact_unreadable", "The examination answered with something else."))


def _unpacked(text: str) -> NDArray[np.float64]:
    values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8")
    if not np.isfinite(values).all():
        raise ValueError("not every number is finite")
    return values
