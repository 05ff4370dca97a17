"""Decisions made again by another version: which would be another, and how they would turn out.

Personal inputs are opened for the model alone and shown to nobody; what comes out is labels and scores.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from django.conf import settings

import audit.queries as trail
from audit.models import Entry
from portal.errors import Conflict, Problem
from registry import store
from registry.models import Version
from registry.scoring.formats import load
from registry.scoring.frames import to_frame
from registry.scoring.manifest import OutputSpec
from registry.scoring.problems import ArtifactRefused, ScoreInvalid
from registry.scoring.schema import validator
from registry.scoring.scorer import Scorer

# A value moves when it differs by more than this share of what it was: below, versions of one model differ anyway.
MOVES_BY = 0.1
# Models that one process keeps loaded for this; each takes some tens of MB.
KEPT = 2
Row = Mapping[str, Any]
_loaded: OrderedDict[str, Scorer] = OrderedDict()
_loading = Lock()


@dataclass(frozen=True)
class Flip:
    """A decision that the target would make otherwise; without labels (regression), by how the value moves."""

    decision: uuid.UUID
    at: datetime
    label: str | None
    score: float
    label_then: str | None
    score_then: float
    # The label that it flips to; for a value `higher` or `lower`.
    towards: str


@dataclass
class Tally:
    """What came of making decisions again."""

    sampled: int = 0
    # Of these nothing can be read any more.
    erased: int = 0
    # The target's schema would refuse the inputs; the target gave no score.
    refused: int = 0
    failed: int = 0
    flips: list[Flip] = field(default_factory=list)

    @property
    def directions(self) -> dict[str, int]:
        """How many flip, by where to."""
        found: dict[str, int] = {}
        for flip in self.flips:
            found[flip.towards] = found.get(flip.towards, 0) + 1
        return found


class Target:
    """A version that makes decisions again. `Conflict` when its artifact cannot be used."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._spec = version.spec
        self._scorer = _scorer(version)
        self._problems_of: Callable[[Row], list[Problem]] = validator(self._spec.inputs)

    def decide_again(self, decisions: Sequence[Entry], tally: Tally) -> list[Flip]:
        """Count the decisions in the tally, and return those that flip."""
        inputs = trail.inputs_of_many(decision.id for decision in decisions)
        readable = [decision for decision in decisions if decision.id in inputs]
        rows = {decision.id: inputs[decision.id]["inputs"] for decision in readable}
        taken = [decision for decision in readable if not self._problems_of(rows[decision.id])]
        scores = self._scores([rows[decision.id] for decision in taken])
        before = self._scores_before(taken)
        flips = [
            flip
            for decision, score in zip(taken, scores, strict=True)
            if score is not None and decision.id in before
            if (flip := self._flip(decision, before[decision.id], score))
        ]
        tally.sampled += len(decisions)
        tally.erased += len(decisions) - len(readable)
        tally.refused += len(readable) - len(taken)
        tally.failed += sum(score is None for score in scores)
        tally.flips += flips
        return flips

    def _scores(self, rows: Sequence[Row]) -> list[float | None]:
        """A score for each row; a row on which the model fails has none, and fails alone."""
        if not rows:
            return []
        try:
            return [float(score) for score in self._scorer.score(to_frame(rows, self._spec.inputs))]
        except ScoreInvalid:
            if len(rows) == 1:
                return [None]
            half = len(rows) // 2
            return self._scores(rows[:half]) + self._scores(rows[half:])

    def _scores_before(self, decisions: Sequence[Entry]) -> dict[uuid.UUID, float]:
        """The recorded scores: to a millionth where the list has them, else as they were answered."""
        found = {decision.id: decision.score for decision in decisions if decision.score is not None}
        missing = [decision.id for decision in decisions if decision.id not in found]
        outputs = trail.outputs_of_many(missing) if missing else {}
        return found | {identifier: float(output["score"]) for identifier, output in outputs.items()}

    def _flip(self, decision: Entry, before: float, score: float) -> Flip | None:
        label = self._spec.output.label(score)
        if label is None:
            if abs(score - before) <= MOVES_BY * abs(before):
                return None
            towards = "higher" if score > before else "lower"
        elif label == decision.label:
            return None
        else:
            towards = label
        return Flip(decision.id, decision.at, decision.label, before, label, score, towards)


def rule_in_words(output: OutputSpec) -> str:
    """What counts as another decision."""
    if output.labels is not None:
        return "A decision would be another where its label would be."
    return f"A decision would be another where its value would differ by more than {MOVES_BY:.0%}."


def _scorer(version: Version) -> Scorer:
    """The model, from memory or loaded by its digest; of two requests at once the second waits for the first."""
    sha256 = version.artifact_sha256
    with _loading:
        scorer = _loaded.pop(sha256, None)
        if scorer is None:
            try:
                scorer = load(store.read(settings.ARTIFACT_DIR, sha256), version.spec)
            except (store.StoreError, OSError) as error:
                raise _unusable(version, str(error)) from None
            except ArtifactRefused as refused:
                raise _unusable(version, refused.message) from None
        _loaded[sha256] = scorer
        while len(_loaded) > KEPT:
            _loaded.popitem(last=False)
    return scorer


def _unusable(version: Version, why: str) -> Conflict:
    message = f"Version {version.number} cannot make decisions again: its artifact cannot be used: {why}"
    return Conflict(message, code="artifact_unusable")
