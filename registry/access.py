"""Who may make which move with which version; pure decisions over an actor and what is known of the version."""

from __future__ import annotations

from portal.accounts.access import Actor
from portal.errors import Forbidden
from registry.lifecycle import Transition


def check_move(actor: Actor, move: Transition, *, submitted_by: str | None) -> None:
    """`Forbidden`, with the reason, unless the actor may make the move."""
    actor.need(move.permission)
    reason = barred_because(actor, move, submitted_by=submitted_by)
    if reason:
        raise Forbidden(reason)


def barred_because(actor: Actor, move: Transition, *, submitted_by: str | None) -> str:
    """Why somebody with the permission may still not make the move; empty when nothing bars them."""
    if move.needs_person and not actor.is_person:
        return f"Only a person may {move.name} a version; {actor.label} is a service."
    if move.bars_submitter and actor.label == submitted_by:
        return f"You submitted this version, so somebody else must {move.name} it."
    return ""
