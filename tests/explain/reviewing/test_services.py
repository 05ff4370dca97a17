"""A person looks again: blind where the policy says so, with corrected inputs where they were wrong, and decides."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from audit.models import Entry
from audit.queries import facts_of, inputs_of
from explain import explaining
from explain.disputes import services as cases
from explain.disputes.queries import must_not_see_answer, steps_of
from explain.models import Correction, Dispute, Outcome, Ruling
from explain.queries import STALE_AFTER
from explain.reviewing import queries, services, tasks
from explain.reviewing.reasons import REASON_CODES, codes_for
from portal.accounts.access import Role
from portal.errors import Conflict, Forbidden, Invalid
from tests import factories
from tests.explain.disputes.conftest import act, actor, another, newest, opened

OFFICER = "compliance"


def policy(**changes) -> None:
    facts = {"system": "mortgage", "policy": changes, "reason": "r", "now": timezone.now()}
    cases.set_policy(actor=actor(OFFICER), **facts)


def decision_of(dispute: Dispute) -> Entry:
    return Entry.objects.get(pk=dispute.decision_id)


def reviewed(**changes) -> Dispute:
    """A case that the compliance officer reviews."""
    dispute = opened(**changes)
    act(services.start_review, dispute, by=OFFICER)
    return dispute


def decide(dispute: Dispute, outcome: str = "upheld", code: str = "confirmed", *, by: str = OFFICER, **facts) -> Ruling:
    said = {"outcome": outcome, "reason_code": code, "grounds": "We looked at everything again.", **facts}
    return act(services.decide_dispute, dispute, by=by, decision=decision_of(dispute), **said)


def correct(dispute: Dispute, changes: dict, *, by: str = OFFICER) -> Correction:
    return act(services.correct_inputs, dispute, by=by, decision=decision_of(dispute), changes=changes)


class TestStarting:
    def test_another_person_takes_the_review(self, support) -> None:
        dispute = reviewed()
        assert (dispute.state, dispute.reviewer, dispute.is_blind) == ("in_review", "user:compliance", False)
        assert newest() == ("dispute.review_started", {"dispute": dispute.number, "blind": False})
        with pytest.raises(Conflict, match="already"):
            act(services.start_review, dispute, by=OFFICER)

    def test_a_review_is_taken_over_only_by_who_saw_it(self, support) -> None:
        dispute = reviewed()
        carl = another("carl", Role.COMPLIANCE)
        with pytest.raises(Conflict, match="compliance reviews this case") as caught:
            services.start_review(actor=carl, dispute=dispute, now=timezone.now())
        assert caught.value.code == "under_review"
        services.start_review(actor=carl, dispute=dispute, expected_state="in_review", now=timezone.now())
        assert newest()[1]["took_over_from"] == "user:compliance"
        with pytest.raises(Forbidden, match="carl reviews it"):
            decide(dispute)

    def test_a_service_reviews_nothing(self, support) -> None:
        with pytest.raises(Forbidden, match="Only a person"):
            services.start_review(actor=tasks.WORKER, dispute=opened(), now=timezone.now())

    def test_support_may_where_the_policy_says_so(self, support) -> None:
        policy(by_support=True)
        susan = another("susan", Role.SUPPORT)
        dispute = opened()
        services.start_review(actor=susan, dispute=dispute, now=timezone.now())
        dispute.refresh_from_db()
        assert decide(dispute, by="susan").decided_by == "user:susan"


class TestBlind:
    def test_the_answer_stays_hidden_until_a_first_view_is_written(self, support) -> None:
        policy(blind_review=True)
        dispute = reviewed()
        assert must_not_see_answer(actor(OFFICER), dispute) and not must_not_see_answer(actor(), dispute)
        for early in (lambda: decide(dispute), lambda: correct(dispute, {"pirat": 0.2})):
            with pytest.raises(Conflict, match="first view") as caught:
                early()
            assert caught.value.code == "first_view_missing"
        with pytest.raises(Invalid):
            act(services.write_first_view, dispute, by=OFFICER, words=" ")
        act(services.write_first_view, dispute, by=OFFICER, words="I would grant it.")
        assert not must_not_see_answer(actor(OFFICER), dispute)
        assert steps_of(dispute)[-1].words == "I would grant it." and "words_sha256" in newest()[1]
        with pytest.raises(Conflict, match="stays"):
            act(services.write_first_view, dispute, by=OFFICER, words="No, I would not.")
        assert decide(dispute).outcome == "upheld"

    def test_who_takes_over_writes_their_own(self, support) -> None:
        policy(blind_review=True)
        dispute = reviewed()
        act(services.write_first_view, dispute, by=OFFICER, words="I would grant it.")
        carl = another("carl", Role.COMPLIANCE)
        services.start_review(actor=carl, dispute=dispute, expected_state="in_review", now=timezone.now())
        dispute.refresh_from_db()
        assert must_not_see_answer(carl, dispute)

    def test_elsewhere_there_is_no_first_view(self, support) -> None:
        with pytest.raises(Conflict, match="asks for no first view"):
            act(services.write_first_view, reviewed(), by=OFFICER, words="w")


class TestRuling:
    def test_upholding_keeps_the_answer_and_the_decision(self, support) -> None:
        dispute = reviewed()
        before = bytes(decision_of(dispute).entry)
        ruling = decide(dispute)
        assert (ruling.answer_before, ruling.answer_now, ruling.label_effect) == ("deny", "deny", "confirm")
        assert dispute.state == "decided" and queries.ruling_of(dispute) == ruling
        assert queries.grounds_of(ruling) == "We looked at everything again."
        assert bytes(decision_of(dispute).entry) == before
        event, details = newest()
        assert event == "dispute.decided" and details["outcome"] == "upheld" and details["ruling"] == str(ruling.id)

    def test_overturning_is_a_new_fact_with_the_other_label(self, support) -> None:
        ruling = decide(reviewed(), "overturned", "policy_exception")
        assert (ruling.answer_now, ruling.label_effect) == ("grant", "none")
        assert decide(reviewed(), "overturned", "model_error", answer="grant").label_effect == "flip"

    @pytest.mark.parametrize(
        "outcome, code, facts, path",
        [
            ("upheld", "model_error", {}, "reason_code"),
            ("overturned", "confirmed", {}, "reason_code"),
            ("annulled", "confirmed", {}, "outcome"),
            ("upheld", "confirmed", {"grounds": " "}, "grounds"),
            ("upheld", "confirmed", {"answer": "grant"}, "answer"),
            ("overturned", "model_error", {"answer": "deny"}, "answer"),
            ("overturned", "model_error", {"answer": "perhaps"}, "answer"),
        ],
    )
    def test_what_does_not_go_together_is_named(self, support, outcome: str, code: str, facts: dict, path: str) -> None:
        dispute = reviewed()
        with pytest.raises(Invalid) as caught, transaction.atomic():
            decide(dispute, outcome, code, **facts)
        dispute.refresh_from_db()
        assert [item.path for item in caught.value.details] == [path] and dispute.state == "in_review"

    def test_only_the_reviewer_decides_and_only_once(self, support) -> None:
        dispute = opened()
        with pytest.raises(Forbidden, match="nobody reviews it"):
            decide(dispute)
        act(services.start_review, dispute, by=OFFICER)
        with pytest.raises(Forbidden):
            decide(dispute, by="support")
        decide(dispute)
        with pytest.raises(Conflict, match="is decided, and must be in_review"):
            decide(dispute)

    def test_a_request_without_an_answer_can_be_judged_too(self, support) -> None:
        dispute = reviewed(decision=factories.refused())
        ruling = decide(dispute, "overturned", "procedural", answer="to be taken again")
        assert (ruling.answer_before, ruling.answer_now) == ("refused", "to be taken again")
        other = reviewed(decision=factories.refused())
        with pytest.raises(Invalid, match="another answer"), transaction.atomic():
            decide(other, "overturned", "procedural")

    def test_after_reopening_it_is_judged_anew_and_the_first_ruling_stays(self, support) -> None:
        dispute = reviewed()
        decide(dispute)
        Dispute.objects.update(state="answered")
        act(cases.reopen_dispute, dispute, reason="New payslips.")
        assert queries.ruling_of(dispute) is None
        act(services.start_review, dispute, by=OFFICER)
        assert decide(dispute, "overturned", "new_facts").round == 2
        assert [ruling.outcome for ruling in dispute.rulings.all()] == ["overturned", "upheld"]

    def test_the_database_keeps_rulings(self, support) -> None:
        decide(reviewed())
        for statement in ("update explain_ruling set outcome = 'overturned'", "delete from explain_ruling"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(statement)
        kept = Ruling.objects.get()
        for wrong in ({"answer_now": "grant"}, {"outcome": "corrected"}, {"outcome": "overturned"}):
            copy = Ruling.objects.get(pk=kept.pk)
            copy.pk, copy.round = "01a20000-0000-7000-8000-000000000000", 2
            for name, value in wrong.items():
                setattr(copy, name, value)
            with pytest.raises(IntegrityError, match="ruling_"), transaction.atomic():
                copy.save(force_insert=True)

    def test_every_outcome_has_reasons_and_every_reason_its_words(self) -> None:
        assert all(codes_for(outcome) for outcome in Outcome.values) and not codes_for("annulled")
        assert len({reason.code for reason in REASON_CODES}) == len(REASON_CODES)
        assert all(reason.words and reason.effects for reason in REASON_CODES)


class TestCorrecting:
    def test_corrected_inputs_are_scored_by_the_version_that_decided(self, support) -> None:
        dispute = reviewed()
        correction = correct(dispute, {**factories.GRANTED})
        assert correction.state == "queued" and "pirat" in correction.changed
        with pytest.raises(Conflict, match="wait until they were scored"), transaction.atomic():
            decide(dispute, "corrected", "input_wrong")
        tasks.rescore(str(correction.id))
        correction.refresh_from_db()
        result = queries.result_of(correction)
        assert correction.state == "done" and result["label"] == "grant" and result["score"] < 0.5
        assert result["score"] == pytest.approx(factories._score(1, factories.GRANTED), abs=1e-9)
        ruling = decide(dispute, "corrected", "input_wrong")
        assert (ruling.answer_now, ruling.label_effect) == ("grant", "feature_correction")
        assert ruling.correction == correction
        assert inputs_of(dispute.decision_id)["inputs"] == factories.DENIED, "what was recorded stays"

    def test_nothing_of_the_values_stands_in_clear(self, support) -> None:
        dispute = reviewed()
        correction = correct(dispute, {"pirat": 0.123454321})
        tasks.rescore(str(correction.id))
        correction.refresh_from_db()
        assert queries.inputs_of(correction)["pirat"] == 0.123454321
        assert b"0.123454321" not in bytes(correction.sealed_inputs) + bytes(correction.sealed_result)
        details = [facts_of(entry)["details"] for entry in Entry.objects.filter(type__startswith="dispute.")]
        assert not any("0.123454321" in str(each) for each in details)

    @pytest.mark.parametrize(
        "changes, path",
        [
            ({"pirat": "much"}, "inputs.pirat"),
            ({"shoe_size": 43}, "inputs.shoe_size"),
            ({"pirat": None}, "inputs.pirat"),
            ({}, "inputs"),
            ({"pirat": factories.DENIED["pirat"]}, "inputs"),
        ],
    )
    def test_what_the_schema_refuses_is_named(self, support, changes: dict, path: str) -> None:
        with pytest.raises(Invalid) as caught:
            correct(reviewed(), changes)
        assert caught.value.details[0].path.startswith(path)

    def test_only_the_reviewer_corrects(self, support) -> None:
        with pytest.raises(Forbidden):
            correct(reviewed(), {"pirat": 0.2}, by="support")
        with pytest.raises(Conflict, match="must be in_review"):
            correct(opened(), {"pirat": 0.2})

    def test_a_model_that_is_gone_is_told(self, support, artifact_dir) -> None:
        dispute = reviewed()
        correction = correct(dispute, {"pirat": 0.2})
        for file in artifact_dir.rglob("*"):
            if file.is_file():
                file.unlink()
        explaining.let_go()
        tasks.rescore(str(correction.id))
        correction.refresh_from_db()
        assert correction.state == "failed" and "cannot be loaded" in correction.error

    def test_a_version_that_is_not_here_cannot_score(self, support) -> None:
        dispute = reviewed(decision=factories.decided(version=77))
        with pytest.raises(Conflict, match="not in the registry"):
            correct(dispute, {"pirat": 0.2})

    def test_a_forgotten_job_is_sent_again_and_then_given_up(self, support) -> None:
        correction = correct(reviewed(), {"pirat": 0.2})
        late = timezone.now() + STALE_AFTER + timedelta(seconds=5)
        for _ in range(services.MAX_ATTEMPTS):
            claimed = services.claim_correction(correction_id=correction.id, is_redelivery=False, now=timezone.now())
            assert claimed is not None
            assert services.requeue_stale(now=late) == 1
            Correction.objects.update(touched_at=timezone.now())
        correction.refresh_from_db()
        assert correction.state == "failed" and "lost twice" in correction.error
        assert services.requeue_stale(now=late) == 0

    def test_one_worker_gets_the_job(self, support) -> None:
        correction = correct(reviewed(), {"pirat": 0.2})
        facts = {"correction_id": correction.id, "now": timezone.now()}
        assert services.claim_correction(**facts, is_redelivery=False)
        assert services.claim_correction(**facts, is_redelivery=False) is None
        assert services.claim_correction(**facts, is_redelivery=True)
        assert services.claim_correction(**facts, is_redelivery=True) is None


