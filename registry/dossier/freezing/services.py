"""Freezing a dossier for named people to sign: each act one transaction, with one entry that holds the digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem
from portal.templatetags.portal_tags import who
from registry import store
from registry.dossier.content import bytes_of, content_of
from registry.dossier.freezing import queries
from registry.dossier.queries import Point, dossier_of
from registry.events import Event
from registry.models import DossierSignature, FrozenDossier, FrozenState, System, Version

MOST_SIGNATORIES = 10


@transaction.atomic
def freeze_dossier(
    *, actor: Actor, version: Version, signatories: Sequence[str], seen: str, reason: str, now: datetime
) -> FrozenDossier:
    """Freeze what the dossier of the version says now, and ask the people of these user names to sign it.

    `seen` is the `states_digest` that the actor was shown. `Conflict` where it is another by now, or while another
    dossier of the system waits; `Invalid` without a reason in spite of gaps, and for people who may not sign.
    """
    actor.need(Permission.DOSSIER_FREEZE)
    # One after the other, or two would take one number.
    system = System.objects.select_for_update().get(pk=version.system_id)
    if waiting := queries.open_proposal(system):
        raise Conflict(f"Dossier {waiting.number} waits for signatures. End it first.", code="dossier_waits")
    named = _named(signatories)
    dossier = dossier_of(system, version, now)
    if queries.states_digest(dossier) != seen:
        raise Conflict("Points changed while you looked at them. Look again, then freeze it.", code="dossier_changed")
    gaps = [_gap(point) for point in queries.gaps_of(dossier)]
    if gaps and not reason.strip():
        words = f"{len(gaps)} mandatory points are not settled. Say why it is signed in spite of that."
        raise Invalid(words, code="reason_needed", details=[Problem("reason", words)])
    said = bytes_of(content_of(dossier))
    number = (system.frozen_dossiers.aggregate(newest=Max("number"))["newest"] or 0) + 1
    sha256 = store.put(settings.ARTIFACT_DIR, said)
    details = {"content_sha256": sha256, "signatories": [place["person"] for place in named], "gaps": len(gaps)}
    entry = _record(actor, Event.DOSSIER_PROPOSED, system, version, number, details, reason)
    return FrozenDossier.objects.create(
        system=system,
        number=number,
        version=version,
        regulation=dossier.regulation,
        content_sha256=sha256,
        content_bytes=len(said),
        gaps=gaps,
        reason=reason,
        signatories=named,
        proposed_by=actor.label,
        proposed_at=now,
        proposal_entry=entry,
    )


@transaction.atomic
def sign_dossier(
    *, actor: Actor, dossier: FrozenDossier, content_sha256: str, statement: str, now: datetime
) -> FrozenDossier:
    """Sign the content of that digest; with the last named person's signature the dossier is complete.

    `Forbidden` to services and whoever is not named; `Conflict` once it ended, after one's own signature, and for
    another digest than that of what was frozen. With the last one its PDF is printed and kept.
    """
    actor.need(Permission.DOSSIER_SIGN)
    locked = _lock(dossier)
    role = _role_of_signatory(actor, locked)
    if locked.signatures.filter(person=actor.label).exists():
        raise Conflict("You have signed it already.", code="signed_already")
    # Hashed anew: nobody signs bytes that the store no longer has.
    if hashlib.sha256(queries.content_bytes(locked)).hexdigest() != content_sha256:
        raise Conflict("This is not the digest of what was frozen. Open the dossier anew.", code="other_content")
    given = DossierSignature(
        dossier=locked,
        person=actor.label,
        role=role,
        statement=statement,
        content_sha256=content_sha256,
        signed_at=now,
    )
    signatures = [*locked.signatures.all(), given]
    details: dict[str, Any] = {"content_sha256": content_sha256, "role": role}
    if len(signatures) < len(locked.signatories):
        given.entry_id = _record_on(locked, actor, Event.DOSSIER_SIGNED, details, statement)
        given.save()
        return locked
    pdf = queries.printed(locked, signatures)
    pdf_sha256 = store.put(settings.ARTIFACT_DIR, pdf)
    details |= {"pdf_sha256": pdf_sha256, "signed_by": [signature.person for signature in signatures]}
    given.entry_id = _record_on(locked, actor, Event.DOSSIER_COMPLETED, details, statement)
    given.save()
    return _end(locked, FrozenState.COMPLETE, actor, now, end_entry=given.entry_id, pdf_sha256=pdf_sha256)


@transaction.atomic
def decline_dossier(*, actor: Actor, dossier: FrozenDossier, reason: str, now: datetime) -> FrozenDossier:
    """A named person's no; the dossier ends with it, and is frozen anew once what was wrong is right."""
    actor.need(Permission.DOSSIER_SIGN)
    locked = _lock(dossier)
    _role_of_signatory(actor, locked)
    entry = _record_on(locked, actor, Event.DOSSIER_DECLINED, {"content_sha256": locked.content_sha256}, reason)
    return _end(locked, FrozenState.DECLINED, actor, now, end_entry=entry, end_reason=reason)


@transaction.atomic
def withdraw_dossier(*, actor: Actor, dossier: FrozenDossier, reason: str, now: datetime) -> FrozenDossier:
    """Take a dossier back before everybody signed; what was signed stays on record."""
    actor.need(Permission.DOSSIER_FREEZE)
    locked = _lock(dossier)
    entry = _record_on(locked, actor, Event.DOSSIER_WITHDRAWN, {"content_sha256": locked.content_sha256}, reason)
    return _end(locked, FrozenState.WITHDRAWN, actor, now, end_entry=entry, end_reason=reason)


def _named(usernames: Sequence[str]) -> list[dict[str, str]]:
    """The people as they are kept; `Invalid` for none, too many, and people whose role does not let them sign."""
    could = {person.username: person for person in queries.people_who_could_sign()}
    wanted = list(dict.fromkeys(usernames))
    if not 0 < len(wanted) <= MOST_SIGNATORIES:
        words = f"Name between one and {MOST_SIGNATORIES} people who sign."
        raise Invalid(words, details=[Problem("signatories", words)])
    if unknown := [name for name in wanted if name not in could]:
        words = f"{', '.join(unknown)} may not sign a dossier."
        raise Invalid(words, details=[Problem("signatories", words)])
    # The name as it is now: a paper is signed by a person, not by an account.
    return [
        {"person": person.actor.label, "role": queries.role_of(person), "name": person.get_full_name()}
        for person in (could[name] for name in wanted)
    ]


def _gap(point: Point) -> dict[str, str]:
    asked = point.requirement
    return {"item": point.item, "ref": asked.ref, "title": asked.title, "state": str(point.state)}


def _lock(dossier: FrozenDossier) -> FrozenDossier:
    """The dossier, locked until the transaction ends; `Conflict` once it has ended."""
    rows = FrozenDossier.objects.select_for_update(of=("self",)).select_related("system", "version")
    locked = rows.get(pk=dossier.pk)
    if not locked.is_open:
        words = f"Dossier {locked.number} is {locked.state}, so nothing about it changes any more."
        raise Conflict(words, code="dossier_ended")
    return locked


def _role_of_signatory(actor: Actor, dossier: FrozenDossier) -> str:
    for named in dossier.signatories:
        if named["person"] == actor.label:
            return str(named["role"])
    people = ", ".join(who(named["person"]) for named in dossier.signatories)
    raise Forbidden(f"Only those who were named may do this: {people}.")


def _end(dossier: FrozenDossier, state: FrozenState, actor: Actor, now: datetime, **more: object) -> FrozenDossier:
    changes = {"state": state.value, "ended_by": actor.label, "ended_at": now, **more}
    for name, value in changes.items():
        setattr(dossier, name, value)
    dossier.save(update_fields=list(changes))
    return dossier


def _record_on(dossier: FrozenDossier, actor: Actor, event: Event, details: dict[str, Any], text: str) -> UUID:
    return _record(actor, event, dossier.system, dossier.version, dossier.number, details, text)


def _record(
    actor: Actor,
    event: Event,
    system: System,
    version: Version,
    number: int,
    details: dict[str, Any],
    text: str,
) -> UUID:
    return trail.record(
        actor=actor,
        event=event,
        system=system.slug,
        version=version.number,
        object=f"dossier {number}",
        details={"dossier": number, **details},
        text=text or None,
    )
