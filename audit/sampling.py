"""A uniform sample of what a release has decided, and how much that is, without reading all of it where it is much."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.db.models import QuerySet

from audit.identifiers import first_id_at
from audit.models import Entry, Leaf, Tree
from audit.queries import bounded
from audit.records import DECISION, Mode, Status

# So many ids are read and drawn from: with so many or fewer, the number and the chances are exact.
EXACT_UP_TO = 100_000
# Beyond, leaves of the tree are drawn, at most so many, and for at most so long (s).
MOST_PROBES = 200_000
MOST_SECONDS = 5.0
BATCH = 2_000
# Leaves are in the order of ids, but for what committed late: that is a matter of seconds.
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True)
class Population:
    """What the release answered: the decisions made live by this version of the system since the moment."""

    system: str
    version: int
    release: int
    since: datetime

    def decisions(self) -> QuerySet[Entry]:
        """All of them, without the bytes of their entries."""
        made = {"system": self.system, "version": self.version, "release": self.release}
        answered = {"type": DECISION, "status": Status.ANSWERED.value, "mode": Mode.LIVE.value}
        since = first_id_at(self.since)
        return Entry.objects.filter(id__gte=since, **made, **answered).only("id", "label", "score_ppm")

    def batches(self) -> Iterator[list[Entry]]:
        """All of them, newest first, a list at a time; each list is a query of its own."""
        found = self.decisions().order_by("-id")
        batch = list(found[:BATCH])
        while batch:
            yield batch
            batch = list(found.filter(id__lt=batch[-1].id)[:BATCH])


@dataclass(frozen=True)
class Sample:
    """Decisions drawn at random, each with the same chance, newest first; and how many there are.

    The number is exact, or estimated from the share among the leaves that were drawn. `is_recent`: there was no tree to
    draw from (nothing is sealed), so these are of the newest `EXACT_UP_TO`, and the number is theirs.
    """

    decisions: list[Entry]
    number: int
    is_exact: bool
    is_recent: bool = False

    @property
    def is_all(self) -> bool:
        """True when every decision there is was drawn."""
        return self.is_exact and len(self.decisions) == self.number


def sample_of(population: Population, *, most: int, seed: int) -> Sample:
    """At most `most` decisions of the population; the same ones for the same seed while nothing is added.

    How it stays uniform and bounded. Up to `EXACT_UP_TO` decisions, their ids are read from the index (16 bytes each)
    and drawn from. Beyond, neither an offset nor a share of the table's pages would do: the one reads everything before
    it, the other draws neighbours together. But the tree numbers all that was sealed, without a gap: leaves are drawn
    by number, and those that are none of ours are thrown away (rejection sampling), so each of ours has the same
    chance, whoever else writes to the trail. Only the last second, which is not sealed yet, has none.
    """
    with bounded():
        ids = list(population.decisions().order_by("-id").values_list("id", flat=True)[: EXACT_UP_TO + 1])
    if len(ids) > EXACT_UP_TO:
        return _by_leaves(population, most, seed) or _drawn(population, ids[:EXACT_UP_TO], most, seed, is_recent=True)
    return _drawn(population, ids, most, seed)


def _drawn(
    population: Population, ids: Sequence[uuid.UUID], most: int, seed: int, *, is_recent: bool = False
) -> Sample:
    chosen = Random(seed).sample(ids, min(most, len(ids)))  # noqa: S311 - a sample, no secret
    decisions = list(population.decisions().filter(id__in=chosen).order_by("-id"))
    return Sample(decisions, len(ids), is_exact=not is_recent, is_recent=is_recent)


def _by_leaves(population: Population, most: int, seed: int) -> Sample | None:
    first, size = _leaf_before(population.since), Tree.objects.values_list("size", flat=True).get()
    random = Random(seed)  # noqa: S311 - likewise
    probes = random.sample(range(first, size), min(size - first, MOST_PROBES)) if size > first else []
    found: list[Entry] = []
    looked, until = 0, time.monotonic() + MOST_SECONDS
    while looked < len(probes) and len(found) < most and time.monotonic() < until:
        batch = probes[looked : looked + BATCH]
        looked += len(batch)
        # In two steps, so that the planner cannot choose to read the whole population instead.
        ids = list(Leaf.objects.filter(leaf_index__in=batch).values_list("entry_id", flat=True))
        found += population.decisions().filter(id__in=ids).order_by("id")
    if not found:
        return None
    number = round(len(found) / looked * (size - first))
    decisions = random.sample(found, min(most, len(found)))
    return Sample(sorted(decisions, key=lambda entry: entry.id, reverse=True), number, is_exact=False)


def _leaf_before(moment: datetime) -> int:
    """A leaf that lies before all leaves of entries since the moment."""
    older = Entry.objects.filter(id__lt=first_id_at(moment - _SLACK)).order_by("-id").values_list("id", flat=True)
    before = older.first()
    found = Leaf.objects.filter(entry_id=before).values_list("leaf_index", flat=True).first() if before else None
    return found or 0
