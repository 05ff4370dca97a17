"""A report as the page shows it, whatever it lacks."""

from __future__ import annotations

import math
from typing import Any

import pytest

from explain.charts import report_context
from explain.methods import DecisionFacts
from explain.methods.facts import bare_report
from portal.demo.hmda import HMDA_INPUTS, HMDA_OUTPUT
from registry.scoring.manifest import Manifest

SPEC = Manifest.parse(
    {
        "model": {"format": "xgboost", "task": "binary_classification"},
        "inputs": HMDA_INPUTS,
        "output": HMDA_OUTPUT,
    }
)


def report(space: str = "log_odds", **changes: Any) -> dict[str, Any]:
    bare = bare_report(DecisionFacts("0199-a", "mortgage", 1, "ab" * 32, 0.8), 0.5, "matches", "why")
    contributions = [
        {"feature": "pirat", "value": 0.6, "contribution": 1.0, "share": 0.7},
        {"feature": "afam", "value": "no", "contribution": -0.4, "share": 0.3, "standard_error": 0.1},
    ]
    shap = {"method": "tree", "base_value": -0.2, "prediction": 0.4, "contributions": contributions}
    reference = {"line": 0.0, "start_to_line": 0.2, "line_to_answer": 0.4, "needed": ["pirat", "afam"]}
    replay = {"recorded": 0.8, "recomputed": 0.8, "verdict": "matches"}
    return {**bare, "output_space": space, "shap": shap, "reference": reference, "replay": replay, **changes}


def test_log_odds_are_told_in_points_from_the_line() -> None:
    context = report_context(report(), SPEC)
    double = 20 / math.log(2)
    assert context["shap_plot"]["line"] == 0.0 and context["shap_plot"]["unit"] == "points"
    assert context["shap_plot"]["base"] == pytest.approx(-0.2 * double)
    assert context["shap_plot"]["prediction"] == pytest.approx(0.4 * double)
    bars = sum(item["contribution"] for item in context["shap_plot"]["items"])
    assert context["shap_plot"]["base"] + bars == pytest.approx(context["shap_plot"]["prediction"])
    assert [row["push"] for row in context["shap_rows"]] == [pytest.approx(double), pytest.approx(-0.4 * double)]
    assert context["shap_rows"][1]["error"] == pytest.approx(0.1 * double) and context["is_adverse"]
    assert context["from_line"]["start"] < 0 < context["from_line"]["answer"]


def test_probabilities_stand_where_they_are() -> None:
    context = report_context(report("probability"), SPEC)
    assert (context["shap_plot"]["line"], context["shap_plot"]["unit"]) == (0.5, "probability")
    assert context["shap_rows"][0]["push"] == 100.0


def test_a_protected_input_that_was_needed_is_marked() -> None:
    needed = report_context(report(), SPEC)["needed"]
    assert needed == [
        {"title": "Debt payments to income", "protected": False},
        {"title": SPEC.inputs.by_name["afam"].title, "protected": True},
    ]


def test_a_value_has_no_line() -> None:
    context = report_context(report("value", threshold=None, reference=None), SPEC)
    assert "line" not in context["shap_plot"] and context["from_line"] is None and not context["is_adverse"]


def test_a_bare_report_shows_what_happened() -> None:
    bare = bare_report(DecisionFacts("0199-a", "mortgage", 1, "ab" * 32, None), 0.5, "artifact_missing", "It is gone.")
    context = report_context(bare, SPEC)
    assert context["problems"] == ["The replay: It is gone."] and context["shap_plot"] is None
    assert context["shap_rows"] == context["cases"] == context["needed"] == [] and not context["is_adverse"]


def test_a_report_of_the_first_method_is_still_shown() -> None:
    old = report()
    for name in ("reference", "cases", "missing", "cut_short", "problems"):
        del old[name]
    context = report_context(old, SPEC)
    assert context["shap_plot"]["base"] == pytest.approx(-0.2 * 20 / math.log(2)) and context["needed"] == []


def test_cases_are_told_by_titles() -> None:
    difference = {"feature": "pirat", "here": "a", "there": "b"}
    case = {"label": "grant", "score": 0.2, "alike": 9, "differences": [difference]}
    [found] = report_context(report(cases=[case]), SPEC)["cases"]
    assert found["differences"][0]["title"] == "Debt payments to income" and found["alike"] == 9
