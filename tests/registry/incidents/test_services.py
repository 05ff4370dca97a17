"""What is done in a case: opening, judging anew, links, notes, files, and the moves to its end."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

import audit.queries as trail
import registry.incidents.services as incidents
from audit.models import Entry
from portal.errors import Conflict, Forbidden, Hidden, Invalid, TooLarge
from portal.sniffing import MAX_BYTES
from registry.incidents.queries import incident_for, links_of, standing_of
from registry.models import Assessment, Incident
from tests import factories

from .conftest import judged, open_case

PDF = b"%PDF-1.7\n%%EOF\n"


def problems(refused: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {problem.path for problem in refused.value.details}


def test_a_case_opens_with_its_clock_its_hold_and_what_it_is_about(lead, support) -> None:
    factories.released(1)
    decision = factories.decided(1)
    case = open_case(links=[("decision", decision.id.hex.upper()), ("dispute", "7"), ("decision", str(decision.id))])
    standing = standing_of(case, timezone.now())
    assert (standing.clock.article, standing.ageing.words) == ("Art. 73(2)", "13 days left")
    assert [link["url"] for link in links_of(case)] == [f"/decisions/{decision.id}/", "/disputes/7/"]
    entry = Entry.objects.get(type="incident.opened")
    assert trail.facts_of(entry)["details"]["versions"] == [1] and entry.actor == support.actor.label
    # Who may only open one sees their own.
    assert incident_for(support.actor, case.number) == case
    other = open_case(by="lead")
    with pytest.raises(Hidden):
        incident_for(support.actor, other.number)


def test_what_cannot_be_opened_says_everything_that_is_wrong(lead, support) -> None:
    later = timezone.now() + timedelta(hours=1)
    with pytest.raises(Invalid) as refused:
        links = [("decision", "x"), ("release", "9"), ("url", "ftp:x")]
        open_case(versions=(), aware_at=later, is_death=True, links=links)
    assert problems(refused) == {"versions", "aware_at", "is_death", "decision", "release", "url"}
    with pytest.raises(Forbidden):
        open_case(by="auditor")
    assert not Incident.objects.exists()


def test_judged_anew_the_clock_follows_and_the_old_one_stays_on_record(act, case) -> None:
    facts = {"kind": "health", "is_death": True, "aware_at": case.assessments.get().aware_at}
    act(incidents.assess_incident, incident=case, judged=judged(**facts), reason="She died.", expected_number=1)
    case.refresh_from_db()
    assert case.due_at == facts["aware_at"] + timedelta(days=10)
    assert list(case.assessments.values_list("number", "kind")) == [(2, "health"), (1, "rights")]
    step = case.steps.last()
    assert step.words == "She died." and step.details["changed"] == "whether somebody died, kind"
    # Two people at once: the second is told; and nothing new is nothing.
    with pytest.raises(Conflict, match="in between"):
        act(incidents.assess_incident, incident=case, judged=judged(), reason="No.", expected_number=1)
    with pytest.raises(Invalid, match="Nothing is judged otherwise"):
        act(incidents.assess_incident, incident=case, judged=judged(**facts), reason="Again.")


def test_the_database_keeps_what_was_said(case) -> None:
    for statement in (
        "update registry_assessment set kind = 'property'",
        "delete from registry_incidentstep",
        "update registry_incident set description = ''",
        "delete from registry_incidentlink",
        "update registry_filing set reference = ''",
        "delete from registry_incidentfile",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_owner_of_the_tables_is_kept_from_a_slip(committed, owner) -> None:
    open_case()
    for statement in (
        "update registry_assessment set reason = ''",
        "update registry_incidentversion set version_id = version_id",
        "delete from registry_incidentstep",
        "delete from registry_incidenthold",
        "delete from registry_incident",
        "truncate registry_incidentfile",
        "truncate registry_risk cascade",
        "truncate registry_systemclassification",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="what was said and sent stays"):
            owner.execute(statement)
    assert Assessment.objects.get().reason


def test_links_notes_and_files_are_added_once_and_within_bounds(act, case) -> None:
    act(incidents.link_incident, incident=case, what="release", value=" 1 ")
    with pytest.raises(Conflict, match="already"):
        act(incidents.link_incident, incident=case, what="release", value="1")
    with pytest.raises(Invalid, match="cannot be tied"):
        act(incidents.link_incident, incident=case, what="url", value="javascript:alert(1)")
    act(incidents.add_note, incident=case, words="<script>alert(1)</script>")
    assert case.steps.last().words == "<script>alert(1)</script>"
    with pytest.raises(Invalid) as refused:
        act(incidents.add_note, incident=case, words="x" * 200_000)
    assert "200,000 characters" in refused.value.details[0].problem
    kept = act(incidents.add_file, incident=case, name="../../etc/letter.exe", content=PDF)
    assert kept.name == "letter.exe.pdf" and kept.size == len(PDF)
    with pytest.raises(Invalid, match="The file is no"):
        act(incidents.add_file, incident=case, name="a.pdf", content=b"<html>")
    with pytest.raises(TooLarge):
        act(incidents.add_file, incident=case, name="a.pdf", content=b"x" * (MAX_BYTES + 1))


def test_the_moves_to_the_end_name_the_present_state(act, case, second_lead) -> None:
    with pytest.raises(Conflict, match="is open, and must be reported_final"):
        act(incidents.move_incident, "close", incident=case, reason="Done.")
    with pytest.raises(Conflict, match="you saw it closed"):
        act(incidents.move_incident, "find_not_serious", incident=case, reason="No.", expected_state="closed")
    with pytest.raises(Invalid):
        act(incidents.move_incident, "find_not_serious", incident=case, reason=" ")
    with pytest.raises(Hidden):
        act(incidents.move_incident, "report_final", incident=case, reason="No.")
    with pytest.raises(Forbidden):
        incidents.move_incident(
            "find_not_serious", actor=second_lead.actor, incident=case, reason="No.", now=timezone.now()
        )
    ended = act(incidents.move_incident, "find_not_serious", incident=case, reason="A typing error.")
    assert ended.state == "not_serious"
    with pytest.raises(Conflict, match="reopen it first"):
        act(incidents.link_incident, incident=case, what="dispute", value="1")
