"""Golden rows within the tolerance, and two processes that agree to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from registry.checking.judging.reproduction import judge_golden_rows

TOLERANCE = {"tolerance": 1e-6}
SCORES = np.array([0.1, 0.5, 0.9, 0.3])


def test_without_golden_rows_two_processes_must_agree_to_the_last_bit() -> None:
    same = judge_golden_rows(SCORES, SCORES.copy(), None, TOLERANCE)
    assert same.verdict == "passed" and same.summary.startswith("No golden rows were sent; 4 rows")
    assert same.payload["source"] == "background" and same.payload["same_in_second_process"]
    nearly = SCORES.copy()
    nearly[2] = np.nextafter(nearly[2], 1)
    other = judge_golden_rows(SCORES, nearly, None, TOLERANCE)
    assert other.verdict == "failed" and "1 of 4 rows got another score in a second process" in other.summary
    assert not other.payload["same_in_second_process"]
    fewer = judge_golden_rows(SCORES, SCORES[:3], None, TOLERANCE)
    assert fewer.verdict == "failed" and "scored 3 rows instead of 4" in fewer.summary


def test_golden_rows_hold_within_the_tolerance() -> None:
    found = judge_golden_rows(SCORES, SCORES, SCORES + 9e-7, TOLERANCE)
    assert found.verdict == "passed" and found.summary.startswith("4 golden rows are reproduced within 1e-06")
    assert found.payload["largest_difference"] == pytest.approx(9e-7) and found.payload["rows_beyond"] == 0


def test_golden_rows_that_differ_are_counted_and_the_worst_is_named() -> None:
    expected = np.array([0.1, 0.6, 0.9001, 0.3])
    found = judge_golden_rows(SCORES, SCORES, expected, TOLERANCE)
    assert found.verdict == "failed" and found.payload["rows_beyond"] == 2
    assert found.summary == "2 of 4 golden rows differ by more than 1e-06; row 2 is 0.5 instead of 0.6"


def test_large_values_are_compared_by_their_share() -> None:
    values = np.array([250_000.0, 1.0])
    assert judge_golden_rows(values, values, values * (1 + 9e-7), TOLERANCE).verdict == "passed"
    assert judge_golden_rows(values, values, values * (1 + 2e-6), TOLERANCE).verdict == "failed"


def test_as_many_rows_must_be_scored_as_were_sent() -> None:
    found = judge_golden_rows(SCORES[:3], SCORES[:3], SCORES, TOLERANCE)
    assert found.verdict == "failed" and "3 of 4 golden rows were scored" in found.summary
