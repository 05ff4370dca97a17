"""The states of a version and the moves between them, as one table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.accounts.access import Permission
from portal.errors import Conflict


class State(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    LIVE = "live"
    STANDBY = "standby"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


@dataclass(frozen=True)
class Transition:
    """One move: what it is called, from where to where, who may make it, and who may not although permitted."""

    name: str
    sources: frozenset[State]
    target: State
    permission: Permission
    # Four eyes: the person who submitted the version may not make this move.
    bars_submitter: bool = False
    needs_person: bool = False
    # A signature: the password is asked for again.
    needs_password: bool = False
    # Made by a release, never asked for by itself.
    by_release: bool = False
    # An incident's hold keeps a version as it is, and never in production.
    while_held: bool = False


TRANSITIONS: tuple[Transition, ...] = (
    Transition("submit", frozenset({State.DRAFT}), State.SUBMITTED, Permission.VERSION_SUBMIT),
    Transition(
        "approve",
        frozenset({State.SUBMITTED}),
        State.APPROVED,
        Permission.VERSION_APPROVE,
        bars_submitter=True,
        needs_person=True,
        needs_password=True,
    ),
    Transition(
        "reject",
        frozenset({State.SUBMITTED}),
        State.REJECTED,
        Permission.VERSION_APPROVE,
        bars_submitter=True,
        needs_person=True,
    ),
    # Before it is released, an approver may take their yes back; it then waits for approval again.
    Transition(
        "withdraw",
        frozenset({State.SUBMITTED, State.APPROVED}),
        State.SUBMITTED,
        Permission.VERSION_APPROVE,
        bars_submitter=True,
        needs_person=True,
    ),
    Transition(
        "reinstate",
        frozenset({State.QUARANTINED}),
        State.APPROVED,
        Permission.VERSION_APPROVE,
        needs_person=True,
    ),
    Transition(
        "retire",
        frozenset({State.APPROVED, State.STANDBY, State.QUARANTINED}),
        State.RETIRED,
        Permission.VERSION_RETIRE,
    ),
    Transition(
        "go_live",
        frozenset({State.APPROVED, State.STANDBY}),
        State.LIVE,
        Permission.RELEASE_CREATE,
        by_release=True,
    ),
    # Break-glass: somebody must approve it afterwards.
    Transition(
        "go_live_unapproved",
        frozenset({State.DRAFT, State.SUBMITTED}),
        State.LIVE,
        Permission.RELEASE_BREAK_GLASS,
        needs_person=True,
        needs_password=True,
        by_release=True,
    ),
    Transition(
        "return_live", frozenset({State.STANDBY}), State.LIVE, Permission.RELEASE_ROLL_BACK, by_release=True
    ),
    Transition(
        "stand_by",
        frozenset({State.LIVE}),
        State.STANDBY,
        Permission.RELEASE_CREATE,
        by_release=True,
        while_held=True,
    ),
    Transition(
        "quarantine",
        frozenset({State.LIVE}),
        State.QUARANTINED,
        Permission.RELEASE_ROLL_BACK,
        by_release=True,
        while_held=True,
    ),
)
BY_NAME = {transition.name: transition for transition in TRANSITIONS}


def check(name: str, state: State, *, what: str) -> State:
    """The state after the move; `Conflict` naming the present state where the move does not start there."""
    transition = BY_NAME[name]
    if state not in transition.sources:
        needed = " or ".join(sorted(transition.sources))
        verb = name.replace("_", " ")
        raise Conflict(f"Cannot {verb}: {what} is {state}, and must be {needed}.", code="wrong_state")
    return transition.target


def needs_password(name: str) -> bool:
    """Whether the move of that name is a signature."""
    return name in BY_NAME and BY_NAME[name].needs_password


def moves_from(state: State) -> list[Transition]:
    """What may be asked for in this state, in the table's order."""
    return [move for move in TRANSITIONS if state in move.sources and not move.by_release]
