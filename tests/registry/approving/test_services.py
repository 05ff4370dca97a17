"""Approval: who signs, how many it takes, what stands in the way, and what no change of rules can do."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

import registry.approving.services as approving
import registry.checking.services as checking
import registry.services as registry
from audit.models import Entry
from audit.queries import facts_of
from portal.accounts.access import Role, Scope, actor_for_process, actor_for_service
from portal.accounts.services import create_person
from portal.errors import Conflict, Forbidden, Hidden, Invalid
from registry.approving.queries import progress_of
from registry.checking.findings import Finding, Verdict
from registry.models import Approval, Approver, System
from tests import factories
from tests.factories import person, submitted, version

WHY = "Because."


def act(service, who: str, **more):
    return service(actor=person(who).actor, version=version(1), reason=WHY, now=timezone.now(), **more)


def refused(error, match: str):
    return pytest.raises(error, match=match)


def rule(**needed: int) -> None:
    system = System.objects.get()
    approving.set_approval_rule(
        actor=person("compliance").actor, system=system, needed=needed, reason=WHY, now=timezone.now()
    )


def name(username: str) -> None:
    approving.name_approver(
        actor=person("compliance").actor, system=System.objects.get(), username=username, now=timezone.now()
    )


def remove(username: str) -> None:
    approving.remove_approver(
        actor=person("compliance").actor, system=System.objects.get(), username=username, now=timezone.now()
    )


@pytest.fixture
def waiting(db):
    return factories.cleared(submitted(1))


class TestHowManyItTakes:
    def test_a_high_risk_system_takes_a_compliance_officer(self, waiting) -> None:
        signed = act(approving.approve_version, "second_lead")
        assert signed.state == "submitted" and progress_of(signed).missing == {"compliance": 1}
        assert Entry.objects.filter(type="version.signed").count() == 1
        with refused(Forbidden, "somebody else's signature is missing"):
            act(approving.approve_version, "second_lead")
        assert act(approving.approve_version, "compliance").state == "approved"
        assert Approval.objects.filter(verdict="approved").count() == 2
        assert [row.roles for row in Approval.objects.order_by("id")] == [["ml_lead"], ["compliance"]]

    def test_another_system_takes_one_second_person(self, lead) -> None:
        System.objects.update(risk_class="minimal")
        factories.cleared(submitted(1))
        assert act(approving.approve_version, "second_lead").state == "approved"

    def test_whoever_registered_it_does_not_approve_it_either(self, db) -> None:
        factories.cleared(submitted(1, by="second_lead"))
        with refused(Forbidden, "You registered this version"):
            act(approving.approve_version, "lead")

    def test_the_requesters_note_is_kept_for_the_approver(self, waiting) -> None:
        assert progress_of(waiting).submission.note == "Ready for a second look."


class TestGates:
    def test_a_gate_that_fails_stands_in_the_way_and_is_named(self, lead) -> None:
        submitted(1)
        with refused(Conflict, "Required gates stand in the way") as caught:
            act(approving.approve_version, "compliance")
        assert caught.value.code == "gates_unsatisfied"
        assert "gates.latency" in [problem.path for problem in caught.value.details]
        assert not Approval.objects.exists()

    def test_evidence_that_comes_after_a_waiver_ends_it(self, waiting) -> None:
        registry.attach_evidence(
            actor=actor_for_service("ci", frozenset({Scope.REGISTER})),
            version=waiting,
            kind="latency",
            verdict="failed",
            summary="The sender says that it is slow.",
            now=timezone.now(),
        )
        # What somebody says does not end a waiver; only what we find out does.
        assert act(approving.approve_version, "compliance").state == "approved"


class TestNoWayRound:
    def test_removing_an_approver_approves_nothing(self, waiting) -> None:
        name("compliance")
        name("second_lead")
        rule(compliance=1, ml_lead=1)
        act(approving.approve_version, "second_lead")
        remove("compliance")
        assert version(1).state == "submitted" and progress_of(version(1)).missing == {"compliance": 1}
        with refused(Forbidden, "Only the approvers named"):
            act(approving.approve_version, "compliance")
        remove("second_lead")
        assert version(1).state == "submitted" and not progress_of(version(1)).is_complete

    def test_a_loosened_rule_does_not_let_through_what_was_submitted_before(self, db) -> None:
        rule(compliance=1, ml_lead=1)
        factories.cleared(submitted(1))
        rule(compliance=1)
        assert act(approving.approve_version, "compliance").state == "submitted"
        assert progress_of(version(1)).missing == {"ml_lead": 1}

    def test_a_tightened_rule_holds_for_what_waits(self, waiting) -> None:
        rule(compliance=1, ml_lead=1)
        assert act(approving.approve_version, "compliance").state == "submitted"
        assert act(approving.approve_version, "second_lead").state == "approved"

    def test_a_signature_for_another_artifact_does_not_count(self, waiting) -> None:
        act(approving.approve_version, "second_lead")
        submission = progress_of(waiting).submission
        facts = {"decided_by": "user:compliance", "requested_by": "user:lead", "roles": ["compliance"], "reason": WHY}
        Approval.objects.create(
            version=waiting,
            submission=submission,
            verdict="approved",
            artifact_sha256="0" * 64,
            evidence_sha256="",
            decided_at=timezone.now(),
            **facts,
        )
        assert progress_of(waiting).missing == {"compliance": 1}

    @pytest.mark.parametrize(
        "needed,path",
        [
            ({"ml_lead": 1}, "needed.compliance"),
            ({}, "needed"),
            ({"compliance": 6}, "needed"),
            ({"compliance": 1, "king": 1}, "needed.king"),
            ({"compliance": 2, "ml_lead": -1}, "needed.ml_lead"),
        ],
    )
    def test_a_rule_that_would_let_everything_through_is_refused(self, db, needed, path: str) -> None:
        with refused(Invalid, "cannot be set") as caught:
            rule(**needed)
        assert path in [problem.path for problem in caught.value.details]


class TestTakingItBack:
    def test_every_signature_falls_and_it_waits_again(self, waiting) -> None:
        act(approving.approve_version, "second_lead")
        act(approving.approve_version, "compliance")
        with refused(Forbidden, "somebody else must withdraw"):
            act(approving.withdraw_approval, "lead")
        back = act(approving.withdraw_approval, "compliance")
        assert back.state == "submitted" and progress_of(back).signatures == []
        with refused(Forbidden, "Nobody has signed it yet"):
            act(approving.withdraw_approval, "compliance")
        assert act(approving.approve_version, "compliance").state == "approved"

    def test_not_after_the_release(self, db) -> None:
        factories.released(1)
        with refused(Conflict, "version 1 is live"):
            act(approving.withdraw_approval, "compliance")


class TestNaming:
    def test_who_cannot_approve_cannot_be_named(self, db) -> None:
        for username in ("support", "nobody"):
            with refused(Invalid, "cannot approve"):
                name(username)
        name("second_lead")
        with refused(Conflict, "named already"), transaction.atomic():
            name("second_lead")
        remove("second_lead")
        name("second_lead")
        assert Approver.objects.count() == 2

    def test_only_compliance_names(self, lead) -> None:
        with refused(Forbidden, "approver:manage"):
            approving.name_approver(
                actor=lead.actor, system=System.objects.get(), username="second_lead", now=timezone.now()
            )
        with refused(Hidden, "nothing here"):
            remove("second_lead")

    def test_a_new_officer_is_only_as_good_as_their_role(self, waiting) -> None:
        create_person(username="guest", name="Guest", password="x", roles=[Role.AUDITOR])
        with refused(Forbidden, "version:approve"):
            act(approving.approve_version, "guest")


def test_a_waiver_is_refused_to_whoever_built_it_and_where_it_cannot_be(waiting) -> None:
    def waive(who: str, gate: str) -> None:
        checking.waive_gate(
            actor=person(who).actor, version=version(1), gate=gate, reason=WHY, now=timezone.now()
        )

    with refused(Forbidden, "gate:waive"):
        waive("second_lead", "image")
    with refused(Conflict, "cannot be waived"):
        waive("compliance", "artifact")
    with refused(Hidden, "nothing here"):
        waive("compliance", "luck")
    waive("compliance", "image")
    with refused(Conflict, "there is nothing to waive"):
        waive("compliance", "image")
    entry = Entry.objects.filter(type="gate.waived", object="image").get()
    assert facts_of(entry)["details"]["was"] == "missing"


def test_what_failed_since_the_approval_does_not_go_live(waiting) -> None:
    act(approving.approve_version, "compliance")
    run = checking.request_checks(actor=person("lead").actor, version=version(1), now=timezone.now())
    failed = Finding("latency", Verdict.FAILED, "99th percentile 900 ms, at most 200 ms is allowed")
    checking.record_findings(actor=actor_for_process("checks"), run=run, findings=[failed], now=timezone.now())
    with refused(Conflict, "since its approval it failed “Latency of the artifact”"), transaction.atomic():
        factories.released(1)
    checking.waive_gate(
        actor=person("compliance").actor, version=version(1), gate="latency", reason=WHY, now=timezone.now()
    )
    assert factories.released(1).number == 1
