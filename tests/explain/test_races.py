"""Two people at once in one case: one wins, the other is told what happened; and two hundred at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connections
from django.utils import timezone

from audit.models import Entry
from explain import services as explaining
from explain.disputes import services as cases
from explain.letters import services as letters
from explain.models import Dispute, Explanation, Letter, LetterTemplate, Ruling
from explain.queries import STALE_AFTER
from explain.reviewing import services as reviewing
from explain.tasks import WORKER
from portal.accounts.access import Role
from tests import factories
from tests.explain.disputes.conftest import actor, another, opened
from tests.explain.letters.conftest import decided, decision_of
from tests.registry.test_races import at_once


def test_of_two_reviewers_one_has_the_case(committed: str) -> None:
    dispute = opened()
    clara, carl = actor("compliance"), another("carl", Role.COMPLIANCE)
    takes = [
        lambda who=who: reviewing.start_review(
            actor=who, dispute=dispute, expected_state="received", now=timezone.now()
        )
        for who in (clara, carl)
    ]
    assert at_once(*takes) == ["done", "wrong_state"]
    dispute.refresh_from_db()
    assert Entry.objects.get(type="dispute.review_started").actor == dispute.reviewer


def test_of_two_rulings_one_stands(committed: str) -> None:
    dispute = opened()
    clara, decision = actor("compliance"), decision_of(dispute)
    reviewing.start_review(actor=clara, dispute=dispute, now=timezone.now())

    def rule(outcome: str, code: str) -> None:
        facts = {"outcome": outcome, "reason_code": code, "grounds": "g", "now": timezone.now()}
        reviewing.decide_dispute(actor=clara, dispute=dispute, decision=decision, **facts)

    acts = (lambda: rule("upheld", "confirmed"), lambda: rule("overturned", "model_error"))
    assert at_once(*acts) == ["done", "wrong_state"]
    assert Ruling.objects.count() == Entry.objects.filter(type="dispute.decided").count() == 1


def test_a_letter_is_sent_once(committed: str) -> None:
    dispute = decided()
    decision, sam = decision_of(dispute), actor()

    def send() -> None:
        facts = {"language": "en", "recipient": "Ada", "delivery": "post", "now": timezone.now()}
        letters.send_letter(actor=sam, dispute=dispute, decision=decision, **facts)

    assert at_once(send, send) == ["done", "wrong_state"]
    assert Letter.objects.count() == 1


def test_a_case_is_taken_by_one_owner(committed: str) -> None:
    dispute = opened()
    facts = {"dispute": dispute, "expected_owner": ""}

    def take(username: str) -> None:
        cases.assign_dispute(actor=actor(username), username=username, now=timezone.now(), **facts)

    assert at_once(lambda: take("support"), lambda: take("compliance")) == ["done", "owner_changed"]
    assert Dispute.objects.get().owner in ("user:support", "user:compliance")


def test_of_two_savings_of_a_template_one_is_the_next_version(committed: str) -> None:
    facts = {"jurisdiction": "EU", "language": "en", "kind": "upheld", "title": "t", "reason": "r"}
    clara = actor("compliance")

    def save(body: str) -> None:
        letters.save_template(actor=clara, body=body, expected_number=1, now=timezone.now(), **facts)

    assert at_once(lambda: save("a"), lambda: save("b")) == ["done", "template_changed"]
    assert LetterTemplate.objects.filter(language="en", kind="upheld").count() == 2


def test_two_hundred_at_once_have_a_job_each_and_survive_a_broker_that_forgets(committed: str, broker) -> None:
    ids = factories.decided_in_bulk([factories.DENIED] * 200)
    decisions, sam = list(Entry.objects.filter(pk__in=ids)), actor()

    def ask(decision: Entry) -> str:
        try:
            return explaining.request_explanation(actor=sam, decision=decision, reason="", now=timezone.now()).state
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        # The last one is asked for by forty people.
        states = list(pool.map(ask, [*decisions, *[decisions[-1]] * 39]))
    assert states == ["queued"] * 239 and Explanation.objects.count() == broker.llen("explain") == 200
    assert Entry.objects.filter(type="explanation.requested").count() == 200
    # Restarted with nothing left, the broker is told again by the sweep: the rows are the jobs.
    broker.flushall()
    later = timezone.now() + STALE_AFTER * 2
    assert explaining.requeue_stale(actor=WORKER, now=later) == broker.llen("explain") == 200
    assert explaining.requeue_stale(actor=WORKER, now=later) == 0
