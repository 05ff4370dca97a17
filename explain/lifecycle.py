"""The states of an explanation and of a dispute, and the moves between them. Pure."""

from __future__ import annotations

from enum import StrEnum

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


# Name of the move → where it starts, where it ends. Later moves (review, decide, answer, close) come with their rooms.
DISPUTE_MOVES: dict[str, tuple[frozenset[DisputeState], DisputeState]] = {
    "explain": (frozenset({DisputeState.RECEIVED}), DisputeState.EXPLAINED),
}


def check_dispute(move: str, state: DisputeState) -> DisputeState:
    """The state after the move; `Conflict` naming the present state where the move does not start there."""
    sources, target = DISPUTE_MOVES[move]
    if state not in sources:
        raise Conflict(f"Cannot {move}: the dispute is {state}.", code="wrong_state")
    return target
