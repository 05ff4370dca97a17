"""What is measured of a version, each thing once and only when it is asked for: the sandbox's runs, the rows' truth."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from registry.checking.judging.evaluated import Floats, Group, Scored, groups_of, truth_of
from registry.checking.parts import Parts
from registry.elsewhere import way_to
from registry.intake import (
    EVALUATION_LABEL,
    GOLDEN_SCORE,
    MAX_BACKGROUND_ROWS,
    MAX_EVALUATION_ROWS,
    MAX_GOLDEN_ROWS,
)
from registry.scoring.asked import measure_remote
from registry.scoring.measuring import TIMED_ROWS, Measured, Sample, measure
from registry.scoring.samples import read_sample


class CannotMeasure(Exception):
    """There is nothing to judge; the message says why, in words."""


class Measurements:
    """Of one version, and of the version that is live on the same rows (`live` is None where there is none)."""

    def __init__(self, parts: Parts, live: Parts | None) -> None:
        self.parts = parts
        self.live = live

    @cached_property
    def first(self) -> Measured:
        """The one run that scores everything and times single rows."""
        samples = {"background": _background(self.parts.background)}
        if self.parts.evaluation:
            samples["evaluation"] = _evaluation(self.parts.evaluation)
        if self.parts.golden:
            samples["golden"] = _golden(self.parts.golden)
        return _measured(self.parts, samples, timed="evaluation" if self.parts.evaluation else "background")

    @property
    def scores(self) -> dict[str, Floats]:
        """Of every sample; `CannotMeasure` when the artifact gave none."""
        if not self.first.ok:
            raise CannotMeasure(self.first.message)
        return dict(self.first.scores)

    @property
    def known(self) -> str:
        """The sample whose scores are known best: golden rows, or those of the background."""
        return "golden" if self.parts.golden else "background"

    @cached_property
    def again(self) -> Floats:
        """The same known rows, scored by a second process, which shares nothing with the first."""
        sample = _golden(self.parts.golden) if self.parts.golden else _background(self.parts.background)
        found = _measured(self.parts, {self.known: sample}, timed=self.known, timed_rows=0, afresh=True)
        if not found.ok:
            raise CannotMeasure(f"a second process could not score: {found.message}")
        return found.scores[self.known]

    @property
    def expected(self) -> Floats | None:
        """The golden rows' own scores."""
        if self.parts.golden is None:
            return None
        frame = read_sample(
            self.parts.golden.read_bytes(), self.parts.manifest.inputs, GOLDEN_SCORE, max_rows=MAX_GOLDEN_ROWS
        )
        return frame[GOLDEN_SCORE].to_numpy()

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The evaluation sample with its labels; the background sample where there is none."""
        inputs = self.parts.manifest.inputs
        if self.parts.evaluation is None:
            return read_sample(self.parts.background.read_bytes(), inputs, max_rows=MAX_BACKGROUND_ROWS)
        content = self.parts.evaluation.read_bytes()
        return read_sample(content, inputs, EVALUATION_LABEL, max_rows=MAX_EVALUATION_ROWS)

    @cached_property
    def truth(self) -> NDArray[np.generic]:
        """What was true of the evaluation rows; `LabelsUnfit`."""
        return truth_of(self.rows[EVALUATION_LABEL].to_numpy(), self.parts.manifest)

    @cached_property
    def groups(self) -> list[list[Group]]:
        """The protected groups among the rows."""
        return groups_of(self.rows, self.parts.manifest.inputs)

    def scored(self, sample: str) -> Scored:
        """The version's scores of a sample."""
        scores = self.scores[sample]
        if sample == "evaluation":
            self._need_all(scores)
        return Scored(self.parts.number, scores, self.parts.manifest.output)

    @cached_property
    def beside(self) -> tuple[Scored | None, str]:
        """The live version's scores of the evaluation rows, and what is wrong where it should have some and has not."""
        if self.live is None or self.parts.evaluation is None:
            return None, ""
        samples = {"evaluation": _evaluation(self.parts.evaluation)}
        found = _measured(self.live, samples, timed="evaluation", timed_rows=0)
        if found.ok:
            self._need_all(found.scores["evaluation"])
            return Scored(self.live.number, found.scores["evaluation"], self.live.manifest.output), ""
        listed = [f"{item['path'].removeprefix('sample.')} {item['problem']}" for item in found.details[:3]]
        why = "; ".join(listed) or found.message
        return None, f"version {self.live.number}, which is live, cannot score these rows: {why}"

    def _need_all(self, scores: Floats) -> None:
        """A captured process may say anything, and fewer scores than rows would be compared with the wrong ones."""
        if len(scores) != len(self.rows):
            raise CannotMeasure(f"{len(scores)} of {len(self.rows)} evaluation rows were scored")


def _measured(
    parts: Parts, samples: dict[str, Sample], *, timed: str, timed_rows: int = TIMED_ROWS, afresh: bool = False
) -> Measured:
    if parts.manifest.model.is_remote:
        return measure_remote(parts.manifest, way_to(parts.manifest), samples, timed=timed, timed_rows=timed_rows)
    asked = {"timed": timed, "timed_rows": timed_rows, "afresh": afresh}
    return measure(parts.artifact, dict(parts.manifest.raw), samples, **asked)


def _background(path: Path) -> Sample:
    return Sample(path, MAX_BACKGROUND_ROWS)


def _evaluation(path: Path) -> Sample:
    return Sample(path, MAX_EVALUATION_ROWS, EVALUATION_LABEL)


def _golden(path: Path) -> Sample:
    return Sample(path, MAX_GOLDEN_ROWS, GOLDEN_SCORE)
