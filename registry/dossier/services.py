"""Every write of the dossier: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict
from registry.dossier.regulation import read_law
from registry.events import Event
from registry.models import Regulation, Requirement

_POINT = ("ref", "title", "asks", "group", "article", "written_by", "applies_to", "condition", "applies_from")
_MORE = ("mandatory", "evidence_from", "needs", "note", "deadline")


@transaction.atomic
def load_regulation(*, actor: Actor, said: bytes, now: datetime) -> Regulation:
    """A state of the law from its file; the one that is there already when the bytes are the same.

    `Invalid` for a file that does not hold together; `Conflict` where the version or its first day is taken by others.
    """
    actor.need(Permission.LAW_LOAD)
    law = read_law(said)
    version = law.said["version"]
    taken = Regulation.objects.filter(version=version).first()
    if taken and taken.sha256 == law.sha256:
        return taken
    if taken:
        raise Conflict(f"“{version}” is loaded already, with other contents. A changed law is a version of its own.")
    if same_day := Regulation.objects.filter(in_force_from=law.in_force_from).first():
        raise Conflict(f"“{same_day.version}” is in force from {law.in_force_from} on already.")
    names = ("version", "title", "sources", "groups", "evidence")
    regulation = Regulation.objects.create(
        **{name: law.said[name] for name in names},
        in_force_from=law.in_force_from,
        sha256=law.sha256,
        loaded_by=actor.label,
        loaded_at=now,
    )
    Requirement.objects.bulk_create(
        Requirement(
            regulation=regulation,
            item=point["id"],
            place=place,
            **{name: point[name] for name in _POINT},
            **{name: point[name] for name in _MORE if name in point},
        )
        for place, point in enumerate(law.said["requirements"])
    )
    details = {"version": version, "in_force_from": law.said["in_force_from"], "sha256": law.sha256}
    trail.record(actor=actor, event=Event.REGULATION_LOADED, object=version, details=details)
    return regulation
