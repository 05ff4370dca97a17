"""The moves of a case about an incident, as one table; it feeds the buttons, the services and docs/lifecycle.md."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts.access import Permission
from portal.errors import Conflict
from registry.models import IncidentState as State


@dataclass(frozen=True)
class Transition:
    """One move: what it is called, from where to where, and who may make it."""

    name: str
    sources: tuple[State, ...]
    target: State
    # What the button says, and what it does.
    words: str
    meaning: str
    permission: Permission = Permission.INCIDENT_HANDLE
    # Made by noting down that a report was sent, never asked for by itself.
    by_report: bool = False


TRANSITIONS = (
    # Art. 73(5): a first report may be incomplete; the complete one follows.
    Transition(
        "report_initial", (State.OPEN, State.REPORTED_INITIAL), State.REPORTED_INITIAL, "", "", by_report=True
    ),
    Transition(
        "report_final",
        (State.OPEN, State.REPORTED_INITIAL, State.REPORTED_FINAL),
        State.REPORTED_FINAL,
        "",
        "",
        by_report=True,
    ),
    Transition(
        "close",
        (State.REPORTED_FINAL,),
        State.CLOSED,
        "Close the case",
        "The complete report is with the authority and nothing is left to do. The hold stays until another person"
        " releases it.",
    ),
    Transition(
        "find_not_serious",
        (State.OPEN, State.REPORTED_INITIAL),
        State.NOT_SERIOUS,
        "It is no serious incident",
        "The case ends, and nothing (more) is reported. Your reason is what an authority will read.",
    ),
    Transition(
        "reopen",
        (State.CLOSED, State.NOT_SERIOUS),
        State.OPEN,
        "Reopen the case",
        "Something new came to light. The clock is the old one: it runs from when we became aware.",
    ),
)
BY_NAME = {move.name: move for move in TRANSITIONS}


def check(name: str, state: str, expected: str | None = None) -> State:
    """The state after the move; `Conflict` naming the present state where the move does not start there.

    `expected` is the state in which the actor saw the case: somebody else may have moved it since.
    """
    move = BY_NAME[name]
    verb = name.replace("_", " ")
    if expected is not None and expected != state:
        words = f"Cannot {verb}: the incident is {state}, and you saw it {expected}. Look at it again."
        raise Conflict(words, code="wrong_state")
    if state not in move.sources:
        needed = " or ".join(move.sources)
        raise Conflict(f"Cannot {verb}: the incident is {state}, and must be {needed}.", code="wrong_state")
    return move.target


def moves_from(state: str) -> list[Transition]:
    """What may be asked for in this state, in the table's order."""
    return [move for move in TRANSITIONS if state in move.sources and not move.by_report]
