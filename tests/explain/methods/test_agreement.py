"""Agreement of SHAP and LIME, in numbers worked out by hand."""

import pytest

from explain.methods.agreement import compare
from explain.methods.local import LimeResult, LimeWeight
from explain.methods.shapley import Contribution, ShapResult


def shap(**values: float) -> ShapResult:
    parts = [Contribution(name, 0, value, 0.0) for name, value in values.items()]
    parts.sort(key=lambda item: -abs(item.contribution))
    return ShapResult("tree", "log_odds", 0.0, sum(values.values()), 0.0, tuple(parts), 0.5, 0.5, 100)


def lime(others: float = 0.5, **weights: float) -> LimeResult:
    parts = [LimeWeight(name, name, weight, others) for name, weight in weights.items()]
    return LimeResult(0.0, 0.0, 0.5, 100, 1.0, tuple(parts), ())


def test_same_story_agrees() -> None:
    found = compare(shap(a=4, b=-3, c=2, d=1), lime(a=0.4, b=-0.3, c=0.2, d=0.1))
    assert (found.top3_overlap, found.sign_agreement, found.verdict) == (1.0, 1.0, "agree")
    assert found.rank_correlation == pytest.approx(1.0)


def test_other_order_still_agrees_but_the_ranks_tell() -> None:
    found = compare(shap(a=4, b=3, c=2, d=1), lime(a=0.1, b=0.2, c=0.3, d=0.4))
    assert found.top3_overlap == pytest.approx(2 / 3)
    assert found.rank_correlation == pytest.approx(-1.0)
    assert found.verdict == "agree"


def test_one_sign_of_four_is_partly_two_disagree() -> None:
    ours = shap(a=4, b=3, c=2, d=1)
    assert compare(ours, lime(a=0.4, b=0.3, c=0.2, d=-0.1)).sign_agreement == 0.75
    assert compare(ours, lime(a=0.4, b=0.3, c=0.2, d=-0.1)).verdict == "partly"
    assert compare(ours, lime(a=0.4, b=0.3, c=-0.2, d=-0.1)).verdict == "disagree"


def test_other_top_three_disagree() -> None:
    found = compare(shap(a=6, b=5, c=4, d=0, e=0, f=0), lime(a=0, b=0, c=0, d=3, e=2, f=1))
    assert (found.top3_overlap, found.verdict) == (0.0, "disagree")


def test_a_rare_elsewhere_is_scaled_down_before_comparing() -> None:
    """ "Not denied insurance" weighs much against being denied it, but hardly anybody was."""
    rare = LimeWeight("a", "a", -0.7, 0.02)
    others = tuple(
        LimeWeight(name, name, weight, 0.8) for name, weight in (("b", 0.2), ("c", 0.1), ("d", 0.05))
    )
    found = compare(shap(a=-0.1, b=3, c=2, d=1), LimeResult(0, 0, 0.5, 100, 1.0, (rare, *others), ()))
    assert found.top3_overlap == 1.0 and found.rank_correlation == pytest.approx(1.0)


def test_features_that_lime_dropped_count_as_silent() -> None:
    found = compare(shap(a=4, b=3, c=2), lime(b=0.3, c=0.2))
    assert found.sign_agreement == 1.0 and found.top3_overlap >= 2 / 3


def test_nothing_to_say_is_agreement_without_ranks() -> None:
    found = compare(shap(a=0, b=0, c=0), lime(a=0, b=0, c=0))
    assert found.verdict == "agree" and found.rank_correlation is None
