"""Every write of letters: one decision, one transaction, one entry in the trail each.

Sending freezes: content, PDF and the template's version stay as they were, and the trail holds the PDF's digest. The
portal carries no mail; whoever sends says how the letter goes out.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction

import audit.services as trail
from audit.identifiers import new_id
from audit.models import Entry
from explain.events import Event
from explain.letters import queries
from explain.models import Dispute, Letter, LetterTemplate
from explain.moves import keep_step, lock_dispute, move
from explain.sealing import Seal
from explain.wording.services import LANGUAGE
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem
from portal.printing.press import NotPrinted, print_pdf

LAYOUT = Path(__file__).resolve().parents[1] / "layouts" / "letter.typ"


@transaction.atomic
def send_letter(
    *,
    actor: Actor,
    dispute: Dispute,
    decision: Entry,
    language: str,
    recipient: str,
    delivery: str,
    seen_sha256: str | None = None,
    expected_state: str | None = None,
    now: datetime,
) -> Letter:
    """The letter of a decided case, frozen; the case is answered.

    `seen_sha256` is the digest of the draft that the actor saw. `Conflict` where it is another by now, or anything
    stands against sending (`queries.Draft.problems`).
    """
    locked = lock_dispute(dispute)
    move(actor, locked, "answer", expected_state)
    if delivery not in queries.DELIVERIES:
        problem = Problem("delivery", f"must be one of: {', '.join(queries.DELIVERIES)}")
        raise Invalid("The letter cannot be sent so.", details=[problem])
    draft = queries.draft_of(locked, decision, language=language, recipient=recipient, now=now)
    if draft.problems or draft.template is None:
        details = [Problem("letter", problem) for problem in draft.problems]
        raise Conflict(f"The letter cannot be sent: {draft.problems[0]}", code="letter_incomplete", details=details)
    if seen_sha256 is not None and seen_sha256 != draft.sha256:
        raise Conflict("The letter says something else than what you saw. Look at it again.", code="letter_changed")
    return _freeze(actor, locked, draft, draft.template, delivery, now)


@transaction.atomic
def record_letter_reading(*, actor: Actor, letter: Letter) -> None:
    """Record that the actor reads or copies a letter that was sent, before it is shown."""
    dispute = letter.dispute
    details = {"dispute": dispute.number, "letter": str(letter.id)}
    trail.record(
        actor=actor,
        event=Event.LETTER_READ,
        system=dispute.system,
        object=str(dispute.decision_id),
        details=details,
    )


@transaction.atomic
def save_template(
    *,
    actor: Actor,
    jurisdiction: str,
    language: str,
    kind: str,
    title: str,
    body: str,
    reason: str,
    expected_number: int | None = None,
    now: datetime,
) -> LetterTemplate:
    """A new version of the template, used from now on; letters that were sent stay as they were.

    `Invalid` names every line that is wrong; `Conflict` where somebody saved a version in between.
    """
    actor.need(Permission.LETTER_MANAGE)
    body = body.replace("\r\n", "\n").strip() + "\n"
    problems = _template_problems(jurisdiction, language, kind, title, body, reason)
    if problems:
        raise Invalid("The template cannot be saved.", details=problems)
    number = queries.number_of(jurisdiction, language, kind)
    if expected_number is not None and expected_number != number:
        raise Conflict(f"Version {number} was saved in between. Look at it first.", code="template_changed")
    facts = {"jurisdiction": jurisdiction, "language": language, "kind": kind, "number": number + 1}
    try:
        with transaction.atomic():
            made = LetterTemplate.objects.create(
                title=title, body=body, reason=reason, saved_by=actor.label, saved_at=now, **facts
            )
    except IntegrityError:
        raise Conflict("Somebody saved a version in this moment. Look at it first.", code="template_changed") from None
    text = f"{title}\n{body}"
    details = {**facts, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    trail.record(actor=actor, event=Event.LETTER_TEMPLATE_SAVED, details=details, text=reason)
    return made


def _freeze(
    actor: Actor, dispute: Dispute, draft: queries.Draft, template: LetterTemplate, delivery: str, now: datetime
) -> Letter:
    try:
        pdf = print_pdf(LAYOUT, draft.content, at=now, attached=draft.for_machines)
    except NotPrinted as error:
        raise Conflict(f"The letter cannot be sent: {error}", code="not_printed") from None
    identifier, seal = new_id(), Seal(dispute.decision_id)
    letter = Letter.objects.create(
        id=identifier,
        dispute=dispute,
        ruling=draft.ruling,
        template=template,
        delivery=delivery,
        sealed_content=seal.seal(f"letter/{identifier}", json.dumps(draft.content).encode()),
        sealed_pdf=seal.seal(f"letter-pdf/{identifier}", pdf),
        pdf_bytes=len(pdf),
        pdf_sha256=hashlib.sha256(pdf).hexdigest(),
        sent_by=actor.label,
        sent_at=now,
    )
    details = {
        "letter": str(letter.id),
        "template": f"{template.jurisdiction}/{template.language}/{template.kind}/{template.number}",
        "delivery": delivery,
        "pdf_sha256": letter.pdf_sha256,
    }
    keep_step(actor=actor, dispute=dispute, event=Event.LETTER_SENT, details=details, now=now)
    return letter


def _template_problems(
    jurisdiction: str, language: str, kind: str, title: str, body: str, reason: str
) -> list[Problem]:
    problems = []
    if not jurisdiction.isascii() or not jurisdiction.isalnum() or len(jurisdiction) > 8:
        problems.append(Problem("jurisdiction", "must have 1 to 8 letters or digits, such as EU"))
    if not LANGUAGE.fullmatch(language):
        problems.append(Problem("language", "must be a code such as en or de"))
    if kind not in queries.KINDS:
        problems.append(Problem("kind", f"must be one of: {', '.join(queries.KINDS)}"))
    if not title.strip() or len(title) > 200:
        problems.append(Problem("title", "must have 1 to 200 characters"))
    if not reason.strip():
        problems.append(Problem("reason", "is required"))
    for each in queries.template_problems(title, body):
        problems.append(Problem("body" if each.line else "title", f"{each.where}: {each.words}"))
    return problems
