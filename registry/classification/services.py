"""Classifying a system, and saying who provides it and what is registered of it: each adds one revision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem
from portal.templatetags.portal_tags import who
from registry.classification.answers import problems_in
from registry.classification.queries import changed_fields, facts_of, newest_of, organisation, registration_of
from registry.events import Event
from registry.models import Organisation, Registration, System, SystemClassification
from registry.practices import PRACTICES

Row = TypeVar("Row", SystemClassification, Organisation, Registration)
RISK_CLASS_CHANGES = "risk_class_changes"


@transaction.atomic
def classify_system(
    *,
    actor: Actor,
    system: System,
    answers: Mapping[str, Any],
    expected_revision: int,
    accepted_risk_class: str = "",
    reason: str,
    now: datetime,
) -> SystemClassification:
    """A new classification; the system's risk class and point follow it.

    `Invalid` naming each answer that contradicts another one or the law; and, with the code `risk_class_changes`,
    unless the risk class that it would move to is the accepted one. `Conflict` when it was classified meanwhile.
    """
    actor.need(Permission.SYSTEM_CLASSIFY)
    if problems := problems_in(answers):
        raise Invalid("The answers do not fit together.", details=problems)
    locked = System.objects.select_for_update().get(pk=system.pk)
    newest = _expected(newest_of(locked), expected_revision)
    row = SystemClassification(system=locked, **answers)
    row.risk_class = facts_of(row, organisation(), registration_of(locked)).risk_class
    before = (locked.risk_class, locked.annex_iii_point)
    if row.risk_class not in (locked.risk_class, accepted_risk_class):
        problem = Problem("accepted_risk_class", row.risk_class)
        raise Invalid("The system moves to another risk class.", code=RISK_CLASS_CHANGES, details=[problem])
    _add(row, newest, actor, reason, now)
    if before != (row.risk_class, row.annex_iii_point):
        locked.risk_class, locked.annex_iii_point = row.risk_class, row.annex_iii_point
        locked.save(update_fields=["risk_class", "annex_iii_point"])
    details = {**_told(row), "from": {"risk_class": before[0], "annex_iii_point": before[1]}}
    trail.record(actor=actor, event=Event.SYSTEM_CLASSIFIED, system=locked.slug, details=details, text=reason)
    return row


@transaction.atomic
def describe_organisation(
    *, actor: Actor, facts: Mapping[str, Any], expected_revision: int, reason: str, now: datetime
) -> Organisation:
    """Who we are from now on; `Conflict` when somebody else wrote it meanwhile."""
    actor.need(Permission.SYSTEM_CLASSIFY)
    row, before = Organisation(**facts), _expected(organisation(), expected_revision)
    _add(row, before, actor, reason, now)
    details = {"revision": row.revision, "changed": changed_fields(before, row)}
    trail.record(actor=actor, event=Event.ORGANISATION_DESCRIBED, details=details, text=reason)
    return row


@transaction.atomic
def describe_registration(
    *, actor: Actor, system: System, facts: Mapping[str, Any], expected_revision: int, reason: str, now: datetime
) -> Registration:
    """What is registered of the system from now on; what `facts` leave out stays as it was. `Conflict` likewise."""
    actor.need(Permission.SYSTEM_CLASSIFY)
    before = _expected(registration_of(system), expected_revision)
    names = {field.name for field in Registration._meta.concrete_fields} - {"id", "system", "revision"}
    kept = {name: getattr(before, name) for name in names} if before else {}
    row = Registration(**{**kept, **facts, "system": system})
    _add(row, before, actor, reason, now)
    details = {"revision": row.revision, "changed": changed_fields(before, row)}
    trail.record(
        actor=actor, event=Event.REGISTRATION_DESCRIBED, system=system.slug, details=details, text=reason
    )
    return row


def _told(row: SystemClassification) -> dict[str, Any]:
    """What the trail keeps of a classification; notes and assessments stay in the row."""
    return {
        "revision": row.revision,
        "to": {"risk_class": row.risk_class, "annex_iii_point": row.annex_iii_point},
        "role": row.role,
        "exit": row.exit_condition,
        "practices_found": [letter for letter in PRACTICES if row.practices[letter]["found"]],
    }


def _expected(newest: Row | None, revision: int) -> Row | None:
    """The newest row, if it is the one that the person saw."""
    present = newest.revision if newest else 0
    if present != revision:
        by = who(newest.changed_by) if newest else "nobody"
        raise Conflict(
            f"Revision {present} by {by} is the newest; you saw revision {revision}. What you wrote is still here: look"
            " at what changed, then save again.",
            code="revision_conflict",
        )
    return newest


def _add(row: Row, newest: Row | None, actor: Actor, reason: str, now: datetime) -> None:
    """The row as the next revision; `Conflict` when somebody else's came in the same moment."""
    row.revision = newest.revision + 1 if newest else 1
    row.reason, row.changed_by, row.changed_at = reason, actor.label, now
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "revision_unique" not in str(error):
            raise
        words = "Somebody saved a revision in the same moment. What you wrote is still here: save again."
        raise Conflict(words, code="revision_conflict") from None
