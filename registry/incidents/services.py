"""Every write of a case about an incident: one decision, one transaction, one entry in the trail each.

Reports and what is written with authorities are in `registry.incidents.reporting`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

import audit.queries as trail
from audit.erasure import holds
from portal.accounts.access import Actor, Permission
from portal.addresses import number_in
from portal.errors import Conflict, Forbidden, Hidden, Invalid, Problem
from registry.events import Event
from registry.incidents.clocks import Clock, Judged, clocks_of, problems_of
from registry.incidents.files import store_file, told_of
from registry.incidents.moves import keep_step, lock_incident, move
from registry.models import (
    Assessment,
    Incident,
    IncidentFile,
    IncidentHold,
    IncidentLink,
    IncidentRole,
    IncidentVersion,
    Kind,
    System,
    Version,
)
from registry.moves import lock_version

MOST_WORDS = 20_000
ENDING = {
    "close": Event.INCIDENT_CLOSED,
    "find_not_serious": Event.INCIDENT_FOUND_NOT_SERIOUS,
    "reopen": Event.INCIDENT_REOPENED,
}
JUDGED_WORDS = {
    "kind": "kind",
    "is_death": "whether somebody died",
    "is_widespread": "whether it is widespread",
    "role": "our role",
    "aware_at": "since when we know",
    "causality": "cause",
    "causality_at": "since when the cause is known",
    "sector_rule": "another law's reporting",
}
What = IncidentLink.What


@transaction.atomic
def open_incident(
    *,
    actor: Actor,
    system: System,
    versions: Sequence[Version],
    description: str,
    judged: Judged,
    links: Iterable[tuple[str, str]] = (),
    now: datetime,
) -> Incident:
    """A new case with its clock, and the legal hold on the versions and on the system's part of the trail.

    `links` are pairs of a kind of thing and its number, id or address. `Invalid` names everything that is wrong.
    """
    actor.need(Permission.INCIDENT_OPEN)
    wanted = list(dict.fromkeys((what, _plain(what, value)) for what, value in links))
    problems = [*_words_problems(description, "description"), *_judged_problems(judged, now)]
    if not versions and system.versions.exists():
        problems.append(Problem("versions", "is required: which versions does it concern?"))
    problems += [problem for what, value in wanted for problem in _link_problems(actor, system, what, value)]
    if problems:
        raise Invalid("The case cannot be opened.", details=problems)
    clock = clocks_of(judged)[0]
    facts = {"description": description.strip(), "due_at": clock.due_at, "opened_by": actor.label, "opened_at": now}
    incident = Incident.objects.create(system=system, **facts)
    _assess(actor, incident, judged, 1, "As it was seen when the case was opened.", now)
    for version in versions:
        _hold(actor, incident, version, now)
    for what, value in wanted:
        IncidentLink.objects.create(incident=incident, what=what, value=value, added_by=actor.label, added_at=now)
    _put_hold_on(actor, incident, now)
    details = {"versions": [version.number for version in versions], **_told(clock)}
    keep_step(
        **{"actor": actor, "incident": incident, "event": Event.INCIDENT_OPENED, "now": now},
        words=incident.description,
        details=details,
    )
    return incident


@transaction.atomic
def assess_incident(
    *,
    actor: Actor,
    incident: Incident,
    judged: Judged,
    reason: str,
    expected_number: int | None = None,
    now: datetime,
) -> Assessment:
    """Judge the case anew, with a reason; its clock follows. What it was judged to be before stays on record.

    `expected_number` is the assessment that the actor saw; `Conflict` where another stands by now.
    """
    locked = _lock_open(actor, incident)
    problems = [*_judged_problems(judged, now), *_words_problems(reason, "reason")]
    if problems:
        raise Invalid("The case cannot be judged so.", details=problems)
    before = locked.assessments.first()
    if before is None or expected_number not in (None, before.number):
        raise Conflict("Somebody judged it anew in between. Look at the case again.", code="assessment_changed")
    changed = sorted(name for name, value in asdict(judged).items() if getattr(before, name) != value)
    if not changed:
        raise Invalid("Nothing is judged otherwise than before.", details=[Problem("kind", "is as it was")])
    made = _assess(actor, locked, judged, before.number + 1, reason, now)
    clock = clocks_of(judged)[0]
    locked.due_at = clock.due_at
    locked.save(update_fields=["due_at"])
    told = ", ".join(JUDGED_WORDS[name] for name in changed)
    details = {"changed": told, "due_before": _day(clocks_of(before)[0].due_at), **_told(clock)}
    keep_step(
        actor=actor, incident=locked, event=Event.INCIDENT_ASSESSED, details=details, reason=reason, now=now
    )
    return made


@transaction.atomic
def hold_version(*, actor: Actor, incident: Incident, version: Version, now: datetime) -> IncidentVersion:
    """Another version that the case is about: it is held from now on. `Conflict` where it is already."""
    locked = _lock_open(actor, incident)
    if version.system_id != locked.system_id:
        raise Invalid("The version belongs to another system.", details=[Problem("version", "is of another system")])
    if locked.held_versions.filter(version=version).exists():
        raise Conflict(f"Version {version.number} is in the case already.", code="held_already")
    made = _hold(actor, locked, version, now)
    details = {"version": version.number, "artifact_sha256": version.artifact_sha256}
    keep_step(actor=actor, incident=locked, event=Event.INCIDENT_VERSION_HELD, details=details, now=now)
    return made


@transaction.atomic
def link_incident(*, actor: Actor, incident: Incident, what: str, value: str, now: datetime) -> IncidentLink:
    """Tie a decision, a dispute, a release or an address to the case. `Conflict` where it is tied already."""
    locked = _lock_open(actor, incident)
    value = _plain(what, value)
    if problems := _link_problems(actor, locked.system, what, value):
        raise Invalid("This cannot be tied to the case.", details=[Problem("value", item.problem) for item in problems])
    try:
        with transaction.atomic():
            made = IncidentLink.objects.create(
                incident=locked, what=what, value=value, added_by=actor.label, added_at=now
            )
    except IntegrityError:
        raise Conflict("This is in the case already.", code="linked_already") from None
    details = {"what": What(what).label.lower(), "value": value}
    keep_step(actor=actor, incident=locked, event=Event.INCIDENT_LINKED, details=details, now=now)
    return made


@transaction.atomic
def add_note(*, actor: Actor, incident: Incident, words: str, now: datetime) -> None:
    """Add what the case should hold; a note is never changed or taken back."""
    locked = _lock(actor, incident)
    if problems := _words_problems(words, "words"):
        raise Invalid("The note cannot be kept.", details=problems)
    keep_step(actor=actor, incident=locked, event=Event.INCIDENT_NOTE_ADDED, words=words.strip(), now=now)


@transaction.atomic
def add_file(*, actor: Actor, incident: Incident, name: str, content: bytes, now: datetime) -> IncidentFile:
    """Keep a file with the case; refused as `store_file` says."""
    locked = _lock(actor, incident)
    kept = store_file(actor=actor, incident=locked, name=name, content=content, now=now)
    step = {"actor": actor, "incident": locked, "event": Event.INCIDENT_FILE_ADDED, "now": now}
    keep_step(**step, details=told_of(kept))
    return kept


@transaction.atomic
def move_incident(
    name: str, *, actor: Actor, incident: Incident, reason: str, expected_state: str | None = None, now: datetime
) -> Incident:
    """Close the case, end it as no serious incident, or reopen it; `Hidden` for a move that nobody may ask for.

    The hold outlasts the case (`release_hold`); a reopened one holds again.
    """
    if name not in ENDING:
        raise Hidden
    locked = lock_incident(incident)
    move(actor, locked, name, expected_state)
    if problems := _words_problems(reason, "reason"):
        raise Invalid("A reason is needed.", details=problems)
    if name == "reopen" and not locked.holds.filter(released_at=None).exists():
        for held in locked.held_versions.select_related("version"):
            lock_version(held.version)
        _put_hold_on(actor, locked, now)
    keep_step(actor=actor, incident=locked, event=ENDING[name], reason=reason.strip(), now=now)
    return locked


@transaction.atomic
def release_hold(*, actor: Actor, incident: Incident, reason: str, now: datetime) -> IncidentHold:
    """End the hold of a case that has ended. `Forbidden` to whoever placed it; `Conflict` while the case is open."""
    locked = _lock(actor, incident)
    hold = locked.holds.filter(released_at=None).first()
    if hold is None:
        raise Conflict("Nothing is held by this case any more.", code="not_held")
    if locked.is_open:
        raise Conflict(f"The case is {locked.state}: its hold is released once it is closed.", code="wrong_state")
    if hold.placed_by == actor.label:
        raise Forbidden("The hold began with your own act, so another person has to release it.")
    if problems := _words_problems(reason, "reason"):
        raise Invalid("A reason is needed.", details=problems)
    hold.released_by, hold.released_at, hold.release_reason = actor.label, now, reason.strip()
    hold.save(update_fields=["released_by", "released_at", "release_reason"])
    holds.take_off(actor=actor, hold=hold.hold, reason=hold.release_reason, now=now)
    details = {"hold": str(hold.hold)}
    keep_step(
        **{"actor": actor, "incident": locked, "event": Event.INCIDENT_HOLD_RELEASED, "now": now},
        reason=hold.release_reason,
        details=details,
    )
    return hold


def _lock(actor: Actor, incident: Incident) -> Incident:
    actor.need(Permission.INCIDENT_HANDLE)
    return lock_incident(incident)


def _lock_open(actor: Actor, incident: Incident) -> Incident:
    locked = _lock(actor, incident)
    if not locked.is_open:
        raise Conflict(f"The case is {locked.state}; reopen it first.", code="wrong_state")
    return locked


def _assess(
    actor: Actor, incident: Incident, judged: Judged, number: int, reason: str, now: datetime
) -> Assessment:
    facts = {**asdict(judged), "reason": reason.strip(), "assessed_by": actor.label, "assessed_at": now}
    return Assessment.objects.create(incident=incident, number=number, **facts)


def _hold(actor: Actor, incident: Incident, version: Version, now: datetime) -> IncidentVersion:
    # Whoever is just moving it, or having it checked, comes before or after.
    locked = lock_version(version)
    return IncidentVersion.objects.create(incident=incident, version=locked, added_by=actor.label, added_at=now)


def _put_hold_on(actor: Actor, incident: Incident, now: datetime) -> None:
    reason = f"Held because of incident {incident.number} (AI Act Art. 73(6))."
    hold = holds.put_on(actor=actor, system=incident.system.slug, reason=reason, now=now)
    IncidentHold.objects.create(incident=incident, hold=hold.id, placed_by=actor.label, placed_at=now)


def _told(clock: Clock) -> dict[str, str]:
    return {"due": _day(clock.due_at), "article": clock.article}


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _words_problems(words: str, field: str) -> list[Problem]:
    if not words.strip():
        return [Problem(field, "is required")]
    if len(words) > MOST_WORDS:
        return [Problem(field, f"has {len(words):,} characters; at most {MOST_WORDS:,} are taken")]
    return []


def _judged_problems(judged: Judged, now: datetime) -> list[Problem]:
    problems = problems_of(judged, now)
    if judged.kind not in Kind.values:
        problems.append(Problem("kind", f"must be one of: {', '.join(Kind.values)}"))
    if judged.role not in IncidentRole.values:
        problems.append(Problem("role", f"must be one of: {', '.join(IncidentRole.values)}"))
    return problems


def _link_problems(actor: Actor, system: System, what: str, value: str) -> list[Problem]:
    """Why the thing cannot be tied to a case of the system; a dispute is kept above this app, and is believed."""
    words = ""
    if what == What.DECISION:
        words = "" if _is_decision(actor, system, value) else "is no decision of this system"
    elif what == What.DISPUTE:
        words = "" if number_in(value) else "must be the number of a dispute"
    elif what == What.RELEASE:
        words = "" if system.releases.filter(number=number_in(value)).exists() else "is no release of this system"
    elif what == What.URL:
        words = "" if _is_address(value) else "must be an address that begins with https:// or http://"
    else:
        return [Problem("what", f"must be one of: {', '.join(What.values)}")]
    return [Problem(what, words)] if words else []


def _plain(what: str, value: str) -> str:
    """The value as it is kept: a decision's id in its one usual form."""
    try:
        return str(uuid.UUID(value.strip())) if what == What.DECISION else value.strip()
    except ValueError:
        return value.strip()


def _is_decision(actor: Actor, system: System, value: str) -> bool:
    try:
        return trail.decision_for(actor, uuid.UUID(value)).system == system.slug
    except (ValueError, Hidden):
        return False


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.netloc) and len(value) <= 500
