"""What a rollback would do: decisions made since the release, and how the target would have made them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scipy.special import betaincinv

from audit.sampling import Population, Sample, sample_of
from portal.errors import Refusal
from registry.models import Release, System, Version
from registry.queries import current_release
from registry.releasing.readiness import Armed, rollback_of
from registry.releasing.rescoring import Tally, Target, rule_in_words

SAMPLED = 2_000
CONFIDENCE = 0.95
# A gateway's clock may be behind the portal's.
CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True)
class Preview:
    """Where a rollback would go, and what it would have changed. `tally` is None where nothing could be made again."""

    release: Release | None
    found: Armed
    sample: Sample
    tally: Tally | None
    rule: str = ""
    # Why nothing could be made again.
    problem: str = ""

    @property
    def target(self) -> Version | None:
        """The version that production would return to."""
        return self.found.target

    @property
    def would_flip(self) -> int | None:
        """How many decisions since the release would be others: counted where all were drawn, else estimated."""
        if self.tally is None or self.tally.sampled == 0:
            return None if self.tally is None else 0
        if self.sample.is_all:
            return len(self.tally.flips)
        return round(len(self.tally.flips) / self.tally.sampled * self.sample.number)

    @property
    def flip_interval(self) -> tuple[int, int] | None:
        """Where that number lies with 95 % confidence (Clopper and Pearson 1934); twice itself where it was counted."""
        if self.tally is None or self.would_flip is None:
            return None
        if self.sample.is_all or self.tally.sampled == 0:
            return self.would_flip, self.would_flip
        flips, drawn, number = len(self.tally.flips), self.tally.sampled, self.sample.number
        low, high = clopper_pearson(flips, drawn)
        # What was seen is certain, whatever the estimate says of the rest.
        return max(flips, math.floor(low * number)), min(number - (drawn - flips), math.ceil(high * number))

    def counts(self) -> dict[str, Any]:
        """What the trail keeps of it: numbers, no decision and no input."""
        tally = self.tally or Tally()
        return {
            "decisions": self.sample.number,
            "is_exact": self.sample.is_exact,
            "sampled": tally.sampled,
            "flips": len(tally.flips),
            "directions": tally.directions,
            "refused": tally.refused,
            "failed": tally.failed,
            "erased": tally.erased,
        }


def preview_of(system: System, *, sampled: int = SAMPLED) -> Preview:
    """What a rollback of the system would do, seen on at most so many decisions drawn at random.

    The draw is seeded by the release: looked at twice with nothing decided in between, it is the same.
    """
    release, found = current_release(system), rollback_of(system)
    if release is None:
        return Preview(None, found, Sample([], 0, is_exact=True), None, problem=found.problems[0])
    sample = sample_of(population_of(release), most=sampled, seed=release.pk)
    if found.target is None:
        return Preview(release, found, sample, None, problem=found.problems[0])
    tally, rule = Tally(), rule_in_words(found.target.spec.output)
    try:
        Target(found.target).decide_again(sample.decisions, tally)
    except Refusal as refusal:
        return Preview(release, found, sample, None, rule, refusal.message)
    return Preview(release, found, sample, tally, rule)


def population_of(release: Release) -> Population:
    """What the release has decided so far. Each decision names its release, so the moment need only be early enough."""
    since = release.released_at - CLOCKS_DIFFER
    return Population(release.system.slug, version=release.version.number, release=release.number, since=since)


def clopper_pearson(hits: int, drawn: int) -> tuple[float, float]:
    """The exact interval for a share, from hits among so many drawn; 95 % confidence."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, drawn - hits + 1, tail))
    high = 1.0 if hits == drawn else float(betaincinv(hits + 1, drawn - hits, 1 - tail))
    return low, high
