"""The table of a version's moves: each has its test, and every other move is a conflict that names the state."""

from __future__ import annotations

import pytest

from portal.errors import Conflict
from registry.lifecycle import BY_NAME, TRANSITIONS, State, check, moves_from

TABLE = {
    "submit": ({"draft"}, "submitted"),
    "approve": ({"submitted"}, "approved"),
    "reject": ({"submitted"}, "rejected"),
    "withdraw": ({"submitted", "approved"}, "submitted"),
    "reinstate": ({"quarantined"}, "approved"),
    "retire": ({"approved", "standby", "quarantined"}, "retired"),
    "go_live": ({"approved", "standby"}, "live"),
    "go_live_unapproved": ({"draft", "submitted"}, "live"),
    "return_live": ({"standby"}, "live"),
    "stand_by": ({"live"}, "standby"),
    "quarantine": ({"live"}, "quarantined"),
}


def test_the_table_is_what_is_written_here() -> None:
    assert {move.name: (set(move.sources), move.target) for move in TRANSITIONS} == TABLE
    assert len(BY_NAME) == len(TRANSITIONS)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("state", State)
def test_a_move_starts_where_the_table_says(name: str, state: State) -> None:
    sources, target = TABLE[name]
    if state in sources:
        assert check(name, state, what="version 3") == target
        return
    with pytest.raises(Conflict, match=f"version 3 is {state}, and must be") as caught:
        check(name, state, what="version 3")
    assert caught.value.code == "wrong_state"


def test_every_state_is_reached_and_only_two_are_the_end() -> None:
    reached = {move.target for move in TRANSITIONS} | {State.DRAFT}
    left = {state for move in TRANSITIONS for state in move.sources}
    assert reached == set(State)
    assert set(State) - left == {State.REJECTED, State.RETIRED}


def test_who_judges_is_a_person_and_not_who_submitted() -> None:
    for name in ("approve", "reject"):
        assert BY_NAME[name].bars_submitter and BY_NAME[name].needs_person
    assert BY_NAME["reinstate"].needs_person


def test_what_a_release_does_is_never_offered() -> None:
    offered = {move.name for state in State for move in moves_from(state)}
    assert offered == {"submit", "approve", "reject", "withdraw", "reinstate", "retire"}
