"""From draft to retired: each act changes the state, adds one entry, and is refused to whom it must be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

import registry.approving.services as approving
import registry.releasing.services as releasing
import registry.services as registry
from audit.models import Entry
from audit.queries import facts_of, text_of
from portal.accounts.access import Scope, actor_for_process, actor_for_service
from portal.errors import Conflict, Forbidden, Hidden, Invalid
from registry import queries, store
from registry.checking import queries as checklist
from registry.models import Approval, Evidence, Release, System, Version
from registry.releasing.readiness import rollback_of
from tests import factories
from tests.factories import approved, person, released, submitted, version

CI = actor_for_service("ci", frozenset({Scope.REGISTER, Scope.RELEASE}))


@contextmanager
def one_entry(event: str, *, actor: str = ""):
    """Inside, exactly one entry is added to the trail, of this name."""
    before = set(Entry.objects.values_list("id", flat=True))
    yield
    [made] = Entry.objects.exclude(id__in=before)
    assert made.type == event and made.actor == (actor or made.actor)


@contextmanager
def refused(error: type[Exception], match: str | None = None):
    """Inside, the act is refused, and nothing is added to the trail."""
    before = Entry.objects.count()
    with pytest.raises(error, match=match), transaction.atomic():
        yield
    assert Entry.objects.count() == before


def act(service: Callable, actor, found: Version, reason: str = "Because.") -> Version:
    takes_now = service not in (approving.reinstate_version, approving.retire_version)
    return service(actor=actor, version=found, reason=reason, **({"now": timezone.now()} if takes_now else {}))


def roll_back(username: str = "lead", **changes):
    arguments = {"reason": "It denies too many.", "expected_release": None, "now": timezone.now(), **changes}
    return releasing.roll_back(actor=person(username).actor, system=System.objects.get(), **arguments)


class TestSystems:
    def test_a_system_is_made_once(self, lead) -> None:
        with one_entry("system.created", actor="user:lead"):
            made = factories.make_system(lead.actor, "loans")
        assert made.created_by == "user:lead"
        with refused(Conflict, "A system called loans exists"):
            factories.make_system(lead.actor, "loans")

    def test_a_high_risk_system_names_its_point(self, lead) -> None:
        facts = {"slug": "x", "name": "X", "purpose": "p", "owner": "o", "now": timezone.now()}
        with refused(Invalid, "Annex III"):
            registry.create_system(actor=lead.actor, risk_class="high", annex_iii_point=None, **facts)
        with one_entry("system.created"):
            registry.create_system(actor=lead.actor, risk_class="minimal", annex_iii_point=None, **facts)

    def test_others_make_none(self, compliance) -> None:
        with refused(Forbidden, "system:create"):
            factories.make_system(compliance.actor, "loans")


class TestRegistering:
    def test_the_seeded_versions_came_in_whole(self, lead, settings) -> None:
        first = version(1)
        assert (first.state, first.artifact_format, first.registered_by) == ("draft", "skops", "user:lead")
        assert version(2).artifact_format == "xgboost"
        trained = factories.trained_logistic()
        assert store.read(settings.ARTIFACT_DIR, first.artifact_sha256) == trained.artifact
        assert store.read(settings.ARTIFACT_DIR, first.background_sha256) == trained.background
        assert first.manifest.encode() == trained.manifest
        verdicts = {gate.kind: gate.verdict for gate in checklist.gates_of(first)}
        assert verdicts["artifact"] == verdicts["schema"] == verdicts["background"] == "passed"
        assert verdicts["training_data"] == "claimed" and verdicts["image"] == "missing"
        entry = Entry.objects.get(type="version.registered", version=1)
        assert facts_of(entry)["details"]["artifact_sha256"] == first.artifact_sha256

    def test_others_register_none(self, compliance) -> None:
        upload = factories.upload_of(factories.trained_logistic())
        with refused(Forbidden):
            registry.register_version(
                actor=compliance.actor, system=System.objects.get(), upload=upload, now=timezone.now()
            )

    def test_evidence_from_outside_is_a_claim(self, lead) -> None:
        facts = {"version": version(1), "kind": "fairness", "summary": "s", "now": timezone.now()}
        with one_entry("evidence.attached", actor="service:ci"):
            made = registry.attach_evidence(actor=CI, verdict="claimed", payload={"a": 1}, **facts)
        assert (made.recorded_by, made.payload) == ("service:ci", {"a": 1})
        assert [gate.verdict for gate in checklist.gates_of(version(1)) if gate.kind == "fairness"] == ["claimed"]
        for verdict in ("passed", "waived", "missing", "so so"):
            with refused(Invalid):
                registry.attach_evidence(actor=CI, verdict=verdict, **facts)


class TestApproving:
    def test_submit_then_approve_by_somebody_else(self, lead, compliance) -> None:
        with one_entry("version.submitted", actor="user:lead"):
            waiting = submitted(1)
        assert (waiting.state, waiting.submitted_by) == ("submitted", "user:lead")
        assert list(queries.versions_awaiting_approval(compliance.actor)) == [waiting]
        assert list(queries.versions_awaiting_approval(lead.actor)) == []
        factories.cleared(waiting)
        with one_entry("version.approved", actor="user:compliance"):
            done = act(approving.approve_version, compliance.actor, waiting, "The gates hold.")
        signed = Approval.objects.get()
        assert done.state == version(1).state == "approved"
        assert (signed.decided_by, signed.requested_by) == ("user:compliance", "user:lead")
        assert signed.artifact_sha256 == done.artifact_sha256
        assert signed.evidence_sha256 == queries.evidence_digest(done)
        entry = Entry.objects.get(type="version.approved")
        assert facts_of(entry)["details"]["evidence_sha256"] == signed.evidence_sha256
        assert text_of(entry.id) == "The gates hold."

    def test_what_is_signed_moves_with_the_evidence(self, lead) -> None:
        before = queries.evidence_digest(version(1))
        registry.attach_evidence(
            actor=CI, version=version(1), kind="image", verdict="claimed", summary="s", now=timezone.now()
        )
        assert queries.evidence_digest(version(1)) != before

    def test_reject_is_the_end(self, compliance) -> None:
        waiting = submitted(1)
        with one_entry("version.rejected", actor="user:compliance"):
            done = act(approving.reject_version, compliance.actor, waiting)
        assert done.state == "rejected" and Approval.objects.get().verdict == "rejected"
        with refused(Conflict, "version 1 is rejected"):
            act(approving.submit_version, person("lead").actor, done)

    @pytest.mark.parametrize("service", [approving.approve_version, approving.reject_version])
    def test_four_eyes(self, lead, service: Callable) -> None:
        waiting = submitted(1)
        with refused(Forbidden, "somebody else must"):
            act(service, lead.actor, waiting)
        assert version(1).state == "submitted" and not Approval.objects.exists()

    def test_four_eyes_in_the_database(self, lead) -> None:
        facts = {"verdict": "approved", "reason": "r", "artifact_sha256": "", "evidence_sha256": ""}
        with pytest.raises(IntegrityError, match="approval_four_eyes"), transaction.atomic():
            Approval.objects.create(
                version=version(1), decided_by="user:lead", requested_by="user:lead", decided_at=timezone.now(), **facts
            )

    def test_a_process_approves_nothing_however_much_it_may(self, lead) -> None:
        waiting = submitted(1)
        with refused(Forbidden, "Only a person may approve"):
            act(approving.approve_version, actor_for_process("sweep"), waiting)
        with refused(Forbidden, "version:approve"):
            act(approving.approve_version, CI, waiting)

    @pytest.mark.parametrize("username", ["support", "auditor", "outsider"])
    def test_others_approve_nothing(self, db, username: str) -> None:
        waiting = submitted(1)
        with refused(Forbidden):
            act(approving.approve_version, person(username).actor, waiting)

    @pytest.mark.parametrize("name", ["submit", "approve", "reject", "reinstate", "retire"])
    def test_a_move_by_name_is_the_same_service(self, lead, second_lead, compliance, name: str) -> None:
        start = {"submit": lambda: version(1), "reject": lambda: submitted(1)}
        start["approve"] = lambda: factories.cleared(submitted(1))
        found = start.get(name, lambda: approved(1))()
        mover = compliance if name == "approve" else second_lead
        asked = {"actor": mover.actor, "version": found, "reason": "r", "now": timezone.now()}
        if name == "reinstate":
            with refused(Conflict, "version 1 is approved, and must be quarantined"):
                approving.move_version(name, **asked)
            return
        moved = approving.move_version(name, **asked)
        assert moved.state in {"submitted", "approved", "rejected", "retired"}

    @pytest.mark.parametrize("name", ["go_live", "quarantine", "nonsense"])
    def test_a_releases_moves_cannot_be_asked_for(self, lead, name: str) -> None:
        with refused(Hidden):
            approving.move_version(name, actor=lead.actor, version=version(1), reason="r", now=timezone.now())


class TestReleasing:
    def test_a_release_is_the_production_pointer(self, lead) -> None:
        approved(1)
        with one_entry("release.created", actor="user:lead"):
            first = released(1, expected_release=0)
        assert (first.number, first.strategy, first.is_rollback) == (1, "direct", False)
        assert queries.current_release(first.system) == first and version(1).state == "live"
        second = released(2, expected_release=1)
        assert queries.current_release(first.system) == second
        assert (version(1).state, version(2).state) == ("standby", "live")
        assert queries.release_at(first.system, first.released_at) == first
        entry = Entry.objects.get(type="release.created", release=2)
        assert facts_of(entry)["details"]["replaced_version"] == 1

    @pytest.mark.parametrize("prepare", [version, submitted])
    def test_what_nobody_approved_cannot_go_live(self, lead, prepare: Callable) -> None:
        target = prepare(1)
        with refused(Conflict, f"version 1 is {target.state}, and must be approved or standby"):
            releasing.create_release(
                actor=lead.actor,
                system=target.system,
                version=target,
                strategy="direct",
                reason="r",
                expected_release=None,
                now=timezone.now(),
            )
        assert not Release.objects.exists()

    def test_an_altered_or_missing_artifact_cannot_go_live(self, lead, artifact_dir) -> None:
        target = approved(1)
        file = store.path_of(artifact_dir, target.artifact_sha256)
        file.write_bytes(file.read_bytes() + b"altered")
        with refused(Conflict, "no longer hashes to its name"):
            released(1)
        file.unlink()
        with refused(Conflict, "is missing from the store"):
            released(1)
        assert version(1).state == "approved"

    @pytest.mark.parametrize("expected", [0, 2])
    def test_somebody_released_in_between(self, lead, expected: int) -> None:
        released(1)
        approved(2)
        with refused(Conflict, f"release 1 is in force, not {expected}") as _:
            released(2, expected_release=expected)
        assert version(1).state == "live"

    def test_only_strategies_that_are_served(self, lead) -> None:
        target = approved(1)
        for strategy in ("canary", "shadow", "hope"):
            with refused(Invalid, "not served"):
                releasing.create_release(
                    actor=lead.actor,
                    system=target.system,
                    version=target,
                    strategy=strategy,
                    reason="r",
                    expected_release=None,
                    now=timezone.now(),
                )

    def test_another_systems_version_is_refused(self, lead) -> None:
        target = approved(1)
        loans = factories.make_system(lead.actor, "loans")
        with refused(Invalid, "another system"):
            releasing.create_release(
                actor=lead.actor,
                system=loans,
                version=target,
                strategy="direct",
                reason="r",
                expected_release=None,
                now=timezone.now(),
            )

    def test_others_release_nothing(self, compliance) -> None:
        target = approved(1)
        with refused(Forbidden, "release:create"):
            releasing.create_release(
                actor=compliance.actor,
                system=target.system,
                version=target,
                strategy="direct",
                reason="r",
                expected_release=None,
                now=timezone.now(),
            )

    def test_the_live_version_cannot_be_released_again_or_retired(self, lead) -> None:
        released(1)
        with refused(Conflict, "version 1 is live"):
            released(1)
        with refused(Conflict, "version 1 is live"):
            act(approving.retire_version, lead.actor, version(1))

    def test_the_database_keeps_one_live_version_and_one_release_of_a_number(self, lead) -> None:
        first = released(1)
        approved(2)
        with pytest.raises(IntegrityError, match="version_one_live_per_system"), transaction.atomic():
            Version.objects.filter(number=2).update(state="live")
        with pytest.raises(IntegrityError, match="release_number_unique"), transaction.atomic():
            Release.objects.create(
                system=first.system, number=1, version=version(2), released_by="user:x", released_at=timezone.now()
            )
        for changes, broken in (({"state": "odd"}, "version_state_known"), ({"submitted_by": None}, "by_someone")):
            with pytest.raises(IntegrityError, match=broken), transaction.atomic():
                Version.objects.filter(number=2).update(**changes)


class TestRollingBack:
    def test_production_returns_and_the_replaced_version_is_quarantined(self, second_lead) -> None:
        released(1)
        released(2)
        armed = rollback_of(System.objects.get())
        assert armed.is_possible and armed.target == version(1)
        with one_entry("release.rolled_back", actor="user:lead"):
            made, replaced = roll_back(expected_release=2)
        assert (made.number, made.version, made.is_rollback, replaced) == (3, version(1), True, version(2))
        assert (version(1).state, version(2).state) == ("live", "quarantined")
        assert text_of(Entry.objects.get(type="release.rolled_back").id) == "It denies too many."
        with refused(Conflict, "version 2 is quarantined"):
            released(2)
        with refused(Conflict, "No earlier version stands by"):
            roll_back()
        with one_entry("version.reinstated", actor="user:second_lead"):
            act(approving.reinstate_version, second_lead.actor, version(2))
        assert version(2).state == "approved"
        assert released(2).number == 4

    def test_a_quarantined_version_may_be_retired(self, lead) -> None:
        released(1)
        released(2)
        roll_back()
        with one_entry("version.retired"):
            act(approving.retire_version, lead.actor, version(2))
        assert version(2).state == "retired"

    def test_a_service_may_roll_back_but_not_reinstate(self, lead) -> None:
        released(1)
        released(2)
        releasing.roll_back(
            actor=CI, system=System.objects.get(), reason="Alarm.", expected_release=2, now=timezone.now()
        )
        with refused(Forbidden):
            act(approving.reinstate_version, CI, version(2))

    def test_there_is_nothing_to_return_to(self, lead) -> None:
        with refused(Conflict, "Nothing is live"):
            roll_back()
        assert rollback_of(System.objects.get()).problems[0].startswith("Nothing is live")
        released(1)
        with refused(Conflict, "No earlier version stands by"):
            roll_back()
        assert not rollback_of(System.objects.get()).armed

    def test_a_retired_version_is_no_target(self, lead) -> None:
        released(1)
        released(2)
        act(approving.retire_version, lead.actor, version(1))
        with refused(Conflict, "No earlier version stands by"):
            roll_back()

    def test_the_button_knows_before_the_incident_that_the_target_is_unusable(self, lead, artifact_dir) -> None:
        released(1)
        released(2)
        store.path_of(artifact_dir, version(1).artifact_sha256).write_bytes(b"altered")
        armed = rollback_of(System.objects.get())
        assert not armed.armed and "version 1 cannot be used" in armed.problems[0]
        with refused(Conflict, "no longer hashes"):
            roll_back()
        assert (version(1).state, version(2).state) == ("standby", "live")

    def test_others_roll_nothing_back(self, support) -> None:
        released(1)
        released(2)
        for username in ("support", "compliance", "auditor", "outsider"):
            with refused(Forbidden, "release:roll_back"):
                roll_back(username)
        with refused(Conflict, "release 2 is in force, not 1"):
            roll_back(expected_release=1)


def test_evidence_is_only_ever_added(lead) -> None:
    before = Evidence.objects.filter(version=version(1)).count()
    for verdict in ("failed", "claimed"):
        registry.attach_evidence(
            actor=CI, version=version(1), kind="image", verdict=verdict, summary=verdict, now=timezone.now()
        )
    [gate] = [gate for gate in checklist.gates_of(version(1)) if gate.kind == "image"]
    assert gate.verdict == "claimed" and [item.summary for item in gate.evidence] == ["claimed", "failed"]
    assert Evidence.objects.filter(version=version(1)).count() == before + 2
