"""Who may make which move with which dispute; pure decisions over an actor and what is known of the case."""

from __future__ import annotations

from explain.lifecycle import Transition
from portal.accounts.access import Actor, Role
from portal.errors import Forbidden


def check_move(actor: Actor, move: Transition, *, received_by: str, reviewer: str | None, by_support: bool) -> None:
    """`Forbidden`, with the reason, unless the actor may make the move."""
    actor.need(move.permission)
    reason = barred_because(actor, move, received_by=received_by, reviewer=reviewer, by_support=by_support)
    if reason:
        raise Forbidden(reason)


def barred_because(
    actor: Actor, move: Transition, *, received_by: str, reviewer: str | None, by_support: bool
) -> str:
    """Why somebody with the permission may still not make the move; empty when nothing bars them.

    `by_support` says whether the system's policy lets support agents review.
    """
    if move.needs_person and not actor.is_person:
        return f"Only a person may {move.name} a dispute; {actor.label} is a service."
    if move.bars_receiver and actor.label == received_by:
        return f"You took this case in, so somebody else must {move.name} it."
    if move.needs_authority and not by_support and Role.COMPLIANCE not in actor.roles:
        return f"The policy of this system lets only compliance officers {move.name} a dispute."
    if move.needs_reviewer and actor.label != reviewer:
        whom = f"{reviewer.partition(':')[2]} reviews it" if reviewer else "nobody reviews it"
        return f"Only the reviewer may {move.name} a dispute, and {whom}."
    return ""
