"""Latency by its 99th percentile, and the version that a rollback would return to."""

from __future__ import annotations

import numpy as np

from registry.checking.judging.serving import judge_latency, judge_rollback

LIMIT = {"max_p99_ms": 200.0}


def test_the_99th_percentile_decides_and_not_the_slowest_row() -> None:
    times = np.full(500, 5.0)
    times[0] = 900
    found = judge_latency(times, 12.0, LIMIT)
    assert found.verdict == "passed" and "slowest 900.0 ms" in found.summary
    assert found.payload["p50_ms"] == 5 and found.payload["max_ms"] == 900 and found.payload["load_ms"] == 12
    times[:10] = 201
    slow = judge_latency(times, 12.0, LIMIT)
    assert slow.verdict == "failed" and "at most 200 ms are allowed" in slow.summary


def test_without_any_row_nothing_is_promised() -> None:
    assert judge_latency(np.empty(0), 0, LIMIT).verdict == "failed"


def test_rollback() -> None:
    assert judge_rollback(2, "", [], {}).verdict == "passed"
    nothing = judge_rollback(None, "", [], {})
    assert nothing.verdict == "failed" and nothing.summary == "There is no earlier version to return to"
    harmed = judge_rollback(2, "the file is missing", ["pirat: values above 2 would be refused"], {})
    assert harmed.verdict == "failed" and len(harmed.payload["problems"]) == 2
    assert "version 2 does not take all inputs: pirat: values above 2" in harmed.summary
