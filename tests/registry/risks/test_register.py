"""The risk register: what can be written, who accepts it, what two people who write at once are told, and its pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

import registry.risks.services as risks
from audit.models import Entry
from portal.errors import Conflict, Forbidden, Invalid
from registry.models import Risk, RiskAcceptance
from registry.risks.queries import controls_of, digest_of, late_reviews, line_of, lines_of, overall_of, snapshot
from registry.risks.rating import Control, Written, cells, level_of, problems_of
from tests import factories

TODAY = date(2026, 11, 27)
CONTROLS = (Control("mitigate", "Denial rates are compared by group.", "performance"),)


def written(**changes: Any) -> Written:
    facts = {
        **{"title": "Single applicants denied more often", "source": "intended", "harm": "No credit.", "severity": 4},
        **{"affected": "Single applicants", "likelihood": 4, "residual_severity": 4, "residual_likelihood": 2},
        **{"review_due": timezone.now().date() + timedelta(days=90), "controls": CONTROLS},
    }
    return Written(**{**facts, **changes})


@pytest.fixture
def system(lead) -> Any:
    return factories.released(1).system


@pytest.fixture
def risk(system, lead) -> Risk:
    """A risk that an ML lead wrote down."""
    return risks.record_risk(actor=lead.actor, system=system, written=written(), now=timezone.now())


def accept(risk: Risk, by: Any, **facts: Any) -> RiskAcceptance:
    return risks.accept_risk(actor=by.actor, risk=risk, reason="We watch it.", now=timezone.now(), **facts)


def revise(risk: Risk, by: Any, **facts: Any) -> Any:
    asked = {"written": written(), "reason": "Looked at again.", **facts}
    return risks.revise_risk(actor=by.actor, risk=risk, now=timezone.now(), **asked)


@pytest.mark.parametrize(
    "changes,path",
    [
        ({"title": " "}, "title"),
        ({"harm": "x" * 10_001}, "harm"),
        ({"severity": 6}, "severity"),
        ({"residual_likelihood": 5}, "residual_likelihood"),
        ({"controls": ()}, "controls"),
        ({"controls": (Control("mitigate", " "),)}, "controls"),
        ({"review_due": TODAY}, "review_due"),
    ],
)
def test_what_cannot_be_written(changes: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in problems_of(written(**changes), TODAY)] == [path]
    assert problems_of(replace(written(), is_closed=True, review_due=TODAY), TODAY) == []


def test_the_matrix_has_every_cell_once_gravest_first() -> None:
    rows = cells([(7, 5, 1), (8, 1, 5), (9, 5, 1)])
    assert [rating for rating, _ in rows[0]] == [5, 10, 15, 20, 25]
    assert rows[0][0] == (5, [7, 9]) and rows[4][4] == (5, [8]) and sum(len(row) for row in rows) == 25
    assert [level_of(rating) for rating in (1, 4, 5, 9, 10, 16, 20, 25)] == (
        ["low", "low", "medium", "medium", "high", "high", "very high", "very high"]
    )


def test_somebody_else_accepts_one_revision_and_the_next_is_open_again(risk, compliance, lead) -> None:
    assert controls_of(risk.revisions.get())[0]["url"] == "/systems/mortgage/versions/1/#gate-performance"
    with pytest.raises(Forbidden):
        accept(risk, lead)
    accept(risk, compliance, expected_number=1)
    assert line_of(risk, TODAY).state == "accepted"
    with pytest.raises(Conflict, match="is accepted"):
        accept(risk, compliance)
    revise(risk, compliance)
    assert line_of(risk, TODAY).state == "open"
    with pytest.raises(Forbidden, match="somebody else"):
        accept(risk, compliance)
    revise(risk, lead, written=written(is_closed=True, review_due=TODAY))
    assert line_of(risk, TODAY).state == "closed"
    acts = Entry.objects.filter(type__startswith="risk.").order_by("id").values_list("type", flat=True)
    assert list(acts) == ["risk.recorded", "risk.accepted", "risk.revised", "risk.revised"]


def test_the_whole_is_accepted_for_a_version_and_only_as_it_stands(risk, system, compliance, lead) -> None:
    version = factories.version(1)
    asked = {"actor": compliance.actor, "version": version, "reason": "Tolerable.", "now": timezone.now()}
    with pytest.raises(Conflict, match="Not every risk is accepted by itself yet: 1"):
        risks.accept_residual(**asked)
    accept(risk, compliance)
    with pytest.raises(Conflict, match="changed in between"):
        risks.accept_residual(**asked, expected="0" * 64)
    risks.accept_residual(**asked, expected=digest_of(snapshot(lines_of(system, TODAY))))
    assert overall_of(version, lines_of(system, TODAY)).is_current
    risks.record_risk(actor=lead.actor, system=system, written=written(title="Another"), now=timezone.now())
    overall = overall_of(version, lines_of(system, TODAY))
    assert overall.acceptance and not overall.is_current and overall.open == (2,)


def test_late_reviews_are_those_of_risks_that_are_not_closed(risk, system, compliance, auditor, lead) -> None:
    later = timezone.now().date() + timedelta(days=91)
    assert [line.risk.number for line in late_reviews(compliance.actor, later)] == [1]
    assert late_reviews(compliance.actor, TODAY) == [] and late_reviews(auditor.actor, later) == []
    revise(risk, lead, written=written(is_closed=True))
    assert late_reviews(compliance.actor, later) == []


def test_evidence_must_exist(system, lead) -> None:
    for evidence in ("version 9", "nonsense", "javascript:alert(1)"):
        wrong = written(controls=(Control("inform", "Told.", evidence),))
        with pytest.raises(Invalid) as refused:
            risks.record_risk(actor=lead.actor, system=system, written=wrong, now=timezone.now())
        assert evidence in refused.value.details[0].problem
    fine = written(controls=(Control("inform", "Told.", "version 1"), Control("design_out", "Left out.", "")))
    assert risks.record_risk(actor=lead.actor, system=system, written=fine, now=timezone.now()).number == 1


@pytest.mark.parametrize(
    "statement,error",
    [
        ("update registry_riskrevision set severity = 1", ProgrammingError),
        ("delete from registry_riskacceptance", ProgrammingError),
        ("update registry_risk set number = 9", ProgrammingError),
        (
            "insert into registry_riskacceptance (revision_id, reason, accepted_by, accepted_at)"
            " select id, 'r', written_by, now() from registry_riskrevision",
            IntegrityError,
        ),
    ],
)
def test_the_database_refuses_it_too(risk, statement: str, error: type[Exception]) -> None:
    with connection.cursor() as cursor, pytest.raises(error), transaction.atomic():
        cursor.execute(statement)


def form(**changes: Any) -> dict[str, Any]:
    facts = written()
    sent = {name: getattr(facts, name) for name in ("title", "source", "harm", "affected", "severity", "likelihood")}
    sent |= {"residual_severity": 4, "residual_likelihood": 2, "review_due": facts.review_due.isoformat()}
    sent |= {"controls-TOTAL_FORMS": 2, "controls-INITIAL_FORMS": 0, "controls-0-kind": "mitigate"}
    sent |= {"controls-0-words": "Compared by group.", "controls-0-evidence": "performance"}
    sent |= {"controls-1-kind": "inform"}
    return {**sent, **changes}


def test_the_pages_write_accept_and_lose_nothing(client_of, system, compliance, lead, auditor) -> None:
    root = "/systems/mortgage/risks/"
    assert b"No risk is written down" in client_of(lead).get(root).content
    wrong = client_of(lead).post(f"{root}new/", form(residual_severity=5, severity=4, title="<i>Kept</i>"))
    assert wrong.status_code == 422 and b"is more than without" in wrong.content and b"&lt;i&gt;Kept" in wrong.content
    assert b"Compared by group." in wrong.content
    assert client_of(lead).post(f"{root}new/", form()).status_code == 302
    page = client_of(compliance).get(root).content.decode()
    assert "grave, unlikely (8)" in page and 'href="/systems/mortgage/risks/1/"' in page
    assert b"Write a risk down" not in client_of(auditor).get(root).content
    # Two people at once.
    sent = form(reason="Mine.", expected_number=1, title="Mine")
    assert client_of(lead).post(f"{root}1/revise/", {**sent, "title": "Theirs"}).status_code == 302
    second = client_of(compliance).post(f"{root}1/revise/", sent)
    told = second.content.decode()
    assert second.status_code == 422 and "Theirs" in told and 'value="Mine"' in told and 'value="2"' in told
    assert client_of(compliance).post(f"{root}1/revise/", {**sent, "expected_number": 2}).status_code == 302
    assert client_of(compliance).post(f"{root}1/accept/", {"reason": "r", "expected_number": 3}).status_code == 403
    assert client_of(lead).post(f"{root}1/accept/", {"reason": "r", "expected_number": 3}).status_code == 403
    seen = {"reason": "r", "version": 1, "expected": "9" * 5_000}
    assert client_of(compliance).post(f"{root}accept/", seen).status_code == 422
