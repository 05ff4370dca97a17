"""What one case puts into a letter: principal reasons, no protected one among them, nobody else's data."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from explain.letters.languages import language_of
from explain.letters.values import Facts, for_machines, values_of
from explain.telling import Wording
from registry.scoring.manifest import Manifest

EN, DE = language_of("en"), language_of("de")
MANIFEST = {
    "model": {"format": "skops", "task": "binary_classification"},
    "inputs": {
        "type": "object",
        "additionalProperties": False,
        "required": ["debt", "years", "phist", "sex"],
        "properties": {
            "debt": {"type": "number", "title": "Debt to income", "x-unit": "%", "x-actionable": True},
            "years": {"type": "integer", "title": "Years in employment"},
            "phist": {"enum": ["no", "yes"], "title": "Public record"},
            "sex": {"enum": ["f", "m"], "title": "Sex", "x-protected": True},
        },
    },
    "output": {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5},
}


def pushed(feature: str, value: Any, contribution: float, share: float = 0.2) -> dict[str, Any]:
    return {"feature": feature, "value": value, "contribution": contribution, "share": share}


def facts(**changes: Any) -> Facts:
    report = {
        "shap": {
            "contributions": [
                pushed("debt", 1234.5, 2.0),
                pushed("sex", "f", 1.0),
                pushed("phist", "yes", 0.9),
                pushed("years", 12, -1.0),
            ]
        },
        "agreement": {"verdict": "agree"},
        "background": {"rows": 1000},
        "counterfactuals": [
            {"changes": [{"feature": "debt", "from": 1234.5, "to": 20.25}], "score": 0.4, "label": "grant"},
            {"changes": [{"feature": "sex", "from": "f", "to": "m"}], "score": 0.4, "label": "grant"},
        ],
        "nearest": [{"inputs": {"debt": 777.0}}],
    }
    given: dict[str, Any] = {
        **{"case": 3, "today": date(2026, 11, 24), "received": date(2026, 3, 5), "decided_on": date(2026, 3, 1)},
        **{"ruled_on": date(2026, 3, 9), "outcome": "upheld", "answer_before": "deny", "answer_now": "deny"},
        **{"grounds": "First.\r\n\r\nSecond.", "system": "Mortgage", "purpose": "p", "department": "Lending"},
        **{"version": 2, "score": 0.8123, "sender": "The Bank", "contact": "", "authority": ""},
        **{"spec": Manifest.parse(MANIFEST), "report": report},
    }
    return Facts(**{**given, **changes})


def reasons(given: Facts, language=EN) -> list[str]:
    [block] = values_of(given, language).blocks["reasons"]
    return block["items"]


def test_reasons_are_principal_and_never_protected() -> None:
    assert reasons(facts()) == ["Debt to income: 1,234.5\u00a0%.", "Public record: yes."]
    inline = values_of(facts(), EN).inline
    assert inline["protected"] == "Sex"
    assert inline["data"] == "Debt to income, Years in employment, Public record and Sex"


def test_a_protected_input_that_did_nothing_is_not_named() -> None:
    report = {**facts().report, "shap": {"contributions": [pushed("debt", 1, 2.0), pushed("sex", "f", 0.001, 0.001)]}}
    assert not values_of(facts(report=report), EN).has("protected")


def test_the_officers_wording_is_used_and_never_read_again() -> None:
    wording = {"debt": Wording("Payments", "You pay {value} of your income."), "phist": Wording("Register")}
    assert reasons(facts(wording=wording)) == ["You pay 1,234.5\u00a0% of your income.", "Register: yes."]
    report = {**facts().report, "shap": {"contributions": [pushed("phist", "{value} {case}", 1.0)]}}
    said = reasons(facts(report=report, wording={"phist": Wording("R", "It is {value}.")}))
    assert said == ["It is {value} {case}."]


def test_at_most_four_reasons_and_none_too_small() -> None:
    many = [pushed(f"f{number}", number, contribution) for number, contribution in enumerate((5, 4, 3, 2, 1, 0.1))]
    report = {**facts().report, "shap": {"contributions": many}}
    assert reasons(facts(report=report)) == ["f0: 0.", "f1: 1.", "f2: 2.", "f3: 3."]
    few = {**facts().report, "shap": {"contributions": [pushed("f0", 0, 100), pushed("f1", 1, 1)]}}
    assert reasons(facts(report=few)) == ["f0: 0."]


def test_where_the_methods_disagree_the_order_means_nothing() -> None:
    report = {**facts().report, "agreement": {"verdict": "disagree"}}
    given = values_of(facts(report=report), EN)
    assert given.has("disagreement") and not values_of(facts(), EN).has("disagreement")
    shap = {"contributions": [pushed("phist", "yes", 3.0), pushed("debt", 1.0, 1.0)]}
    assert [line[:4] for line in reasons(facts(report={**report, "shap": shap}))] == ["Debt", "Publ"]


def test_changes_leave_out_what_nobody_can_be_asked_to_change() -> None:
    [block] = values_of(facts(), EN).blocks["changes"]
    assert len(block["items"]) == 1
    assert block["items"][0].startswith("Debt to income 20.25\u00a0% instead of 1,234.5\u00a0%: ")
    [german] = values_of(facts(), DE).blocks["changes"]
    assert german["items"][0].startswith("Debt to income 20,25\u00a0% statt 1.234,5\u00a0%: ")
    assert "„grant“" in german["items"][0]


def test_dates_and_numbers_are_the_languages_own() -> None:
    english, german = values_of(facts(), EN).inline, values_of(facts(), DE).inline
    assert (english["received"], german["received"]) == ("5 March 2026", "5. März 2026")
    assert (english["score"], german["score"]) == ("81\u00a0%", "81\u00a0%")
    assert (english["compared_with"], german["compared_with"]) == ("1,000", "1.000")
    other = values_of(facts(), language_of("fi")).inline
    assert other["received"] == "2026-03-05"
    assert (EN.percent(0.0312), DE.percent(0.0312)) == ("3.1\u00a0%", "3,1\u00a0%")
    assert DE.value(-1234567.0) == "\u22121.234.567" and EN.value(None) == "not given" and DE.value(True) == "ja"


def test_a_case_without_score_or_explanation_has_no_such_words() -> None:
    given = values_of(facts(score=None, report=None, spec=None), EN)
    for name in ("score", "threshold", "reasons", "figure", "changes", "protected", "compared_with", "data"):
        assert not given.has(name), name
    assert [block["text"] for block in given.blocks["grounds"]] == ["First.", "Second."]


def test_regression_tells_a_value_and_no_probability() -> None:
    raw = {**MANIFEST, "model": {"format": "skops", "task": "regression"}, "output": {"name": "limit"}}
    given = values_of(facts(spec=Manifest.parse(raw), score=12345.0), EN)
    assert given.inline["score"] == "12,345" and not given.has("threshold") and not given.has("adverse")
    # Both directions are reasons, and each says which way it moved the value.
    assert reasons(facts(spec=Manifest.parse(raw))) == [
        "Debt to income: 1,234.5\u00a0%. This raised the value.",
        "Years in employment: 12. This lowered the value.",
        "Public record: yes. This raised the value.",
    ]


def test_nothing_of_other_people_is_told() -> None:
    given = values_of(facts(), EN)
    everything = json.dumps([dict(given.inline), dict(given.blocks), for_machines(facts(), EN)])
    assert "777" not in everything
    assert for_machines(facts(), EN)["reasons"][0]["feature"] == "debt"
    assert for_machines(facts(), EN)["protected"] == ["sex"]


def test_a_correction_names_what_was_wrong() -> None:
    given = values_of(facts(outcome="corrected", answer_now="grant", corrected=("debt", "years")), EN)
    assert given.inline["corrected_data"] == "Debt to income and Years in employment"
    assert given.flags == {"answered", "corrected", "changed"}
