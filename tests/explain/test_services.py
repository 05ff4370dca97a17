"""An explanation's way from request to report, and a dispute's beginning: each step once, each refusal in words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu import Consumer, Queue

from audit.models import Entry
from audit.queries import facts_of, text_of
from explain import queries, services, tasks
from explain.disputes import services as disputes
from explain.disputes.queries import open_disputes
from explain.models import Dispute, Explanation
from portal.errors import Conflict, Forbidden, Invalid
from portal.queue import app
from tests import factories
from tests.factories import decided, person

from .conftest import REPORT, ask, claim

ROOT = Path(__file__).resolve().parents[2]
WORKER = tasks.WORKER


def events() -> list[str]:
    """The acts of this room in the trail, oldest first."""
    ours = Entry.objects.filter(type__regex=r"^(explanation|dispute)\.").order_by("id")
    return list(ours.values_list("type", flat=True))


def finish(explanation: Explanation, report: dict | None = None) -> bool:
    return services.finish_explanation(
        actor=WORKER, explanation=explanation, report=report or REPORT, now=timezone.now()
    )


def dispute(decision: Entry, **changes) -> Dispute:
    now = timezone.now()
    facts = {"channel": "phone", "claim": "I pay on time.", "received_at": now, "now": now, **changes}
    return disputes.open_dispute(actor=person("support").actor, decision=decision, **facts)


def fail_twice(explanation: Explanation) -> Explanation:
    claim(explanation)
    services.fail_explanation(actor=WORKER, explanation=explanation, error="Out of luck.", now=timezone.now())
    explanation.refresh_from_db()
    return explanation


class TestRequesting:
    def test_asking_twice_gives_the_same_one_and_one_entry(self, support, compliance) -> None:
        decision = decided()
        first, second = ask(decision), ask(decision, "compliance")
        assert first == second and first.state == "queued" and events() == ["explanation.requested"]
        entry = Entry.objects.get(type="explanation.requested")
        assert (entry.object, entry.actor) == (str(decision.id), "user:support")
        assert text_of(entry.id) == "The applicant asks."

    def test_the_worker_is_told_after_the_commit(
        self, support, broker, django_capture_on_commit_callbacks
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            explanation = ask(decided())
            assert broker.llen("explain") == 0
        [message] = broker.lrange("explain", 0, -1)
        assert json.loads(message)["headers"]["task"] == "explain.tasks.compute"
        assert str(explanation.id) in json.loads(message)["headers"]["kwargsrepr"]

    def test_a_broker_that_is_down_is_logged_and_no_more(
        self, committed: str, process_environment: Callable[[str], dict[str, str]]
    ) -> None:
        send = "import django; django.setup(); from portal.queue import after_commit; after_commit('explain.tasks.x')"
        environment = {**process_environment(committed), "CELERY_BROKER_URL": "redis+socket:///nowhere/redis.sock"}
        done = subprocess.run(
            [sys.executable, "-c", send], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 and "The broker did not take explain.tasks.x" in done.stderr

    def test_a_request_without_an_answer_has_nothing_to_explain(self, support) -> None:
        with pytest.raises(Conflict, match="This request was refused") as caught:
            ask(factories.refused())
        assert caught.value.code == "no_answer" and events() == []

    @pytest.mark.parametrize("username", ["lead", "auditor", "outsider"])
    def test_others_ask_for_none(self, db, username: str) -> None:
        with pytest.raises(Forbidden):
            ask(decided(), username)

    def test_the_database_keeps_one_per_decision_and_method(self, support) -> None:
        explanation = ask(decided())
        explanation.pk = "01a20000-0000-7000-8000-000000000000"
        with pytest.raises(IntegrityError, match="explanation_once"), transaction.atomic():
            explanation.save(force_insert=True)
        for changes, broken in (({"state": "odd"}, "state_known"), ({"state": "done"}, "done_has_report")):
            with pytest.raises(IntegrityError, match=broken), transaction.atomic():
                Explanation.objects.update(**changes)


def request(decision: Entry, **given: bool) -> Explanation:
    asked = {"decision": decision, "reason": "A list.", "now": timezone.now()}
    return services.request_explanation(actor=person("support").actor, **asked, **given)


class TestUrgency:
    def test_what_is_asked_for_in_bulk_has_a_queue_of_its_own(
        self, support, broker, django_capture_on_commit_callbacks
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            explanation = request(decided(), urgent=False)
        assert not explanation.is_urgent and (broker.llen("explain"), broker.llen("explain_bulk")) == (0, 1)

    def test_it_comes_forward_when_somebody_waits(self, support, broker, django_capture_on_commit_callbacks) -> None:
        decision = decided()
        with django_capture_on_commit_callbacks(execute=True):
            request(decision, urgent=False)
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                explanation = ask(decision)
        # Once: a third request finds it in front already. And in bulk again, it stays there.
        assert explanation.is_urgent and (broker.llen("explain"), broker.llen("explain_bulk")) == (1, 1)
        assert request(decision, urgent=False).is_urgent
        assert claim(explanation) is not None and claim(explanation) is None
        assert events() == ["explanation.requested"]

    def test_the_sweep_is_patient_with_it_and_keeps_its_queue(
        self, support, broker, django_capture_on_commit_callbacks
    ) -> None:
        request(decided(), urgent=False)
        sweeper = {"actor": WORKER}
        late = timezone.now() + queries.STALE_AFTER + timedelta(seconds=5)
        assert services.requeue_stale(now=late, **sweeper) == 0
        with django_capture_on_commit_callbacks(execute=True):
            later = timezone.now() + queries.BULK_STALE_AFTER + timedelta(seconds=5)
            assert services.requeue_stale(now=later, **sweeper) == 1
        assert (broker.llen("explain"), broker.llen("explain_bulk")) == (0, 1)

    def test_a_worker_of_both_queues_takes_what_is_urgent_first(self, broker) -> None:
        app.send_task("explain.tasks.compute", kwargs={"explanation_id": "bulk"}, queue="explain_bulk")
        app.send_task("explain.tasks.compute", kwargs={"explanation_id": "urgent"}, queue="explain")
        came: list[str] = []
        with app.connection_for_read() as connection, connection.channel() as channel:
            channel.basic_qos(0, 1, False)

            def take(body, message) -> None:
                came.append(body[1]["explanation_id"])
                message.ack()

            # In the order that would be wrong if order counted.
            with Consumer(channel, [Queue("explain_bulk"), Queue("explain")], callbacks=[take], accept=["json"]):
                while len(came) < 2:
                    connection.drain_events(timeout=10)
        assert came == ["urgent", "bulk"]


class TestAgain:
    def test_a_partial_report_is_made_again_when_somebody_wants_it(self, support) -> None:
        decision = decided()
        finish(claim(ask(decision)), {**REPORT, "completeness": "partial"})
        first = Explanation.objects.get()
        assert request(decision).state == "done" and first.report_sha256
        anew = request(decision, again=True)
        assert anew == first and anew.state == "queued" and anew.sealed_report is None and anew.attempts == 0
        assert request(decision, again=True).state == "queued"
        assert finish(claim(anew))
        ended = Entry.objects.filter(type="explanation.finished").order_by("id")
        digests = [facts_of(entry)["details"]["report_sha256"] for entry in ended]
        assert digests[0] == first.report_sha256 != digests[1]
        assert events().count("explanation.requested") == 2

    def test_a_whole_one_stays(self, support) -> None:
        decision = decided()
        finish(claim(ask(decision)))
        assert request(decision, again=True).state == "done" and events().count("explanation.requested") == 1


class TestKeeping:
    def test_the_database_gives_back_what_was_sealed(self, support) -> None:
        numbers = [-0.0, 1e16, 1.5e300, 5e-324, 0.1 + 0.2, 1e-9, 3.0, 2**60, True, None, "1.0"]
        explanation = claim(ask(decided()))
        assert finish(explanation, {**REPORT, "numbers": numbers, "timings_ms": {"total": 1}})
        explanation.refresh_from_db()
        sealed = facts_of(Entry.objects.get(type="explanation.finished"))["details"]["report_sha256"]
        assert sealed == explanation.report_sha256 == services.report_digest(queries.report_of(explanation))
        assert services.report_digest({**queries.report_of(explanation), "seed": 2}) != sealed


class TestWorking:
    def test_one_worker_gets_the_job(self, support) -> None:
        explanation = ask(decided())
        mine = claim(explanation)
        assert mine is not None and (mine.state, mine.attempts) == ("running", 1)
        assert claim(explanation) is None

    def test_a_redelivered_job_is_taken_once_more_and_not_again(self, support) -> None:
        explanation = ask(decided())
        claim(explanation)
        again = claim(explanation, is_redelivery=True)
        assert again is not None and again.attempts == 2
        assert claim(explanation, is_redelivery=True) is None

    def test_progress_is_shown_while_it_runs_and_not_afterwards(self, support) -> None:
        explanation = claim(ask(decided()))
        services.note_progress(explanation=explanation, stage="SHAP", progress=0.4, now=timezone.now())
        explanation.refresh_from_db()
        assert (explanation.stage, explanation.progress) == ("SHAP", 0.4)
        finish(explanation)
        services.note_progress(explanation=explanation, stage="LIME", progress=0.6, now=timezone.now())
        explanation.refresh_from_db()
        assert (explanation.stage, explanation.progress, explanation.is_finished) == ("Done", 1, True)

    def test_a_report_is_kept_once(self, support) -> None:
        explanation = claim(ask(decided()))
        assert finish(explanation) and not finish(explanation, {**REPORT, "seed": 2})
        explanation.refresh_from_db()
        assert queries.report_of(explanation) == REPORT and explanation.report_sha256 == services.report_digest(REPORT)
        assert events() == ["explanation.requested", "explanation.finished"]
        assert claim(explanation, is_redelivery=True) is None
        entry = Entry.objects.get(type="explanation.finished")
        assert facts_of(entry)["details"]["report_sha256"] == explanation.report_sha256

    def test_the_digest_leaves_the_times_out(self) -> None:
        assert services.report_digest(REPORT) == services.report_digest({**REPORT, "timings_ms": {"total": 9}})
        assert services.report_digest(REPORT) != services.report_digest({**REPORT, "seed": 2})

    def test_a_failure_says_why_and_may_be_tried_again(self, support) -> None:
        decision = decided()
        explanation = fail_twice(ask(decision))
        assert (explanation.state, explanation.error) == ("failed", "Out of luck.")
        again = ask(decision)
        assert again == explanation and (again.state, again.attempts, again.error) == ("queued", 0, "")
        assert events() == ["explanation.requested", "explanation.failed", "explanation.requested"]
        assert claim(again) is not None

    def test_a_finished_one_does_not_fail_any_more(self, support) -> None:
        explanation = claim(ask(decided()))
        finish(explanation)
        fail_twice(explanation)
        assert explanation.state == "done" and "explanation.failed" not in events()


class TestSweeping:
    def sweep(self, after: timedelta = queries.STALE_AFTER + timedelta(seconds=5)) -> int:
        return services.requeue_stale(actor=WORKER, now=timezone.now() + after)

    def test_a_forgotten_job_is_sent_again(self, support, broker, django_capture_on_commit_callbacks) -> None:
        explanation = ask(decided())
        with django_capture_on_commit_callbacks(execute=True):
            assert self.sweep(timedelta(seconds=5)) == 0
            assert self.sweep() == 1
            assert self.sweep() == 0
        assert broker.llen("explain") == 1
        assert claim(explanation) is not None

    def test_a_job_whose_worker_was_lost_is_sent_again_and_then_given_up(self, support) -> None:
        explanation = ask(decided())
        for _ in range(services.MAX_ATTEMPTS):
            assert claim(explanation) is not None
            assert self.sweep() == 1
            Explanation.objects.update(touched_at=timezone.now())
        explanation.refresh_from_db()
        assert explanation.state == "failed" and "lost twice" in explanation.error
        assert events() == ["explanation.requested", "explanation.failed"]

    def test_what_is_finished_is_left_alone(self, support) -> None:
        finish(claim(ask(decided())))
        assert self.sweep() == 0


class TestDisputes:
    def test_a_dispute_starts_its_clock(self, support, settings) -> None:
        received = timezone.now() - timedelta(days=2)
        opened = dispute(decided(), received_at=received)
        assert (opened.state, opened.opened_by) == ("received", "user:support")
        assert opened.due_at == received + timedelta(days=settings.DISPUTE_DUE_DAYS)
        assert events() == ["dispute.opened"]
        assert list(open_disputes(support.actor)) == [opened]

    @pytest.mark.parametrize(
        "changes,path",
        [
            ({"channel": "pigeon"}, "channel"),
            ({"claim": "  "}, "claim"),
            ({"received_at": timezone.now() + timedelta(days=1)}, "received_at"),
        ],
    )
    def test_what_breaks_a_rule_is_named(self, support, changes: dict, path: str) -> None:
        with pytest.raises(Invalid) as caught:
            dispute(decided(), **changes)
        assert [item.path for item in caught.value.details] == [path] and events() == []

    def test_others_open_none(self, compliance) -> None:
        now = timezone.now()
        facts = {"channel": "phone", "claim": "c", "received_at": now, "now": now}
        with pytest.raises(Forbidden):
            disputes.open_dispute(actor=compliance.actor, decision=decided(), **facts)

    def test_a_finished_report_marks_the_disputes_that_wait(self, support) -> None:
        decision = decided()
        first, second = dispute(decision), dispute(decided())
        explanation = disputes.explain_dispute(
            actor=support.actor, dispute=first, decision=decision, now=timezone.now()
        )
        finish(claim(explanation))
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, first.explanation, second.state) == ("explained", explanation, "received")
        assert events()[-2:] == ["dispute.explained", "explanation.finished"]

    def test_a_dispute_of_an_explained_decision_is_explained_at_once(self, support) -> None:
        decision = decided()
        finish(claim(ask(decision)))
        opened = dispute(decision)
        assert opened.state == "explained"
        disputes.explain_dispute(actor=support.actor, dispute=opened, decision=decision, now=timezone.now())
        assert events()[-2:] == ["dispute.opened", "dispute.explained"]

    def test_the_database_knows_states_and_clocks(self, support) -> None:
        dispute(decided())
        late = {"due_at": "2020-01-01T00:00Z"}
        for changes, broken in (({"state": "odd"}, "dispute_state_known"), (late, "due_after")):
            with pytest.raises(IntegrityError, match=broken), transaction.atomic():
                Dispute.objects.update(**changes)
