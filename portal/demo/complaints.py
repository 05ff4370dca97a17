"""The demo's two complaints: both are explained, and the first goes all the way to its letter.

Its outcome is what the data say: the Boston Fed's survey holds what the bank's underwriters answered to the paper
application, and Clara decides as they did.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

import audit.queries as trail
import explain.disputes.services as disputing
import explain.letters.services as letters
import explain.reviewing.services as reviewing
import explain.wording.services as wording
from audit.models import Entry
from audit.queries import DecisionFilter
from explain.models import Dispute, Explanation, FeatureWording
from explain.queries import policy_of
from portal.accounts.access import Actor
from portal.demo import training

CLAIMS = (
    ("phone", "called back", "I have never missed a payment and my income covers the mortgage. Why was I turned down?"),
    (
        "e-mail",
        "",
        "I was denied although my neighbour with the same salary was granted. Please explain and look again.",
    ),
)
POLICY = {
    "sender": "Countersign Demo Bank\nMarket Square 1\n12345 Demotown",
    "contact": "disputes@demo-bank.example, or our branch at Market Square 1.",
    "authority": "the data protection authority of Demoland, Law Street 2, 12345 Demotown",
}
WORDING = {
    ("pirat", "en"): ("Debt payments to income", "Your payments on debts are {value} times your income."),
    ("pirat", "de"): ("Raten im Verhältnis zum Einkommen", "Ihre Raten betragen das {value}-Fache Ihres Einkommens."),
    ("lvrat", "en"): ("Loan to property value", "The loan is {value} times the value of the property."),
    ("lvrat", "de"): ("Kredit im Verhältnis zum Wert", "Der Kredit beträgt das {value}-Fache des Werts der Immobilie."),
    ("insurance", "en"): ("Refused mortgage insurance", "Mortgage insurance was refused to you: {value}."),
    ("insurance", "de"): ("Abgelehnte Kreditversicherung", "Eine Kreditversicherung wurde Ihnen verweigert: {value}."),
}


class NotExplained(RuntimeError):
    """The workers did not finish in time; the message says how many wait."""


def complain(
    system: str, sam: Actor, clara: Actor, applicants: training.Applicants, say: Callable[[str], None]
) -> None:
    """Sam takes two complaints and has both decisions explained by the real workers; Clara answers the first."""
    _prepare(system, clara)
    wanted = DecisionFilter(system=system, label=training.ADVERSE, version=2)
    denied = list(trail.filtered(trail.decisions_visible_to(sam), wanted).order_by("-score_ppm")[:200])
    for index, (channel, identity, claim) in enumerate(CLAIMS):
        if Dispute.objects.count() <= index:
            # One clear case and one close to the line.
            dispute = _open(sam, denied[-1 if index else 0], channel, identity, claim, 10 * (2 - index))
            say(f"dispute {dispute.number}: explanation asked for")
    _wait_for_explanations(say)
    first = Dispute.objects.order_by("number").first()
    if first is not None and first.state in ("explained", "in_review", "decided"):
        _answer(first, sam, clara, applicants)
        say(f"dispute {first.number}: decided, and its letter sent")


def _prepare(system: str, clara: Actor) -> None:
    now = timezone.now()
    if not policy_of(system).sender:
        reason = "Who writes, and where people turn to."
        disputing.set_policy(actor=clara, system=system, policy=POLICY, reason=reason, now=now)
    if not FeatureWording.objects.filter(system=system).exists():
        for (feature, language), (title, sentence) in WORDING.items():
            facts = {"system": system, "feature": feature, "language": language, "title": title}
            wording.set_wording(actor=clara, sentence=sentence, now=now, **facts)


def _open(sam: Actor, decision: Entry, channel: str, identity: str, claim: str, minutes: int) -> Dispute:
    now = timezone.now()
    facts = {"channel": channel, "identity": identity, "claim": claim}
    received = now - timedelta(minutes=minutes)
    dispute = disputing.open_dispute(actor=sam, decision=decision, received_at=received, now=now, **facts)
    disputing.explain_dispute(actor=sam, dispute=dispute, decision=decision, now=now)
    return dispute


def _answer(dispute: Dispute, sam: Actor, clara: Actor, applicants: training.Applicants) -> None:
    """Review, ruling and letter, from where an interrupted start left off."""
    decision = Entry.objects.get(pk=dispute.decision_id)
    if dispute.state == "explained":
        reviewing.start_review(actor=clara, dispute=dispute, now=timezone.now())
    dispute.refresh_from_db()
    if dispute.state == "in_review":
        reviewing.decide_dispute(
            actor=clara, dispute=dispute, decision=decision, now=timezone.now(), **_ruling(decision, applicants)
        )
    letters.send_letter(
        actor=sam,
        dispute=dispute,
        decision=decision,
        language="en",
        recipient="The applicant of this demo\nHill Road 2\n54321 Demotown",
        delivery="post",
        now=timezone.now(),
    )


def _ruling(decision: Entry, applicants: training.Applicants) -> dict[str, str]:
    """As the underwriters answered; the loan desk numbers its requests as the data number the applicants."""
    number = int((decision.request_id or "").rpartition("-")[2])
    recorded = trail.inputs_of(decision.id)
    is_right = recorded is not None and recorded["inputs"] == applicants.held_out[number - 1]
    checked = "We compared every figure with your application; they are right. " if is_right else ""
    if applicants.answer_to(number) == training.ADVERSE:
        grounds = (
            f"{checked}Our underwriters, who looked at the paper application without the system, had come to the same"
            " answer."
        )
        return {"outcome": "upheld", "reason_code": "confirmed", "grounds": grounds}
    grounds = (
        f"{checked}Our underwriters, who looked at the paper application without the system, had granted it. We follow"
        " them: the system judged your case wrongly."
    )
    return {"outcome": "overturned", "reason_code": "model_error", "grounds": grounds}


def _wait_for_explanations(say: Callable[[str], None], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while waiting := Explanation.objects.filter(state__in=("queued", "running")).count():
        if time.monotonic() > deadline:
            raise NotExplained(f"{waiting} explanations are not finished after {seconds:.0f} s; do the workers run?")
        time.sleep(0.2)
    say(f"{Explanation.objects.filter(state='done').count()} explanations finished")
