"""Reasons that may be read out, and the limits that must be known first."""

from dataclasses import replace

import numpy as np

from explain.methods.agreement import Agreement
from explain.methods.contrast import Alternative, Change
from explain.methods.links import log_odds, sigmoid
from explain.methods.local import LimeResult
from explain.methods.shapley import Contribution, ShapResult
from explain.methods.subject import JsonValue
from explain.methods.wording import Population, disclosures_of, reasons_of
from registry.scoring.manifest import OutputSpec

from .planted import draw, of_codes, subject_of

OUTPUT = OutputSpec(labels=("grant", "deny"), adverse_label="deny", threshold=0.5)
SUBJECT = subject_of(of_codes(lambda codes: np.full(len(codes), 0.5)), draw(50))
VALUES: dict[str, JsonValue] = {
    "income": 0.4,
    "debt": 0.9312,
    "late": 4,
    "home": "rent",
    "job": "none",
    "guarantor": False,
    "origin": "here",
}


def shap(method: str = "tree", error: float | None = None, **values: float) -> ShapResult:
    whole = sum(abs(value) for value in values.values())
    parts = [
        Contribution(name, VALUES[name], values.get(name, 0.0), abs(values.get(name, 0.0)) / whole, error)
        for name in SUBJECT.names
    ]
    parts.sort(key=lambda item: -abs(item.contribution))
    base = float(log_odds(np.asarray(0.12)))
    end = base + sum(values.values())
    return ShapResult(
        method, "log_odds", base, end, 0.0, tuple(parts), 0.12, float(sigmoid(np.asarray(end))), 500
    )


def disclose(result: ShapResult, **given: object) -> str:
    parts = {"lime": None, "agreement": None, "alternatives": (), **given}
    population = Population("applicants of 2025", 1_000)
    return "\n".join(disclosures_of(SUBJECT, population=population, shap=result, output=OUTPUT, **parts))  # type: ignore[arg-type]


def test_reasons_name_titles_values_and_shares() -> None:
    found = reasons_of(SUBJECT, shap(debt=2.0, late=1.0, guarantor=0.6, income=-1.0), OUTPUT, 0.8)
    assert found == [
        "Debt ratio: 0.931. This pushed towards “deny” (56 % of all that pushed that way).",
        "Late payments: 4. This pushed towards “deny” (28 % of all that pushed that way).",
        "Guarantor: no. This pushed towards “deny” (17 % of all that pushed that way).",
    ]


def test_at_most_four_and_no_trifles() -> None:
    assert len(reasons_of(SUBJECT, shap(income=5, debt=4, late=3, home=2, job=1), OUTPUT, 0.8)) == 4
    assert len(reasons_of(SUBJECT, shap(debt=2.0, late=0.01), OUTPUT, 0.8)) == 1
    assert reasons_of(SUBJECT, shap(debt=-2.0), OUTPUT, 0.2) == []


def test_a_protected_feature_is_a_warning_never_a_reason() -> None:
    result = shap(origin=3.0, debt=1.0)
    assert not any("Origin" in reason for reason in reasons_of(SUBJECT, result, OUTPUT, 0.8))
    text = disclose(result)
    assert "Warning: the model used the protected feature “Origin”; it pushed towards “deny” (75 %" in text
    assert "away from “deny”" in disclose(shap(origin=-3.0, debt=1.0))
    assert "Origin" not in disclose(shap(debt=1.0, late=0.3))


def test_granted_decisions_say_that_reasons_were_outweighed() -> None:
    assert all(
        reason.startswith("Outweighed: ") for reason in reasons_of(SUBJECT, shap(debt=0.5), OUTPUT, 0.3)
    )


def test_ties_are_too_close_to_call() -> None:
    assert "“Debt ratio” and “Late payments” are too close to call" in disclose(shap(debt=1.0, late=0.99))
    assert "too close" not in disclose(shap(debt=1.0, late=0.6))
    assert "too close" in disclose(shap(method="permutation", error=0.2, debt=1.0, late=0.6))
    assert "estimates from sampling" in disclose(shap(method="permutation", error=0.2, debt=1.0))


def test_limits_are_stated() -> None:
    text = disclose(shap(debt=1.0))
    assert "applicants of 2025 (1,000 people)" in text
    assert "not what caused anything" in text and "not a test for discrimination" in text
    assert "from 12 %" in text and "promise" not in text
    change = Change("debt", 0.9, 0.4)
    assert "not a promise" in disclose(shap(debt=1.0), alternatives=(Alternative((change,), 0.4, "grant"),))


def test_a_part_of_the_background_is_said_to_be_one() -> None:
    result = shap(debt=1.0)
    assert "rest on 500 of them" in disclose(result) and "are few" not in disclose(result)
    assert "rest on" not in disclose(replace(result, background_rows=1_000))
    assert "Fewer than 200 people are few" in disclose(replace(result, background_rows=120))


def test_disagreement_forbids_quoting_the_order() -> None:
    words = {
        verdict: disclose(shap(debt=1.0), agreement=Agreement(0, 0, 0, verdict))
        for verdict in ("agree", "partly", "disagree")
    }
    assert "do not quote the order" not in words["agree"]
    assert "agree only in part: do not quote the order" in words["partly"]
    assert "different stories: do not quote the order" in words["disagree"]


def test_poor_and_unstable_local_models_are_called_so() -> None:
    poor = LimeResult(0.1, 0.5, 0.31, 5_000, 0.4, (), ("origin",))
    text = disclose(shap(debt=1.0), lime=poor)
    assert (
        "R² 0.31" in text and "change from seed to seed" in text and "LIME says nothing about origin" in text
    )
