"""Who may ratify a release that nobody had approved; a pure decision over an actor and the release."""

from __future__ import annotations

from portal.accounts.access import Actor, Role
from registry.models import Release, RiskClass


def ratification_barred(actor: Actor, release: Release) -> str:
    """Why somebody with the right to approve may still not ratify the release; empty when nothing bars them."""
    if not actor.is_person:
        return f"Only a person may ratify a release; {actor.label} is a service."
    if actor.label in (release.released_by, release.version.submitted_by):
        return "You released or submitted this version, so somebody else must ratify it."
    if release.system.risk_class == RiskClass.HIGH and Role.COMPLIANCE not in actor.roles:
        return "The system is high-risk, so a compliance officer must ratify it."
    return ""
