"""Nearest people with the other outcome: truly nearest, truly accepted, and nobody to be picked out."""

from __future__ import annotations

import numpy as np
import pytest

from explain.methods.cases import nearest_cases
from explain.methods.nearness import distance
from registry.scoring.manifest import OutputSpec

from .planted import draw, of_codes, subject_of

OUTPUT = OutputSpec(labels=("grant", "deny"), adverse_label="deny", threshold=0.5)


def score(codes: np.ndarray) -> np.ndarray:
    return np.clip(np.nan_to_num(codes[:, 1]), 0, 1)


def test_the_nearest_accepted_come_first_without_their_values() -> None:
    subject = subject_of(of_codes(score), draw(400))
    codes = draw(1, seed=7)[0]
    codes[1] = 0.9371
    found = nearest_cases(subject, OUTPUT, codes, 0.94)
    accepted = subject.codes[subject.scores < 0.5]
    best = accepted[np.argsort(distance(subject, accepted, codes), kind="stable")[0]]
    assert len(found) == 3 and all(case.label == "grant" and case.score < 0.5 for case in found)
    assert found[0].score == pytest.approx(best[1], abs=0.006)
    told = {difference.feature: difference for case in found for difference in case.differences}
    assert told["debt"].here.startswith("above") and "to" in told["debt"].there + " up to"
    assert "0.937" not in str(found) and "origin" not in told
    assert all(case.alike + len(case.differences) <= 6 for case in found)


def test_a_favourable_score_and_a_value_have_none() -> None:
    subject = subject_of(of_codes(score), draw(100))
    assert nearest_cases(subject, OUTPUT, draw(1)[0], 0.3) == ()
    assert nearest_cases(subject, OutputSpec(), draw(1)[0], 0.9) == ()


def test_nobody_accepted_is_nobody() -> None:
    subject = subject_of(of_codes(lambda codes: np.full(len(codes), 0.9)), draw(100))
    assert nearest_cases(subject, OUTPUT, draw(1)[0], 0.9) == ()


def test_missing_values_are_told_as_such() -> None:
    background = draw(200)
    background[:, 0] = np.nan
    background[:5, 0] = 1.0
    subject = subject_of(of_codes(score), background)
    codes = draw(1, seed=7)[0]
    codes[1] = 0.9
    cases = nearest_cases(subject, OUTPUT, codes, 0.9)
    [income, *_] = [item for case in cases for item in case.differences if item.feature == "income"]
    assert income.there == "not given"
