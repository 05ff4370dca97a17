"""Reasons in compliance's words: beside the report's own line, with the wording's version."""

from __future__ import annotations

import re

from django.utils import timezone

from explain import expert
from explain.letters.languages import language_of
from explain.models import Explanation
from explain.queries import report_of
from explain.telling import Wording, principal, protected_used, reasons_told
from explain.wording.services import set_wording
from tests import factories
from tests.explain.letters.conftest import REPORT, text_of
from tests.explain.test_expert import explained as explained_by_methods
from tests.explain.test_expert import tell

LINES = ["Payments: 0.62. This pushed.", "Record: yes. This pushed."]
TOLD = {"pirat": Wording("Payments", "Your payments are {value} of your income.", 2, "user:clara")}


def told(report: dict, **wording: Wording) -> list[tuple[str, str]]:
    spec = factories.version(1).spec
    return [(each.line, each.sentence) for each in reasons_told(report, spec, wording, lambda value, unit: f"{value}")]


def test_a_sentence_stands_beside_the_line_of_its_input_alone(db) -> None:
    report = {**REPORT, "reasons": LINES}
    assert told(report, **TOLD) == [(LINES[0], "Your payments are 0.62 of your income."), (LINES[1], "")]
    assert told(report, phist=Wording("Record"))[1] == (LINES[1], "")
    # Reasons that an earlier method chose otherwise keep their lines and get no sentence.
    assert told({**REPORT, "reasons": LINES[:1]}, **TOLD) == [(LINES[0], "")]
    assert told({**REPORT, "shap": None, "reasons": []}, **TOLD) == []


def test_a_protected_input_is_warned_of_and_never_told(db, client_of, support) -> None:
    spec = factories.version(2).spec
    pushed = {"feature": "afam", "value": "yes", "contribution": 4.0, "share": 0.5, "standard_error": None}
    report = {**REPORT, "shap": {**REPORT["shap"], "contributions": [pushed, *REPORT["shap"]["contributions"]]}}
    assert protected_used(report, spec) == ["afam"] and protected_used(REPORT, spec) == []
    lines = {**report, "reasons": LINES}
    tellings = reasons_told(lines, spec, {"afam": Wording("A", "You are {value}.")}, lambda value, unit: str(value))
    assert [each.sentence for each in tellings] == ["", ""]


def test_page_and_pdf_state_the_wording_and_the_report_stays(client_of, support, compliance) -> None:
    explanation = explained_by_methods()
    before = report_of(explanation)
    strongest = principal(before, factories.version(1).spec)[0][0]
    value = language_of("en").value(strongest["value"])
    facts = {"actor": compliance.actor, "system": "mortgage", "feature": strongest["feature"], "language": "en"}
    for sentence in ("Old words.", "You gave {value} there."):
        set_wording(**facts, title="What you gave", sentence=sentence, now=timezone.now())
    answer = client_of(support).get(f"/explanations/{explanation.id}/").content.decode()
    page = " ".join(re.sub(r"<[^>]+>", " ", answer).split())
    assert f"You gave {value} there. In the report: {before['reasons'][0]}" in page and "Old words" not in page
    assert "“What you gave”, version 2, by compliance" in page
    assert report_of(Explanation.objects.get()) == before
    pdf = " ".join(text_of(expert.report_pdf(explanation, before, tell=tell, now=timezone.now())).split())
    assert f"You gave {value} there. [" in pdf and "version 2 by compliance" in pdf
