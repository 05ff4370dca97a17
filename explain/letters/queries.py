"""Every reading of letters: templates, what a letter would say, and what was sent."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import audit.queries as trail
from audit.models import Entry
from explain.disputes.queries import check_not_blind, dispute_for
from explain.letters.languages import Language, language_of
from explain.letters.templating import Problem, Written, read, title_problems, write
from explain.letters.values import Facts, for_machines, values_of
from explain.models import Dispute, Letter, LetterTemplate, Ruling
from explain.queries import policy_of, report_of
from explain.reviewing.queries import grounds_of, ruling_of, spec_of
from explain.sealing import Seal
from explain.wording.queries import wording_in
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Hidden
from portal.printing.press import plain
from registry.models import System

KINDS = {"upheld": "The decision stands", "changed": "The decision is overturned, or inputs were corrected"}
DELIVERIES = ("post", "e-mail", "portal", "handed over")


@dataclass(frozen=True)
class Draft:
    """A letter as it would be sent: its content, what keeps it from being sent, and the template that it is made of."""

    content: dict[str, Any]
    for_machines: dict[str, Any]
    problems: list[str]
    warnings: list[str]
    template: LetterTemplate | None
    ruling: Ruling

    @property
    def sha256(self) -> str:
        """The digest by which what was seen is what is sent."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()


def template_for(jurisdiction: str, language: str, kind: str) -> LetterTemplate | None:
    """The newest version of the template; None where there is none."""
    return versions_of(jurisdiction, language, kind).first()


def number_of(jurisdiction: str, language: str, kind: str) -> int:
    """The number of the template's newest version; 0 where there is none."""
    newest = template_for(jurisdiction, language, kind)
    return newest.number if newest else 0


def versions_of(jurisdiction: str, language: str, kind: str) -> Any:
    """All versions of the template, the newest first."""
    return LetterTemplate.objects.filter(jurisdiction=jurisdiction, language=language, kind=kind).order_by("-number")


def templates() -> list[LetterTemplate]:
    """The newest version of every template."""
    rows = LetterTemplate.objects.order_by("jurisdiction", "language", "kind", "-number")
    return list(rows.distinct("jurisdiction", "language", "kind"))


def languages_for(jurisdiction: str) -> list[str]:
    """The languages in which there are letters under that law."""
    found = LetterTemplate.objects.filter(jurisdiction=jurisdiction).order_by("language")
    return list(found.values_list("language", flat=True).distinct())


def template_problems(title: str, body: str) -> list[Problem]:
    """What is wrong with a template, by line; line 0 is its title."""
    return [*title_problems(title), *read(body).problems]


def draft_of(dispute: Dispute, decision: Entry, *, language: str, recipient: str, now: datetime) -> Draft:
    """What the letter of a decided case says in that language. `Conflict` for a case that is not decided."""
    ruling = ruling_of(dispute)
    if ruling is None:
        raise Conflict(f"The dispute is {dispute.state}: there is no ruling to write about.", code="wrong_state")
    policy = policy_of(dispute.system)
    kind = "upheld" if ruling.outcome == "upheld" else "changed"
    template = template_for(policy.jurisdiction, language, kind)
    facts = facts_of(dispute, ruling, decision, language, now)
    spoken = language_of(language)
    values = values_of(facts, spoken)
    problems = _missing(dispute, policy.sender, recipient, facts)
    written = write(template.title, template.body, values) if template else Written("", [], [])
    if template is None:
        words = f"There is no template for “{kind}” in {language} under the law of {policy.jurisdiction}."
        problems.append(f"{words} A compliance officer has to write one.")
    problems += [f"The template{f', {each.where}' if each.where else ''}: {each.words}." for each in written.problems]
    parties = {"sender": policy.sender, "recipient": recipient.strip()}
    content = sheet_of(written, spoken, case=dispute.number, now=now, **parties)
    return Draft(content, for_machines(facts, spoken), problems, _warnings(values.inline), template, ruling)


def sheet_of(
    written: Written, spoken: Language, *, sender: str, recipient: str, case: int, now: datetime
) -> dict[str, Any]:
    """A letter as it stands on paper, in characters that can be printed."""
    return plain(
        {
            "language": spoken.code.partition("-")[0],
            "title": written.title,
            "sender": sender,
            "recipient": recipient,
            "date": spoken.date(now.date()),
            "footer": spoken.case.format(number=case),
            "blocks": written.blocks,
        }
    )


def letter_for(actor: Actor, number: int, identifier: uuid.UUID) -> Letter:
    """The letter of a case, or `Hidden`."""
    dispute = dispute_for(actor, number)
    actor.need_sight(Permission.DECISION_READ)
    check_not_blind(actor, dispute.decision_id)
    letter = dispute.letters.select_related("template", "dispute").filter(pk=identifier).first()
    if letter is None:
        raise Hidden
    return letter


def content_of(letter: Letter) -> dict[str, Any] | None:
    """What the letter says, as it was sent; None where it was erased. Record the reading first."""
    content = Seal(letter.dispute.decision_id).open(f"letter/{letter.id}", letter.sealed_content)
    return None if content is None else json.loads(content)


def pdf_of(letter: Letter) -> bytes:
    """The PDF as it was sent; `Hidden` where it was erased, `Conflict` where it no longer has its digest."""
    pdf = Seal(letter.dispute.decision_id).open(f"letter-pdf/{letter.id}", letter.sealed_pdf)
    if pdf is None:
        raise Hidden
    if hashlib.sha256(pdf).hexdigest() != letter.pdf_sha256:
        raise Conflict("The letter no longer has the digest with which it was sent.", code="damaged")
    return pdf


def entry_of(letter: Letter) -> uuid.UUID | None:
    """The entry of the trail that proves the sending."""
    step = letter.dispute.steps.filter(event="letter.sent", details__letter=str(letter.id)).first()
    return step.entry_id if step else None


def facts_of(dispute: Dispute, ruling: Ruling, decision: Entry, language: str, now: datetime) -> Facts:
    """All that a letter about the decided case may speak of."""
    policy = policy_of(dispute.system)
    system = System.objects.filter(slug=dispute.system).first()
    output = trail.output_of(decision.id) or {}
    return Facts(
        case=dispute.number,
        today=now.date(),
        received=dispute.received_at.date(),
        decided_on=decision.at.date(),
        ruled_on=ruling.decided_at.date(),
        outcome=ruling.outcome,
        answer_before=ruling.answer_before,
        answer_now=ruling.answer_now,
        grounds=grounds_of(ruling),
        system=system.name if system else dispute.system,
        purpose=system.purpose if system else "",
        department=system.owner if system else "",
        version=decision.version,
        score=output.get("score"),
        sender=policy.sender,
        contact=policy.contact,
        authority=policy.authority,
        spec=spec_of(decision),
        report=_report_of(dispute),
        corrected=tuple(ruling.correction.changed) if ruling.correction else (),
        wording=wording_in(dispute.system, language),
    )


def _report_of(dispute: Dispute) -> Mapping[str, Any] | None:
    return report_of(dispute.explanation) if dispute.explanation else None


def _missing(dispute: Dispute, sender: str, recipient: str, facts: Facts) -> list[str]:
    problems = []
    if dispute.erased_on:
        problems.append("The personal data of the decision was erased; nothing can be written about it.")
    if not dispute.identity:
        problems.append("Nobody has made sure yet who contests. Do that on the page of the case.")
    if not sender:
        problems.append(f"The dispute policy of {dispute.system} does not say who writes.")
    if not recipient.strip():
        problems.append("It is addressed to nobody: fill in name and address.")
    if facts.report is None and facts.score is not None:
        problems.append("The decision is not explained yet. Have it explained first, so that the letter gives reasons.")
    return problems


def _warnings(inline: Mapping[str, str]) -> list[str]:
    if not inline.get("protected"):
        return []
    named = inline["protected"]
    return [f"The model used a protected characteristic ({named}), and the letter says so. Is the decision right?"]

