"""The expert report: everything that the explanation holds, as another program reads it out of the PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from explain import expert, tasks
from explain.letters.languages import language_of
from explain.models import Explanation
from explain.queries import report_of
from explain.telling import Reason
from explain.wording.queries import reasons_of
from portal.errors import Conflict
from tests import factories
from tests.explain.letters.conftest import embedded_in, text_of
from tests.sealing import seal

from .conftest import ask


def explained() -> Explanation:
    """A finished explanation, made by the methods themselves."""
    made = ask(factories.decided())
    tasks.compute(str(made.id))
    made.refresh_from_db()
    assert made.state == "done", made.error
    return made


def tell(report: Any, spec: Any) -> list[Reason]:
    """As the endpoint does it."""
    return reasons_of("mortgage", language_of("en").value, report, spec)


def pdf_of(explanation: Explanation, **changes: Any) -> bytes:
    """The PDF; `changes` are to what was found."""
    return expert.report_pdf(explanation, {**report_of(explanation), **changes}, tell=tell, now=timezone.now())


def words(explanation: Explanation, **changes: Any) -> str:
    """The PDF's words on one line."""
    return " ".join(text_of(pdf_of(explanation, **changes)).split())


def test_it_holds_everything_of_the_report(support) -> None:
    explanation = explained()
    report = report_of(explanation)
    said = words(explanation)
    for line in (*report["reasons"], *report["disclosures"]):
        assert " ".join(line.split()) in said, line
    for feature in factories.version(1).spec.inputs.features:
        assert feature.title in said, feature
    flat = said.replace(" ", "")
    digests = (report["artifact_sha256"], report["background"]["sha256"], explanation.report_sha256)
    for part in (*digests, report["decision"]):
        assert part in flat, part
    library = f"scikit-learn{report['libraries']['scikit-learn']}"
    for part in (str(report["seed"]), library, "matches", "waitstobesealed"):
        assert part in flat, part
    finished = Entry.objects.get(type="explanation.finished")
    assert str(finished.id) in flat and "1/" in flat


def test_the_report_is_embedded_for_machines(support) -> None:
    explanation = explained()
    assert embedded_in(pdf_of(explanation)) == report_of(explanation)


def test_once_sealed_it_says_where(committed: str, tmp_path: Path) -> None:
    explanation = explained()
    head = seal(committed, tmp_path)
    said = words(explanation)
    assert f"tree size {head.size}" in said and bytes(head.root).hex() in said.replace(" ", "")
    assert "leaf " in said and "waits to be sealed" not in said


def test_a_partial_report_says_what_it_lacks(support) -> None:
    lacking = {"shap": None, "lime": None, "agreement": None, "reasons": [], "counterfactuals": [], "cases": []}
    lacking |= {"completeness": "partial", "reference": None, "problems": ["shap: it took too long"]}
    said = words(explained(), **lacking)
    assert "partial" in said and said.count("This part is not there.") == 2 and "it took too long" in said


def test_hostile_titles_are_shown_and_never_run(support) -> None:
    hostile = '#import "x" *b* $x$ <l> \\u{41}'
    said = words(explained(), disclosures=[hostile], reasons=[f"= {hostile}"])
    assert f"• {hostile}" in said and f"= {hostile}" in said


def test_what_no_font_shows_is_spelt_out(support) -> None:
    said = words(explained(), reasons=["Name: \U0010ff00x\U0010ff01."])
    assert "Name: [U+10FF00]x[U+10FF01]." in said


def test_it_is_handed_out_by_the_api_and_recorded(api, client_of, support, auditor) -> None:
    explanation = explained()
    path = f"/api/v1/explanations/{explanation.id}/report.pdf"
    answer = api("explain").get(path)
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF-1.7")
    assert answer["Content-Type"] == "application/pdf" and "attachment" in answer["Content-Disposition"]
    assert Entry.objects.filter(type="explanation.read").count() == 1
    assert client_of(auditor).get(path).status_code == 404
    assert b"report.pdf" in client_of(support).get(f"/explanations/{explanation.id}/").content


def test_what_is_not_there_is_told(support) -> None:
    waiting = ask(factories.decided())
    with pytest.raises(Conflict, match="is queued: there is no report yet"):
        expert.report_pdf(waiting, None, tell=tell, now=timezone.now())
    waiting.erased_on = timezone.now().date()
    with pytest.raises(Conflict, match="was erased"):
        expert.report_pdf(waiting, None, tell=tell, now=timezone.now())
