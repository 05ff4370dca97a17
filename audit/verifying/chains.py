"""Writers' chains put together from pieces, in whatever order the entries come. Pure.

A link is one entry or an unbroken run of them. Runs of one part of the trail are put together where that part is
read, and the few that remain are put together at the end: what is then not one run from number 0 is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

Epoch = tuple[str, str]  # writer and epoch, as the entries write them
# Whether entries with ids between these two (as text) may have been left unread, or dropped by retention.
Unread = Callable[[str, str], bool]


class Run(NamedTuple):
    """Entries `first`..`last` of one epoch, each naming the leaf (hex) of the one before."""

    first: int
    prev: str | None
    first_id: str
    last: int
    leaf: str
    last_id: str


class Break(NamedTuple):
    """Where a chain does not hold: at which entry, and why."""

    entry: str
    what: str


def joined(runs: Iterable[Run]) -> list[Run]:
    """The runs of one epoch, in order, joined wherever one goes on from another."""
    made: dict[tuple[int, str], Run] = {}
    for run in sorted(runs, key=lambda run: run.first):
        start = made.pop((run.first - 1, run.prev), None) if run.prev is not None else None
        if start is not None:
            run = Run(start.first, start.prev, start.first_id, run.last, run.leaf, run.last_id)
        made[run.last, run.leaf] = run
    return sorted(made.values(), key=lambda run: (run.first, run.last))


def breaks(epoch: Epoch, runs: list[Run], unread: Unread) -> Iterator[Break]:
    """What is wrong with an epoch whose joined runs these are."""
    writer = f"writer {epoch[0]}"
    start = runs[0]
    if start.first == 0 and start.prev is not None:
        yield Break(start.first_id, f"is the first of {writer}, and names one before")
    if start.first > 0 and not unread(epoch[1], start.first_id):
        yield Break(start.first_id, f"is number {start.first} of {writer}; {_numbers(0, start.first - 1)} missing")
    reached, seen = start.last, start.last_id
    for run in runs[1:]:
        if run.first <= reached:
            yield Break(run.first_id, f"is a second number {run.first} of {writer}")
        elif run.first == reached + 1:
            yield Break(run.first_id, f"does not follow number {reached} of {writer}: it names another leaf")
        elif not unread(seen, run.first_id):
            missing = _numbers(reached + 1, run.first - 1)
            yield Break(run.first_id, f"is number {run.first} of {writer}; {missing} missing")
        if run.last > reached:
            reached, seen = run.last, run.last_id


class Follower(NamedTuple):
    """The first entry of an epoch that follows another of its writer, and how many entries that one had at least."""

    entry: str
    epoch: Epoch
    entries: int


def broken_promises(followers: Iterable[Follower], reached: Mapping[Epoch, int], unread: Unread) -> Iterator[Break]:
    """Epochs that follow one of which fewer entries are there; `reached` is the last number of each epoch."""
    for follower in followers:
        found = reached.get(follower.epoch, -1) + 1
        if found < follower.entries and not unread(follower.epoch[1], follower.entry):
            writer = follower.epoch[0]
            yield Break(follower.entry, f"follows {follower.entries} entries of writer {writer}; {found} are there")


def _numbers(first: int, last: int) -> str:
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"
