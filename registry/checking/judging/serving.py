"""Is it quick enough for one row at a time, and is there a version to return to?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from registry.checking.findings import Finding, judged

LATENCY, ROLLBACK = "latency", "rollback"


def judge_latency(latencies_ms: NDArray[np.float64], load_ms: float, thresholds: Mapping[str, float]) -> Finding:
    """Passed when the 99th percentile of single rows stays under the limit, on the machine that measured."""
    if not len(latencies_ms):
        return judged(LATENCY, ["no row was scored against the clock"], "", {"rows": 0}, thresholds)
    p50, p95, p99 = (float(value) for value in np.percentile(latencies_ms, [50, 95, 99]))
    slowest, rows, limit = float(latencies_ms.max()), len(latencies_ms), thresholds["max_p99_ms"]
    payload = {
        **{"rows": rows, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": slowest, "load_ms": load_ms},
        "note": "Single rows, one after another, on the machine that ran the checks; a caller also waits for the rest.",
    }
    measured = f"99th percentile {p99:.1f} ms over {rows} single rows (median {p50:.1f} ms, slowest {slowest:.1f} ms)"
    problems = [f"{measured}; at most {limit:g} ms are allowed"] if p99 > limit else []
    return judged(LATENCY, problems, measured, payload, thresholds)


def judge_rollback(
    target: int | None, artifact_problem: str, schema_problems: Sequence[str], thresholds: Mapping[str, float]
) -> Finding:
    """Passed when the version to return to is whole and takes every row that this version's schema allows."""
    if target is None:
        return judged(ROLLBACK, ["there is no earlier version to return to"], "", {"target": None}, thresholds)
    problems = [f"the artifact of version {target} cannot be used: {artifact_problem}"] if artifact_problem else []
    problems += [f"version {target} does not take all inputs: {problem}" for problem in schema_problems]
    good = f"Version {target} takes every row that this version takes, and its artifact is whole"
    return judged(ROLLBACK, problems, good, {"target": target}, thresholds)
