"""Every write of reports about incidents: one decision, one transaction, one entry in the trail each.

The portal carries no mail: whoever sends a report says to whom, when and under which reference. What was sent is frozen
then, and its digest is in the trail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem
from registry.events import Event
from registry.incidents.files import store_file, told_of
from registry.incidents.moves import keep_step, lock_incident, move
from registry.incidents.reporting.content import SECTIONS
from registry.incidents.reporting.queries import content_now, pdf_of
from registry.models import Filing, Incident, IncidentMessage, IncidentReport

MOST_SECTION = 20_000
MOST_WORDS = 20_000
Stage, Direction = IncidentReport.Stage, IncidentMessage.Direction


@transaction.atomic
def save_report(
    *,
    actor: Actor,
    incident: Incident,
    stage: str,
    sections: Mapping[str, str],
    expected_number: int | None = None,
    now: datetime,
) -> IncidentReport:
    """A new version of the report: what people wrote, with the facts of the case as they are.

    `expected_number` is the version that the actor began with (0: none); `Conflict` where somebody saved one since.
    """
    locked = _lock(actor, incident)
    if not locked.is_open:
        raise Conflict(f"The case is {locked.state}; reopen it first.", code="wrong_state")
    plain = {name: sections.get(name, "").replace("\r\n", "\n").strip() for name in SECTIONS}
    if problems := _report_problems(stage, plain):
        raise Invalid("The report cannot be saved.", details=problems)
    newest = locked.reports.first()
    number = newest.number if newest else 0
    if expected_number not in (None, number):
        raise Conflict(f"Version {number} was saved in between. Look at it first.", code="report_changed")
    content = content_now(locked, stage, plain)
    facts = {"stage": stage, "sections": plain, "content": content, "saved_by": actor.label, "saved_at": now}
    made = IncidentReport.objects.create(incident=locked, number=number + 1, **facts)
    details = {"report": made.number, "stage": stage}
    words = "\n\n".join(plain.values())
    keep_step(
        **{"actor": actor, "incident": locked, "event": Event.INCIDENT_REPORT_SAVED, "now": now},
        details={**details, "sha256": hashlib.sha256(words.encode()).hexdigest()},
    )
    return made


@transaction.atomic
def send_report(
    *,
    actor: Actor,
    incident: Incident,
    number: int,
    authority: str,
    reference: str = "",
    sent_at: datetime,
    now: datetime,
) -> Filing:
    """Note down that the newest version went to an authority; its PDF is frozen, and the case moves on.

    `Conflict` for a version that is not the newest or was sent already, `Invalid` for a date in the future or before
    anybody was aware.
    """
    locked = _lock(actor, incident)
    report = locked.reports.first()
    if report is None:
        raise Conflict("There is no report yet: save one first.", code="no_report")
    if report.number != number:
        raise Conflict(f"Version {report.number} was saved in between. Look at it first.", code="report_changed")
    if problems := _sending_problems(locked, authority, sent_at, now):
        raise Invalid("This cannot be noted down.", details=problems)
    move(actor, locked, f"report_{report.stage}")
    pdf = pdf_of(report)
    facts = {"authority": authority.strip(), "reference": reference.strip(), "sent_at": sent_at}
    try:
        with transaction.atomic():
            filing = Filing.objects.create(
                **{"incident": locked, "report": report, **facts, "pdf": pdf},
                **{"pdf_sha256": hashlib.sha256(pdf).hexdigest(), "recorded_by": actor.label, "recorded_at": now},
            )
    except IntegrityError:
        raise Conflict(f"Version {number} was sent already; save a new one.", code="sent_already") from None
    details = {
        **{"report": report.number, "stage": report.stage, "authority": filing.authority},
        **{"reference": filing.reference, "sent_at": sent_at.isoformat(), "pdf_sha256": filing.pdf_sha256},
    }
    keep_step(actor=actor, incident=locked, event=Event.INCIDENT_REPORT_SENT, details=details, now=now)
    return filing


@transaction.atomic
def keep_message(
    *,
    actor: Actor,
    incident: Incident,
    direction: str,
    authority: str,
    reference: str = "",
    at: datetime,
    words: str,
    file: tuple[str, bytes] | None = None,
    now: datetime,
) -> IncidentMessage:
    """Keep what an authority wrote to us, or we to it; `file` is the name and content of what came along."""
    locked = _lock(actor, incident)
    problems = _text_problems(words, "words", MOST_WORDS) + _text_problems(authority, "authority", 200)
    if direction not in Direction.values:
        problems.append(Problem("direction", f"must be one of: {', '.join(Direction.values)}"))
    if at > now:
        problems.append(Problem("at", "lies in the future"))
    if problems:
        raise Invalid("The message cannot be kept.", details=problems)
    made = IncidentMessage.objects.create(
        **{"incident": locked, "direction": direction, "authority": authority.strip(), "at": at},
        **{"reference": reference.strip(), "words": words.strip(), "kept_by": actor.label, "kept_at": now},
    )
    details = {"direction": Direction(direction).label, "authority": made.authority, "reference": made.reference}
    if file is not None:
        kept = store_file(actor=actor, incident=locked, name=file[0], content=file[1], message=made, now=now)
        details |= {"file": told_of(kept)}
    step = {"actor": actor, "incident": locked, "event": Event.INCIDENT_MESSAGE_KEPT, "now": now}
    keep_step(**step, words=made.words, details=details)
    return made


def _lock(actor: Actor, incident: Incident) -> Incident:
    actor.need(Permission.INCIDENT_HANDLE)
    return lock_incident(incident)


def _report_problems(stage: str, sections: Mapping[str, str]) -> list[Problem]:
    problems = []
    if stage not in Stage.values:
        problems.append(Problem("stage", f"must be one of: {', '.join(Stage.values)}"))
    for name, words in sections.items():
        if len(words) > MOST_SECTION:
            problems.append(Problem(name, f"has {len(words):,} characters; at most {MOST_SECTION:,} are taken"))
        if stage == Stage.FINAL and not words:
            problems.append(Problem(name, "is required in the complete report; say so if there is nothing to say"))
    if not any(sections.values()):
        problems.append(Problem("happened", "is required"))
    return problems


def _sending_problems(incident: Incident, authority: str, sent_at: datetime, now: datetime) -> list[Problem]:
    problems = _text_problems(authority, "authority", 200)
    if sent_at > now:
        problems.append(Problem("sent_at", "lies in the future"))
    if sent_at < incident.assessments.all()[0].aware_at:
        problems.append(Problem("sent_at", "lies before we became aware"))
    return problems


def _text_problems(words: str, field: str, most: int) -> list[Problem]:
    if not words.strip():
        return [Problem(field, "is required")]
    if len(words) > most:
        return [Problem(field, f"has {len(words):,} characters; at most {most:,} are taken")]
    return []
