"""Classifying: what is refused by words and by the database, and what follows for the system."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

import registry.classification.services as classifying
from audit.models import Entry
from portal.errors import Conflict, Forbidden, Invalid
from registry.classification.queries import classification_of, differences, newest_of, registration_of
from registry.models import Organisation, System, SystemClassification
from tests import factories
from tests.factories import ANSWERS, classified, described

EXIT = {"annex_iii_point": "8(a)", "exit_condition": "d", "exit_assessment": "It sorts the post.", "profiles": False}


def system() -> System:
    return System.objects.get(slug=factories.SYSTEM)


@pytest.mark.parametrize(
    "changes,path",
    [
        ({**EXIT, "profiles": True}, "exit_condition"),
        ({**EXIT, "annex_iii_point": None}, "exit_condition"),
        ({**EXIT, "exit_assessment": " "}, "exit_assessment"),
        ({**EXIT, "exit_condition": "e"}, "exit_condition"),
        ({"annex_iii_point": "5(e)"}, "annex_iii_point"),
        ({"role": "importer"}, "role"),
        ({"role": "deployer", "takeover": "a"}, "role"),
        ({"takeover": "z"}, "takeover"),
        ({"circumstances": ["nice"]}, "circumstances"),
        ({"practices": {**ANSWERS["practices"], "c": {"found": True, "note": ""}}}, "note_c"),
        ({"practices": {letter: ANSWERS["practices"][letter] for letter in "abcdefg"}}, "practice_h"),
        ({"redesigned_on": date(2026, 1, 1)}, "redesigned_on"),
    ],
)
def test_answers_that_do_not_fit_are_refused_where_they_stand(lead, changes, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        classified(**changes)
    assert path in [problem.path for problem in refused.value.details]
    assert newest_of(system()) is None


@pytest.mark.parametrize(
    "changes,constraint",
    [
        ({**EXIT, "profiles": True}, "profiling_bars_exit"),
        ({**EXIT, "exit_assessment": ""}, "exit_is_assessed"),
        ({**EXIT, "annex_iii_point": None}, "exit_known"),
        ({**EXIT, "risk_class": "high"}, "risk_follows"),
        ({"risk_class": "minimal"}, "risk_follows"),
        ({"annex_iii_point": "9"}, "point_known"),
        ({"role": "deployer", "takeover": "b"}, "takeover_makes_provider"),
        ({"practices": {"a": {}}}, "practices_answered"),
    ],
)
def test_the_database_refuses_as_well(lead, changes, constraint: str) -> None:
    risk_class = "minimal" if "exit_condition" in changes else "high"
    about = {"revision": 1, "reason": "r", "changed_by": "user:x", "changed_at": timezone.now()}
    facts = {**ANSWERS, "risk_class": risk_class, **changes, **about}
    with pytest.raises(IntegrityError, match=f"classification_{constraint}"), transaction.atomic():
        SystemClassification.objects.create(system=system(), **facts)


@pytest.mark.parametrize("table", ["systemclassification", "organisation", "registration"])
def test_what_was_said_stays(lead, table: str) -> None:
    for statement in (f"update registry_{table} set reason = ''", f"delete from registry_{table}"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_owner_is_held_back_too(committed: str, owner) -> None:
    import psycopg

    classified()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only added"):
        owner.execute("update registry_systemclassification set reason = ''")


def test_the_system_follows_and_never_contradicts(lead) -> None:
    with pytest.raises(Invalid) as refused:
        classified(annex_iii_point=None)
    assert refused.value.code == "risk_class_changes" and newest_of(system()) is None
    classified(annex_iii_point=None, accepted="minimal")
    assert (system().risk_class, system().annex_iii_point) == ("minimal", None)
    entry = Entry.objects.order_by("-id").first()
    assert entry.type == "system.classified" and entry.actor == "user:compliance"
    with pytest.raises(IntegrityError, match="classified otherwise"), transaction.atomic():
        System.objects.update(risk_class="limited")
    classified(expected_revision=1, accepted="high", annex_iii_point="4(a)")
    assert (system().risk_class, system().annex_iii_point) == ("high", "4(a)")
    newer, older = SystemClassification.objects.all()
    assert [asked for asked, _, _ in differences(older, newer)] == ["Risk class", "Annex III"]


def test_two_who_classify_at_once_do_not_both_win(lead, support) -> None:
    classified()
    with pytest.raises(Conflict, match="Revision 1 by compliance"):
        classified()
    with pytest.raises(Forbidden):
        classifying.classify_system(
            actor=support.actor, system=system(), answers=ANSWERS, expected_revision=1, reason="r", now=timezone.now()
        )


def test_the_organisation_tells_what_it_is(lead) -> None:
    classified()
    assert not classification_of(system()).is_financial_institution
    described()
    described(expected_revision=1, representative="Rep Ltd", size="smc")
    about = classification_of(system())
    assert (about.is_financial_institution, about.has_representative, about.size) == (True, True, "smc")
    assert Organisation.objects.count() == 2
    with pytest.raises(Conflict):
        described(expected_revision=1)


def test_registration_keeps_what_is_not_asked_again(compliance) -> None:
    asked = {"actor": compliance.actor, "system": system(), "reason": "r", "now": timezone.now()}
    classifying.describe_registration(facts={"trade_name": "Loan", "logic": "Adds up."}, expected_revision=0, **asked)
    classifying.describe_registration(facts={"trade_name": "Loans"}, expected_revision=1, **asked)
    kept = registration_of(system())
    assert (kept.revision, kept.trade_name, kept.logic) == (2, "Loans", "Adds up.")
    with pytest.raises(Conflict):
        classifying.describe_registration(facts={}, expected_revision=1, **asked)
