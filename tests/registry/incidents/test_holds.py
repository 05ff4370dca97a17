"""What a case holds, by the services and by the database: the versions that it is about, and the system's record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

import audit.erasure.queries as erasing
import audit.erasure.services as erasure
import registry.approving.services as approving
import registry.checking.services as checking
import registry.incidents.services as incidents
import registry.releasing.services as releasing
import registry.services as registry
from audit.models import Hold
from portal.errors import Conflict, Forbidden
from registry import queries
from registry.checking.findings import Finding, Verdict
from registry.incidents.queries import standing_of, timeline_of
from registry.models import Evidence, IncidentHold
from tests import factories

from .conftest import open_case

WHY = {"reason": "Because."}


def lead(**facts: Any) -> dict[str, Any]:
    return {"actor": factories.person("lead").actor, **facts}


def refused_as_held(work: Callable[[], Any], number: int) -> None:
    with pytest.raises(Conflict) as refused:
        work()
    assert refused.value.code == "held" and f"incident {number}" in refused.value.message


def test_nothing_about_a_held_version_changes(case, compliance) -> None:
    case = open_case(versions=(2,))
    version, now = factories.version(2), {"now": timezone.now()}
    officer = {"actor": compliance.actor, "version": version}
    seen = {"version": version, "kind": "scan", "verdict": "claimed", "summary": "s"}
    for work in (
        lambda: approving.retire_version(**lead(version=version), **WHY),
        lambda: approving.withdraw_approval(**officer, **WHY, **now),
        lambda: registry.attach_evidence(**lead(**seen), **now),
        lambda: checking.request_checks(**lead(version=version), **now),
        lambda: checking.waive_gate(**officer, gate="image", **WHY, **now),
        lambda: factories.released(2),
    ):
        refused_as_held(work, case.number)
    assert factories.version(2).state == "approved"


def test_a_run_under_way_is_given_up_and_leaves_nothing(lead) -> None:
    version = factories.version(2)
    run = version.check_runs.first() or registry.queue_checks(
        actor=lead.actor, version=version, now=timezone.now()
    )
    case = open_case(versions=(2,))
    before = Evidence.objects.filter(version=version).count()
    finding = Finding("performance", Verdict.PASSED, "It holds.")
    asked = {"actor": lead.actor, "run": run, "findings": [finding], "now": timezone.now()}
    assert checking.record_findings(**asked)
    run.refresh_from_db()
    assert run.state == "failed" and f"incident {case.number}" in run.error
    assert Evidence.objects.filter(version=version).count() == before


def test_leaving_production_stays_possible_and_stands_in_the_timeline(case, compliance) -> None:
    factories.released(2)
    assert factories.version(1).state == "standby"
    # Back to the held one it does not go.
    system = case.system
    with pytest.raises(Conflict, match="is held because of incident"):
        releasing.roll_back(**lead(system=system, expected_release=None, now=timezone.now()), **WHY)
    told = [moment.what for moment in timeline_of(case, standing_of(case, timezone.now()).assessment.aware_at)]
    assert "Release 2: version 2 went live, in place of version 1" in told


def test_a_held_live_version_is_rolled_back_and_quarantined(lead) -> None:
    factories.released(1)
    factories.released(2)
    case = open_case(versions=(2,))
    made, replaced = releasing.roll_back(
        actor=lead.actor, system=case.system, expected_release=2, now=timezone.now(), **WHY
    )
    assert made.is_rollback and replaced.state == "quarantined"
    told = timeline_of(case, standing_of(case, timezone.now()).assessment.aware_at)
    assert ("Rollback 3: version 1 went live, in place of version 2", "Because.") in [
        (moment.what, moment.words) for moment in told
    ]
    refused_as_held(
        lambda: approving.reinstate_version(
            actor=factories.person("compliance").actor, version=factories.version(2), **WHY
        ),
        case.number,
    )


def test_an_erasure_is_told_which_incident_stands_against_it(case, compliance, support) -> None:
    factories.decided(1)
    asked = {"system": "mortgage", "subject": "applicant-17", "now": timezone.now(), **WHY}
    request = erasure.request_erasure(actor=support.actor, **asked)
    with pytest.raises(Conflict, match=f"because of incident {case.number}"):
        erasure.confirm_erasure(
            actor=compliance.actor, erasure=request, override="Now.", now=timezone.now(), **WHY
        )
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="legal hold"), transaction.atomic():
        cursor.execute("update audit_erasure set state = 'confirmed', decided_by = 'x', decided_at = now()")
        cursor.execute("select audit_erase(%s)", [request.id])


def test_the_records_hold_is_not_lifted_past_the_case(case, compliance) -> None:
    hold = Hold.objects.get(pk=case.holds.get().hold)
    assert erasing.holds_against("mortgage", b"")[0].pk == hold.pk
    with pytest.raises(Conflict, match=f"belongs to incident {case.number}"):
        erasure.lift_hold(actor=compliance.actor, hold=hold, now=timezone.now(), **WHY)
    assert Hold.objects.get(pk=hold.pk).lifted_at is None


def test_the_hold_outlasts_the_case_and_another_person_releases_it(act, case, compliance) -> None:
    with pytest.raises(Conflict, match="released once it is closed"):
        act(incidents.release_hold, incident=case, **WHY)
    act(incidents.move_incident, "find_not_serious", incident=case, **WHY)
    assert queries.held_by(factories.version(1)) == case
    act(incidents.release_hold, incident=case, **WHY)
    assert queries.held_by(factories.version(1)) is None
    assert Hold.objects.get().lifted_by == compliance.actor.label
    # Reopened, it holds again; and who began that hold does not end it.
    act(incidents.move_incident, "reopen", incident=case, **WHY)
    assert queries.held_by(factories.version(1)) == case
    act(incidents.move_incident, "find_not_serious", incident=case, **WHY)
    with pytest.raises(Forbidden, match="another person"):
        act(incidents.release_hold, incident=case, **WHY)
    assert IncidentHold.objects.filter(released_at=None).count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update registry_version set state = 'retired' where number = 2",
        "update registry_version set state = 'live' where number = 2",
        "insert into registry_evidence"
        " (version_id, kind, verdict, summary, source_url, payload, recorded_by, recorded_at)"
        " select id, 'k', 'passed', 's', '', '{}', 'x', now() from registry_version where number = 2",
        "update registry_incidenthold set released_at = now(), released_by = 'user:x'",
        "update audit_hold set lifted_at = now(), lifted_by = 'user:x'",
    ],
)
def test_the_database_refuses_it_too(case, statement: str) -> None:
    officer = factories.person("compliance").actor
    incidents.hold_version(actor=officer, incident=case, version=factories.version(2), now=timezone.now())
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="incident"), transaction.atomic():
        cursor.execute(statement)
