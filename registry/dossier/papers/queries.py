"""What papers are made from, and how their points stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.accounts.access import Actor
from registry.dossier.content import bytes_of, content_of
from registry.dossier.freezing.queries import content_bytes, frozen_for, signing_of
from registry.dossier.papers.definitions import Paper, papers_of
from registry.dossier.papers.points import is_open
from registry.dossier.queries import dossier_of, version_for
from registry.dossier.states import PointState


@dataclass(frozen=True)
class Standing:
    """A paper and how many of its points are in which state; `open` are those that are mandatory and not settled."""

    paper: Paper
    counts: Mapping[str, int]
    open: int


def content_for(
    actor: Actor, slug: str, *, version: int | None, dossier: int | None, now: datetime
) -> tuple[bytes, dict[str, Any] | None]:
    """The content's bytes with what was signed on them: of a frozen dossier, or of the version as it is now."""
    if dossier is not None:
        frozen = frozen_for(actor, slug, dossier)
        return content_bytes(frozen), signing_of(frozen)
    system, found = version_for(actor, slug, version)
    return bytes_of(content_of(dossier_of(system, found, now))), None


def standings_of(items: list[Mapping[str, Any]]) -> list[Standing]:
    """Every paper with its points by state, in order."""
    by_id = {item["id"]: item for item in items}
    told = []
    for paper in papers_of(by_id):
        own = [by_id[item] for item in paper.items if item in by_id]
        counted = Counter(item["state"] for item in own)
        counts = {state.value: counted[state.value] for state in PointState}
        told.append(Standing(paper, counts, sum(map(is_open, own))))
    return told
