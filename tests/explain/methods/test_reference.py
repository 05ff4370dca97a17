"""What moved somebody across the line, in numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain.methods.links import log_odds
from explain.methods.reference import reference_of
from explain.methods.shapley import Contribution, ShapResult


def shap(base: float, space: str = "value", **values: float) -> ShapResult:
    parts = [Contribution(name, 0, value, 0.0) for name, value in values.items()]
    parts.sort(key=lambda item: -abs(item.contribution))
    return ShapResult("tree", space, base, base + sum(values.values()), 0.0, tuple(parts), 0.5, 0.5, 100)


def test_the_fewest_strongest_pushes_that_carry_it_over() -> None:
    found = reference_of(shap(0.1, debt=0.3, late=0.25, job=0.1, income=-0.05), 0.5)
    assert found is not None
    assert (found.start_to_line, found.line_to_answer) == (pytest.approx(0.4), pytest.approx(0.2))
    # Without debt: 0.40, under the line.
    assert found.needed == ("debt",)
    two = reference_of(shap(0.1, debt=0.3, late=0.25, job=0.25, income=0.0), 0.5)
    # Without debt 0.60, without both 0.35.
    assert two is not None and two.needed == ("debt", "late")


def test_both_distances_are_all_contributions() -> None:
    result = shap(-2.0, "log_odds", debt=1.5, late=1.4, income=-0.2)
    found = reference_of(result, 0.35)
    assert found is not None and found.line == pytest.approx(float(log_odds(0.35)))  # type: ignore[arg-type]
    whole = sum(item.contribution for item in result.contributions)
    assert found.start_to_line + found.line_to_answer == pytest.approx(whole)


def test_a_favourable_answer_is_held_by_what_pulled_away() -> None:
    found = reference_of(shap(0.6, income=-0.3, debt=0.1), 0.5)
    assert found is not None and found.line_to_answer == pytest.approx(-0.1) and found.needed == ("income",)


def test_on_the_line_is_adverse() -> None:
    found = reference_of(shap(0.25, debt=0.25), 0.5)
    assert found is not None and found.line_to_answer == 0.0 and found.needed == ("debt",)


def test_a_start_beyond_the_line_needs_no_push() -> None:
    found = reference_of(shap(0.7, debt=0.1, income=-0.1), 0.5)
    assert found is not None and found.needed == () and found.start_to_line < 0


def test_no_threshold_no_reference() -> None:
    assert reference_of(shap(0.1, debt=0.3), None) is None
    assert reference_of(replace(shap(0.1, debt=0.3), space="log_odds"), 0.0) is None
