"""A case is taken in, looked after and ended: each step once, each refusal in words, each word sealed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from audit.models import Entry
from audit.queries import text_of
from explain.disputes import queries, services
from explain.models import CaseStep, Dispute
from explain.moves import move
from explain.sealing import Damaged
from portal.accounts.access import Role
from portal.errors import Conflict, Forbidden, Invalid, TooLarge
from portal.times import months_before
from tests import factories

from .conftest import PDF, act, actor, another, in_days, newest, opened


def acts() -> list[str]:
    """What happened in the room, the oldest first."""
    return list(Entry.objects.filter(type__startswith="dispute").order_by("id").values_list("type", flat=True))


def answered(dispute: Dispute) -> Dispute:
    """The case as the letter leaves it."""
    Dispute.objects.filter(pk=dispute.pk).update(state="answered")
    dispute.refresh_from_db()
    return dispute


class TestOpening:
    def test_the_claim_is_sealed_and_read_again(self, support) -> None:
        dispute = opened(claim="  I pay on time: ünmistakable. ")
        assert queries.claim_of(dispute) == "I pay on time: ünmistakable."
        assert dispute.claim == "" and b"nmistakable" not in bytes(dispute.sealed_claim)
        assert newest() == (
            "dispute.opened",
            {"dispute": dispute.number, "channel": "phone", "identity": "not checked"},
        )

    def test_the_policy_of_the_system_sets_the_clock(self, support, compliance) -> None:
        facts = {"system": "mortgage", "policy": {"days": 14}, "reason": "Quicker.", "now": timezone.now()}
        services.set_policy(actor=actor("compliance"), **facts)
        received = in_days(-3)
        assert opened(received_at=received).due_at == received + timedelta(days=14)

    def test_a_late_entry_is_late_at_once(self, support) -> None:
        dispute = opened(received_at=in_days(-40))
        assert dispute.due_at < timezone.now() and dispute.is_open

    def test_who_checked_the_person_is_kept(self, support) -> None:
        dispute = opened(identity="called back")
        assert (dispute.identity, dispute.identity_by) == ("called back", "user:support")
        with pytest.raises(Conflict, match="already"):
            act(services.check_identity, dispute, how="signed in")
        with pytest.raises(Invalid):
            opened(identity="looked honest")

    def test_it_can_be_checked_later_and_by_somebody_else(self, support, compliance) -> None:
        dispute = opened()
        act(services.check_identity, dispute, by="compliance", how="identity document")
        assert (dispute.identity_by, newest()[1]["how"]) == ("user:compliance", "identity document")
        with pytest.raises(Invalid):
            act(services.check_identity, opened(), how="by smell")

    def test_a_request_that_was_refused_can_be_contested(self, support) -> None:
        assert queries.claim_of(opened(factories.refused())) == "I pay on time."

    def test_a_token_opens_but_does_not_look_after(self, api, lead) -> None:
        from portal.accounts.access import Permission, Scope, actor_for_service

        service = actor_for_service("crm", frozenset({Scope.DISPUTE}))
        now = timezone.now()
        facts = {"channel": "portal", "claim": "c", "received_at": now, "now": now}
        dispute = services.open_dispute(actor=service, decision=factories.decided(), **facts)
        assert dispute.opened_by == "service:crm" and service.may(Permission.DISPUTE_LIST)
        with pytest.raises(Forbidden):
            services.add_note(actor=service, dispute=dispute, words="w", now=now)


class TestLookingAfter:
    def test_a_case_is_taken_given_away_and_given_back(self, support, compliance) -> None:
        dispute = opened()
        act(services.assign_dispute, dispute, username="support", expected_owner="")
        assert dispute.owner == "user:support" and newest()[1]["owner"] == "support"
        with pytest.raises(Conflict, match="support's by now") as caught:
            act(services.assign_dispute, dispute, by="compliance", username="compliance", expected_owner="")
        assert caught.value.code == "owner_changed"
        act(services.assign_dispute, dispute, by="compliance", username="compliance", expected_owner="support")
        act(services.assign_dispute, dispute, username="")
        assert dispute.owner is None

    @pytest.mark.parametrize("username", ["lead", "auditor", "nobody-known"])
    def test_it_is_given_to_nobody_who_cannot_handle_it(self, support, lead, username: str) -> None:
        with pytest.raises(Invalid, match="cannot be given"):
            act(services.assign_dispute, opened(), username=username)

    def test_notes_are_added_sealed_and_stay(self, support) -> None:
        dispute = opened()
        act(services.add_note, dispute, words="Called at noon; Mrs Unmistakable was calm.")
        event, details = newest()
        assert event == "dispute.note_added" and len(details["words_sha256"]) == 64
        note = queries.steps_of(dispute)[-1]
        assert note.words == "Called at noon; Mrs Unmistakable was calm." and note.step.done_by == "user:support"
        assert text_of(note.step.entry_id) == "" and b"Unmistakable" not in bytes(note.step.sealed)
        with pytest.raises(Invalid):
            act(services.add_note, dispute, words=" \n")
        for statement in ("update explain_casestep set sealed = null", "delete from explain_casestep"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(statement)

    def test_words_open_at_their_place_alone(self, support) -> None:
        dispute = opened()
        act(services.add_note, dispute, words="First.")
        act(services.add_note, dispute, words="Second.")
        first, second = CaseStep.objects.filter(event="dispute.note_added")
        first.sealed = second.sealed
        with pytest.raises(Damaged):
            queries.Seal(dispute.decision_id).open(queries.step_place(first), first.sealed)
        with pytest.raises(Damaged):
            queries.Seal(dispute.decision_id).open("claim/1", bytes(40))

    def test_time_is_extended_once_and_by_two_months_at_most(self, support) -> None:
        dispute = opened()
        latest = months_before(dispute.due_at, -2)
        for wrong in (dispute.due_at, latest + timedelta(days=1)):
            with pytest.raises(Invalid, match="cannot be extended"):
                act(services.extend_dispute, dispute, due_at=wrong, reason="r")
        with pytest.raises(Invalid, match="reason"):
            act(services.extend_dispute, dispute, due_at=latest, reason=" ")
        act(services.extend_dispute, dispute, due_at=latest, reason="The archive has to be searched.")
        assert dispute.due_at == latest and newest()[1]["to"] == latest.date().isoformat()
        assert queries.steps_of(dispute)[-1].reason == "The archive has to be searched."
        with pytest.raises(Conflict, match="once"):
            act(services.extend_dispute, dispute, due_at=latest, reason="r")

    def test_a_late_or_closed_case_is_not_extended(self, support) -> None:
        late = opened(received_at=in_days(-31))
        with pytest.raises(Conflict, match="late already"):
            act(services.extend_dispute, late, due_at=in_days(10), reason="r")
        done = answered(opened())
        with pytest.raises(Conflict, match="The dispute is answered"):
            act(services.extend_dispute, done, due_at=in_days(40), reason="r")


class TestFiles:
    def test_a_file_is_sealed_and_comes_back(self, support) -> None:
        dispute = opened()
        kept = act(services.attach_file, dispute, name="C:\\folder\\pay\u202eslip.exe", content=PDF)
        assert (kept.media_type, kept.size) == ("application/pdf", len(PDF)) and PDF not in bytes(kept.sealed)
        found = queries.file_for(actor(), dispute.number, kept.id)
        assert queries.content_of(found) == ("payslip.exe.pdf", PDF)
        assert [item["name"] for item in queries.files_of(dispute)] == ["payslip.exe.pdf"]
        assert newest()[1] | {"dispute": 0} == {
            **{"dispute": 0, "file": str(kept.id), "media_type": "application/pdf"},
            **{"bytes": len(PDF), "sha256": kept.sealed_sha256},
        }
        services.record_download(actor=actor(), attachment=found)
        assert newest() == ("dispute.file_read", {"dispute": dispute.number, "file": str(kept.id)})

    @pytest.mark.parametrize(
        "content",
        [b"", b"MZ\x90\x00", b"<html><script>1</script></html>", b"\x89PNG\r\n\x1a\nnone", b"%PDF-1.4", b"\xff"],
    )
    def test_other_kinds_are_refused_whatever_they_are_called(self, support, content: bytes) -> None:
        with pytest.raises(Invalid, match="is no PDF"):
            act(services.attach_file, opened(), name="letter.pdf", content=content)

    def test_too_large_and_too_many_are_refused(self, support, monkeypatch) -> None:
        dispute = opened()
        with pytest.raises(TooLarge):
            act(services.attach_file, dispute, name="a.txt", content=b"a" * (5 * 1024 * 1024 + 1))
        monkeypatch.setattr(services, "MOST_FILES", 1)
        act(services.attach_file, dispute, name="", content=b"plain words\n")
        assert queries.files_of(dispute)[0]["name"] == "file.txt"
        with pytest.raises(Conflict, match="at most 1"):
            act(services.attach_file, dispute, name="b.txt", content=b"b")


class TestEnding:
    def test_an_answered_case_is_closed(self, support) -> None:
        dispute = answered(opened())
        act(services.close_dispute, dispute, expected_state="answered")
        assert dispute.state == "closed" and dispute.closed_at and acts()[-1] == "dispute.closed"
        with pytest.raises(Conflict, match="Cannot close: the dispute is closed") as caught:
            act(services.close_dispute, dispute)
        assert caught.value.code == "wrong_state"

    def test_a_case_may_be_withdrawn_with_a_reason(self, support) -> None:
        dispute = opened()
        with pytest.raises(Invalid):
            act(services.withdraw_dispute, dispute, reason="")
        dispute.refresh_from_db()
        assert dispute.state == "received"
        act(services.withdraw_dispute, dispute, reason="Opened about the wrong decision.")
        assert dispute.state == "closed" and acts()[-1] == "dispute.withdrawn"

    def test_who_saw_another_state_does_not_move_it(self, support) -> None:
        dispute = answered(opened())
        with pytest.raises(Conflict, match="is answered, and you saw it closed"):
            act(services.reopen_dispute, dispute, reason="r", expected_state="closed")

    def test_a_reopened_case_has_a_new_clock_and_wants_a_reviewer(self, support, compliance) -> None:
        dispute = answered(opened(received_at=in_days(-40)))
        Dispute.objects.update(reviewer="user:compliance", is_blind=True)
        act(services.reopen_dispute, dispute, reason="New payslips.", expected_state="answered")
        assert (dispute.state, dispute.round, dispute.reviewer, dispute.is_blind) == ("in_review", 2, None, False)
        assert dispute.due_at > in_days(29)
        assert queries.steps_of(dispute)[-1].reason == "New payslips."

    @pytest.mark.parametrize("username", ["lead", "auditor", "outsider"])
    def test_others_end_nothing(self, db, username: str) -> None:
        with pytest.raises(Forbidden):
            act(services.withdraw_dispute, opened(), by=username, reason="r")


class TestPolicies:
    def test_what_is_left_out_stays(self, compliance) -> None:
        def set_to(**policy):
            return services.set_policy(
                actor=actor("compliance"), system="mortgage", policy=policy, reason="r", now=timezone.now()
            )

        set_to(blind_review=True, sender="The Bank")
        made = set_to(days=20)
        assert (made.days, made.blind_review, made.sender) == (20, True, "The Bank")
        assert newest()[0] == "dispute_policy.set" and newest()[1]["changed"] == "days"
        for wrong in ({"days": 0}, {"colour": "red"}):
            with pytest.raises(Invalid):
                set_to(**wrong)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute("update explain_disputepolicy set days = 1")

    def test_support_sets_none(self, support) -> None:
        with pytest.raises(Forbidden):
            services.set_policy(actor=actor(), system="mortgage", policy={}, reason="r", now=timezone.now())


class TestFourEyes:
    def test_the_one_who_took_it_in_is_barred(self, support) -> None:
        services.set_policy(
            actor=actor_of_compliance(), system="mortgage", policy={"by_support": True}, reason="r", now=timezone.now()
        )
        dispute = opened()
        with pytest.raises(Forbidden, match="You took this case in"):
            move(actor(), dispute, "review")
        move(another("susan", Role.SUPPORT), dispute, "review", reviewer="user:susan")
        assert dispute.state == "in_review"

    def test_support_has_no_authority_by_default(self, support) -> None:
        with pytest.raises(Forbidden, match="only compliance officers"):
            move(another("susan", Role.SUPPORT), opened(), "review")

    def test_the_database_keeps_them_apart_too(self, support) -> None:
        dispute = opened()
        with pytest.raises(IntegrityError, match="reviewed_by_another"), transaction.atomic():
            Dispute.objects.filter(pk=dispute.pk).update(reviewer="user:support")


def actor_of_compliance():
    return factories.person("compliance").actor
