"""The states of an explanation and of a dispute, and the moves between them, as one table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.accounts.access import Permission
from portal.errors import Conflict


class Stage(StrEnum):
    """Where an explanation stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


TERMINAL_STAGES = frozenset({Stage.DONE, Stage.FAILED})


class DisputeState(StrEnum):
    """Where a dispute stands."""

    RECEIVED = "received"
    EXPLAINED = "explained"
    IN_REVIEW = "in_review"
    DECIDED = "decided"
    ANSWERED = "answered"
    CLOSED = "closed"


@dataclass(frozen=True)
class Transition:
    """One move: what it is called, from where to where, who may make it, and who may not although permitted."""

    name: str
    sources: frozenset[DisputeState]
    target: DisputeState
    permission: Permission
    # Four eyes: whoever took the case in may not make this move.
    bars_receiver: bool = False
    # The system's policy says whether a support agent has the authority.
    needs_authority: bool = False
    needs_reviewer: bool = False
    needs_person: bool = False
    needs_reason: bool = False
    # Made when the explanation is finished, never asked for by itself.
    by_explanation: bool = False


_S, _P = DisputeState, Permission
DISPUTE_MOVES: tuple[Transition, ...] = (
    Transition("explain", frozenset({_S.RECEIVED}), _S.EXPLAINED, _P.DECISION_EXPLAIN, by_explanation=True),
    # From `received` too: there are decisions that cannot be explained, and people who must be answered about them.
    # From `in_review`: another reviewer takes over, or a reopened case finds its reviewer.
    Transition(
        "review",
        frozenset({_S.RECEIVED, _S.EXPLAINED, _S.IN_REVIEW}),
        _S.IN_REVIEW,
        _P.DISPUTE_REVIEW,
        bars_receiver=True,
        needs_authority=True,
        needs_person=True,
    ),
    Transition(
        "decide",
        frozenset({_S.IN_REVIEW}),
        _S.DECIDED,
        _P.DISPUTE_DECIDE,
        bars_receiver=True,
        needs_authority=True,
        needs_reviewer=True,
        needs_person=True,
    ),
    Transition("answer", frozenset({_S.DECIDED}), _S.ANSWERED, _P.DISPUTE_ANSWER, needs_person=True),
    Transition("close", frozenset({_S.ANSWERED}), _S.CLOSED, _P.DISPUTE_ANSWER, needs_person=True),
    Transition(
        "withdraw",
        frozenset({_S.RECEIVED, _S.EXPLAINED, _S.IN_REVIEW}),
        _S.CLOSED,
        _P.DISPUTE_ANSWER,
        needs_person=True,
        needs_reason=True,
    ),
    Transition(
        "reopen",
        frozenset({_S.ANSWERED, _S.CLOSED}),
        _S.IN_REVIEW,
        _P.DISPUTE_ANSWER,
        needs_person=True,
        needs_reason=True,
    ),
)
BY_NAME = {move.name: move for move in DISPUTE_MOVES}
OPEN_STATES = (_S.RECEIVED, _S.EXPLAINED, _S.IN_REVIEW, _S.DECIDED)


def check_dispute(name: str, state: DisputeState, expected: str | None = None) -> DisputeState:
    """The state after the move; `Conflict` naming the present state where the move does not start there.

    `expected` is the state in which the actor saw the case: somebody else may have moved it since.
    """
    move = BY_NAME[name]
    if expected is not None and expected != state:
        words = f"Cannot {name}: the dispute is {state}, and you saw it {expected}. Look at it again."
        raise Conflict(words, code="wrong_state")
    if state not in move.sources:
        needed = " or ".join(source for source in _S if source in move.sources)
        raise Conflict(f"Cannot {name}: the dispute is {state}, and must be {needed}.", code="wrong_state")
    return move.target


def moves_from(state: DisputeState) -> list[Transition]:
    """What may be asked for in this state, in the table's order."""
    return [move for move in DISPUTE_MOVES if state in move.sources and not move.by_explanation]
