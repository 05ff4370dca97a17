"""What a template would make of a case, before it is saved: of a decided case, or of a made-up one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

import audit.queries as trail
from explain.disputes.queries import disputes_visible_to, withheld_answers
from explain.letters.languages import language_of
from explain.letters.queries import facts_of, sheet_of
from explain.letters.sample import RECIPIENT, sample_facts
from explain.letters.templating import Problem, write
from explain.letters.values import values_of
from explain.models import Dispute, Ruling
from explain.queries import policy_of
from explain.reviewing.queries import ruling_of
from portal.accounts.access import Actor

MOST_EXAMPLES = 10


@dataclass(frozen=True)
class Fault:
    """What is wrong, and the line of the template that it is about (empty for the title)."""

    problem: Problem
    source: str


@dataclass(frozen=True)
class Preview:
    """The letter as the template would make it, and what is wrong; `dispute` is None for the made-up case."""

    sheet: dict[str, Any]
    faults: list[Fault]
    dispute: Dispute | None


def examples_for(actor: Actor, kind: str) -> list[Dispute]:
    """Decided cases that get this kind of letter, the newest first."""
    rulings = Ruling.objects.filter(round=F("dispute__round"), dispute__erased_on=None)
    rulings = rulings.filter(outcome="upheld") if kind == "upheld" else rulings.exclude(outcome="upheld")
    rulings = rulings.exclude(dispute__decision_id__in=withheld_answers(actor))
    numbers = list(rulings.order_by("-decided_at").values_list("dispute_id", flat=True)[:MOST_EXAMPLES])
    return list(disputes_visible_to(actor).filter(pk__in=numbers).order_by("-pk"))


def preview_of(
    actor: Actor, title: str, body: str, *, kind: str, language: str, dispute: Dispute | None, now: datetime
) -> Preview:
    """The letter about that case, or about the made-up one. Record the reading of the case first."""
    spoken = language_of(language)
    ruling = ruling_of(dispute) if dispute else None
    if dispute and ruling:
        decision = trail.decision_for(actor, dispute.decision_id)
        facts, sender = facts_of(dispute, ruling, decision, language, now), policy_of(dispute.system).sender
    else:
        facts = sample_facts(kind, now.date())
        sender = facts.sender
    written = write(title, body, values_of(facts, spoken))
    parties = {"sender": sender, "recipient": RECIPIENT}
    lines = body.replace("\r\n", "\n").split("\n")
    faults = [Fault(each, lines[each.line - 1].strip() if each.line else "") for each in written.problems]
    return Preview(sheet_of(written, spoken, case=facts.case, now=now, **parties), faults, dispute if ruling else None)
