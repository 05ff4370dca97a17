"""A writer's own chain: each entry says which number it is of its writer's, and the leaf of the one before. Pure.

The tree proves what was sealed; the chain shows, before and after, that a writer's entries are all there. No lock
is shared between writers, so a chain costs nothing beyond a few bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from audit.identifiers import new_id
from audit.records import Draft, Record


class Place(NamedTuple):
    """Where a writer stands: the number of its next entry (from 0), and the leaf of its last one.

    An epoch is one unbroken chain. `after` names the epoch that this one follows and how many entries it had.
    """

    writer: str
    epoch: uuid.UUID
    next_seq: int = 0
    head: bytes | None = None
    after: tuple[uuid.UUID, int] | None = None

    def facts(self) -> dict[str, Any]:
        """What the entry written here says of it."""
        said: dict[str, Any] = {"id": self.writer, "epoch": str(self.epoch), "seq": self.next_seq}
        if self.head is not None:
            said["prev"] = self.head.hex()
        elif self.after is not None:
            said["after"] = {"epoch": str(self.after[0]), "entries": self.after[1]}
        return said


def first_place(writer: str) -> Place:
    """The beginning of a new epoch."""
    return Place(writer, new_id())


def link(drafts: Iterable[Draft], place: Place) -> tuple[list[Record], Place]:
    """The drafts as records, one after the other from the place, and the place after them. Nothing is written."""
    records = []
    for record, after in links(drafts, place):
        records.append(record)
        place = after
    return records, place


def links(drafts: Iterable[Draft], place: Place) -> Iterator[tuple[Record, Place]]:
    """Each draft as a record, made when it is asked for, and the place after it."""
    for draft in drafts:
        record = draft.at_place(place.facts())
        place = Place(place.writer, place.epoch, place.next_seq + 1, record.leaf, place.after)
        yield record, place


def lost_sight(place: Place) -> Place:
    """A new epoch, for when nobody can tell whether the last entries were written: the old one ends where it was sure.

    An old epoch may then hold more entries than the new one says; never fewer.
    """
    if place.head is None:
        # Nothing of this epoch is sure: the new one follows what this one followed.
        return place._replace(epoch=new_id(), next_seq=0)
    return Place(place.writer, new_id(), after=(place.epoch, place.next_seq))
