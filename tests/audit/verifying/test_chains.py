"""Chains put together in any order: whole ones are one run, and what is missing or twice is named."""

from __future__ import annotations

import random

from audit.verifying.chains import Follower, Run, breaks, broken_promises, joined

EPOCH = ("gateway-1", "0199")


def run(number: int, *, leaf: str | None = None, prev: str | None = None) -> Run:
    before = None if number == 0 else f"leaf-{number - 1}"
    return Run(number, prev or before, f"id-{number}", number, leaf or f"leaf-{number}", f"id-{number}")


def found(runs: list[Run], unread: bool = False) -> list[tuple[str, str]]:
    return list(breaks(EPOCH, joined(runs), lambda low, high: unread))


def test_entries_in_any_order_and_in_pieces_are_one_run() -> None:
    runs = [run(number) for number in range(60)]
    random.Random(7).shuffle(runs)
    pieces = [*joined(runs[:20]), *joined(runs[20:35]), *joined(runs[35:])]
    assert joined(pieces) == [Run(0, None, "id-0", 59, "leaf-59", "id-59")]
    assert found(pieces) == []


def test_a_gap_is_named_unless_it_was_not_read() -> None:
    runs = [run(number) for number in (0, 1, 4, 5)]
    assert found(runs) == [("id-4", "is number 4 of writer gateway-1; numbers 2 to 3 are missing")]
    assert found(runs[2:]) == [("id-4", "is number 4 of writer gateway-1; numbers 0 to 3 are missing")]
    assert found(runs, unread=True) == found(runs[2:], unread=True) == []


def test_a_fork_is_named_even_where_not_all_was_read() -> None:
    runs = [*map(run, range(4)), run(2, leaf="other"), run(3, prev="other", leaf="other-3")]
    assert found(runs, unread=True) == [("id-2", "is a second number 2 of writer gateway-1")]
    changed = [run(0), run(1, leaf="changed"), run(2)]
    assert found(changed) == [("id-2", "does not follow number 1 of writer gateway-1: it names another leaf")]
    assert found([run(0, prev="x")]) == [("id-0", "is the first of writer gateway-1, and names one before")]


def test_an_epoch_has_at_least_the_entries_that_the_next_one_says() -> None:
    followers = [Follower("id-9", EPOCH, 5)]
    assert list(broken_promises(followers, {EPOCH: 4}, lambda low, high: False)) == []
    assert list(broken_promises(followers, {EPOCH: 7}, lambda low, high: False)) == []
    [broken] = broken_promises(followers, {EPOCH: 3}, lambda low, high: False)
    assert broken == ("id-9", "follows 5 entries of writer gateway-1; 4 are there")
    assert list(broken_promises(followers, {}, lambda low, high: True)) == []
