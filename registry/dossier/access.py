"""Who may write on which point of the dossier; pure decisions over an actor and who should write by the law's data."""

from __future__ import annotations

from portal.accounts.access import Actor, Permission, Role
from portal.errors import Forbidden

COMPLIANCE_ONLY = "compliance"


def barred_because(actor: Actor, written_by: str) -> str:
    """Why the actor may not write on a point of that writer; empty when nothing bars them."""
    if not actor.may(Permission.DOSSIER_WRITE):
        return "ML leads and compliance officers write the dossier."
    if not actor.is_person:
        return "Only a person can sign a statement; a token cannot."
    if written_by == COMPLIANCE_ONLY and Role.COMPLIANCE not in actor.roles:
        return "A compliance officer writes this point."
    return ""


def need_to_write(actor: Actor, written_by: str) -> None:
    """`Forbidden`, with the reason, unless the actor may write on a point of that writer."""
    if reason := barred_because(actor, written_by):
        raise Forbidden(reason)
