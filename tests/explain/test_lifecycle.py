"""The table of a dispute's moves: each has its test, and every other move is a conflict that names the state."""

from __future__ import annotations

import pytest

from explain.lifecycle import BY_NAME, DISPUTE_MOVES, OPEN_STATES, DisputeState, check_dispute, moves_from
from portal.accounts.access import ROLE_GRANTS, SCOPE_GRANTS, Permission, Role, Scope
from portal.errors import Conflict

TABLE = {
    "explain": ({"received"}, "explained"),
    "review": ({"received", "explained", "in_review"}, "in_review"),
    "decide": ({"in_review"}, "decided"),
    "answer": ({"decided"}, "answered"),
    "close": ({"answered"}, "closed"),
    "withdraw": ({"received", "explained", "in_review"}, "closed"),
    "reopen": ({"answered", "closed"}, "in_review"),
}


def test_the_table_is_what_is_written_here() -> None:
    assert {move.name: (set(move.sources), move.target) for move in DISPUTE_MOVES} == TABLE
    assert len(BY_NAME) == len(DISPUTE_MOVES)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("state", DisputeState)
def test_a_move_starts_where_the_table_says(name: str, state: DisputeState) -> None:
    sources, target = TABLE[name]
    if state in sources:
        assert check_dispute(name, state) == check_dispute(name, state, expected=state.value) == target
    else:
        with pytest.raises(Conflict, match=f"the dispute is {state}, and must be") as caught:
            check_dispute(name, state)
        assert caught.value.code == "wrong_state"
    with pytest.raises(Conflict, match=f"the dispute is {state}, and you saw it gone"):
        check_dispute(name, state, expected="gone")


def test_every_state_is_reached_and_every_end_can_be_reopened() -> None:
    assert {move.target for move in DISPUTE_MOVES} | {DisputeState.RECEIVED} == set(DisputeState)
    assert {state for move in DISPUTE_MOVES for state in move.sources} == set(DisputeState)
    assert set(DisputeState) - set(OPEN_STATES) == set(BY_NAME["reopen"].sources)


def test_who_judges_is_a_person_with_authority_and_not_who_took_it_in() -> None:
    for name in ("review", "decide"):
        move = BY_NAME[name]
        assert move.bars_receiver and move.needs_authority and move.needs_person
    assert BY_NAME["decide"].needs_reviewer and all(move.needs_person for move in DISPUTE_MOVES[1:])


def test_no_service_token_judges_answers_or_looks_after_a_case() -> None:
    persons = {Permission.DISPUTE_ANSWER, Permission.DISPUTE_DECIDE, Permission.DISPUTE_HANDLE}
    persons |= {Permission.DISPUTE_REVIEW, Permission.DISPUTE_POLICY_MANAGE, Permission.LETTER_MANAGE}
    assert not any(persons & grants for grants in SCOPE_GRANTS.values())
    assert {Permission.DISPUTE_LIST, Permission.DISPUTE_OPEN} <= SCOPE_GRANTS[Scope.DISPUTE]
    assert persons <= ROLE_GRANTS[Role.COMPLIANCE]
    assert not persons & (ROLE_GRANTS[Role.ML_LEAD] | ROLE_GRANTS[Role.AUDITOR])


def test_what_the_explanation_does_is_never_offered() -> None:
    offered = {move.name for state in DisputeState for move in moves_from(state)}
    assert offered == set(TABLE) - {"explain"}
