"""Whose sight of a decision's answer is withheld for a time: each room above says here from whom, and why.

A person who must first judge a case without the model's answer would else find it on the decision's own page. What is
withheld is the answer alone (label, score, output, the bytes that hold them); that there is a decision is not.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Protocol

from audit.models import Entry
from portal.accounts.access import Actor
from portal.errors import Conflict


class Withholds(Protocol):
    """The decisions whose answer this actor may not see yet, and until when, in words for them."""

    def __call__(self, actor: Actor) -> Mapping[uuid.UUID, str]: ...


_rooms: list[Withholds] = []


def on_sight(withholds: Withholds) -> None:
    """Have `withholds` asked before an answer is shown. Said once, when the app is ready; again changes nothing."""
    if withholds not in _rooms:
        _rooms.append(withholds)


def withheld_from(actor: Actor) -> dict[uuid.UUID, str]:
    """The decisions whose answer the actor may not see yet, with the reason; nobody else is affected."""
    return {decision: words for room in _rooms for decision, words in room(actor).items()}


def withhold(actor: Actor, entries: Iterable[Entry]) -> None:
    """Take the answers that the actor may not see yet out of these entries, as far as they stand in columns."""
    found = withheld_from(actor)
    for entry in entries:
        if words := found.get(entry.pk):
            entry.label = entry.score_ppm = None
            entry.withheld = words


def check_not_withheld(actor: Actor, decision: uuid.UUID) -> None:
    """`Conflict`, with the reason, while the actor may not see the decision's answer."""
    if words := withheld_from(actor).get(decision):
        raise Conflict(words, code="withheld")
