"""A version in memory: its manifest, the check of its inputs, and its model in a thread of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from portal.errors import Problem
from registry.gateway.batches import Batches
from registry.scoring.formats import load
from registry.scoring.frames import rows_to_codes, to_frame
from registry.scoring.manifest import Manifest, ManifestInvalid
from registry.scoring.problems import ArtifactRefused, ScoreInvalid
from registry.scoring.schema import Feature, InputSchema, validator
from registry.scoring.scorer import CodeScorer, Scorer
from registry.store import StoreError, read

MOST_ROWS = 64
SCORE_SECONDS = 10.0
Row = Mapping[str, Any]


class LoadFailed(Exception):
    """The version cannot be served; the message says why."""


@dataclass(frozen=True)
class VersionRow:
    """A version as the registry names it. `manifest` is its JSON text."""

    number: int
    artifact_sha256: str
    manifest: str


class LoadedVersion:
    """A version that can answer. Rows that arrive while others are being scored are scored together."""

    def __init__(
        self, system: str, row: VersionRow, manifest: Manifest, scorer: Scorer, seen: Callable[[float], None]
    ) -> None:
        self.system = system
        self.number = row.number
        self.artifact_sha256 = row.artifact_sha256
        self.manifest = manifest
        self._scorer = scorer
        self._validate = validator(manifest.inputs)
        # A protected feature is personal data of a special kind, whatever else its schema says.
        self._clear = [item.name for item in manifest.inputs.features if not item.personal and not item.protected]
        # One thread for each version: a slow model must not hold up another system's, and one is enough,
        # since models hold the interpreter's lock for most of their time.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{system}-{row.number}")
        self._batches: Batches[Row, float] = Batches(self._score_batch, MOST_ROWS, seen)

    def problems_of(self, inputs: Row) -> list[Problem]:
        """All that the inputs break of the version's schema."""
        return list(self._validate(inputs))

    async def score(self, inputs: Row) -> float:
        """The score of one valid row; `ScoreInvalid` when the model fails or does not answer in time."""
        try:
            async with asyncio.timeout(SCORE_SECONDS):
                return await self._batches.put(inputs)
        except TimeoutError:
            raise ScoreInvalid(f"the model did not answer within {SCORE_SECONDS:.0f} s") from None

    def features_of(self, inputs: Row) -> dict[str, str]:
        """What the valid inputs say of features that are not personal, as text (numbers as JSON writes them)."""
        return {
            name: value if isinstance(value := inputs[name], str) else json.dumps(value)
            for name in self._clear
            if inputs.get(name) is not None
        }

    def output(self, score: float) -> dict[str, Any]:
        """What the score means: label, score and threshold, or the value alone."""
        spec = self.manifest.output
        if spec.threshold is None:
            return {"score": score}
        return {"label": spec.label(score), "score": score, "threshold": spec.threshold}

    async def smoke(self) -> str:
        """What is wrong with the answer to a made-up row; empty when nothing is."""
        try:
            await self.score(sample_row(self.manifest.inputs))
        except ScoreInvalid as error:
            return str(error)
        return ""

    async def close_when_idle(self) -> None:
        """Let the thread go a while after the last request: one that began on this version may still score here."""
        await asyncio.sleep(SCORE_SECONDS)
        await self._batches.drain()
        self.close()

    def close(self) -> None:
        """Let the thread go once its present work is done."""
        self._thread.shutdown(wait=False)

    async def _score_batch(self, rows: list[Row]) -> Sequence[float | Exception]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, score_rows, self._scorer, rows)


def load_version(
    system: str, row: VersionRow, artifact_dir: Path, seen: Callable[[float], None] = lambda _: None
) -> LoadedVersion:
    """The version, read from the store, hashed anew and scored once; `LoadFailed` says why not."""
    try:
        manifest = Manifest.parse(json.loads(row.manifest))
        scorer = load(read(artifact_dir, row.artifact_sha256), manifest)
    except ArtifactRefused as refused:
        raise LoadFailed(refused.message) from refused
    except (StoreError, OSError, ValueError, ManifestInvalid, MemoryError) as error:
        raise LoadFailed(str(error) or type(error).__name__) from error
    # The first call imports and allocates; no caller shall wait for that.
    score_rows(scorer, [sample_row(manifest.inputs)])
    return LoadedVersion(system, row, manifest, scorer, seen)


def score_rows(scorer: Scorer, rows: Sequence[Row]) -> list[float | Exception]:
    """One score or `ScoreInvalid` for each row: a row on which the model fails fails alone."""
    try:
        return [float(score) for score in _scores(scorer, rows)]
    except ScoreInvalid as error:
        if len(rows) == 1:
            return [error]
        return [score_rows(scorer, [row])[0] for row in rows]


def _scores(scorer: Scorer, rows: Sequence[Row]) -> np.ndarray:
    if isinstance(scorer, CodeScorer):
        # A data frame only to take it apart again would cost more than the model.
        return scorer.score_codes(rows_to_codes(rows, scorer.schema))
    return scorer.score(to_frame(rows, scorer.schema))


def sample_row(schema: InputSchema) -> dict[str, Any]:
    """A row that the schema allows."""
    return {feature.name: _sample_value(feature) for feature in schema.features}


def _sample_value(feature: Feature) -> Any:
    if feature.kind == "category":
        return feature.categories[0]
    if feature.kind == "boolean":
        return False
    low = feature.minimum if feature.minimum is not None else min(0.0, (feature.maximum or 0.0) - 1)
    high = feature.maximum if feature.maximum is not None else low + 1
    middle = low / 2 + high / 2
    return round(middle) if feature.kind == "integer" else middle
