"""Scores of people mixed from one and another, asked of a pipeline's last step without encoding each mixture anew.

Where every encoded column belongs to one raw input, the encoding of a mixture is the mixture of the encodings: the same
property that the exact methods rest on. Then the background is encoded once per version and the person once, and the
sampler's 80,000 rows cost what the model costs, not what pandas and encoders do (50 µs a row at 200 inputs).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.methods.pipelines import Encoded, split_pipeline
from explain.methods.subject import BATCH_ROWS, Matrix, MethodRefused, Subject

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
# Scores of the background's rows with the inputs in the mask, shape (rows, inputs), taken from one person.
Score = Callable[[Rows, Mask], Matrix]
CHECKED = 256
Columns = tuple[int, ...]


class Mixtures:
    """Scores mixtures through the scorer: right for every model."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def of(self, codes: Matrix) -> Score:
        """What scores mixtures with the person of this code row."""

        def score(rows: Rows, mask: Mask) -> Matrix:
            return self.subject.score_many(np.where(mask, codes, self.subject.codes[rows]))

        return score


class EncodedMixtures(Mixtures):
    """Scores mixtures of encoded rows by the last step alone; made only where that was seen to give the same."""

    def __init__(self, subject: Subject, split: Encoded, column: Columns | None) -> None:
        super().__init__(subject)
        self.split, self.column = split, column
        self.background = split.encode(subject.codes)

    def of(self, codes: Matrix) -> Score:
        """As `Mixtures.of`; the person is encoded once."""
        own = self.split.encode(codes.reshape(1, -1))[0]

        def score(rows: Rows, mask: Mask) -> Matrix:
            starts = range(0, len(rows), BATCH_ROWS)
            parts = [self._ask(own, rows[at : at + BATCH_ROWS], mask[at : at + BATCH_ROWS]) for at in starts]
            return np.concatenate(parts) if parts else np.empty(0)

        return score

    def _ask(self, own: Matrix, rows: Rows, mask: Mask) -> Matrix:
        began = time.perf_counter()
        scores = _predicted(self.split, np.where(mask[:, self.split.owners], own, self.background[rows]), self.column)
        self.subject.pace.note(len(rows), time.perf_counter() - began)
        return scores


def with_shortcut(subject: Subject) -> tuple[Subject, Mixtures]:
    """The subject with a shortcut past pandas and encoders, and how the sampler asks about mixtures.

    Both only where the artifact is a pipeline that allows it, and gives the scorer's own answers about the background
    and about mixtures of it; else the subject as it is.
    """
    if subject.scorer.format != "skops":
        return subject, Mixtures(subject)
    try:
        split = split_pipeline(subject)
    except MethodRefused:
        return subject, Mixtures(subject)
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, len(subject.codes), size=(2, CHECKED))
    mask = rng.random((CHECKED, len(subject.names))) < 0.5
    asked = np.concatenate([subject.codes, np.where(mask, subject.codes[left], subject.codes[right])])
    expected = np.concatenate([subject.scores, subject.score(asked[len(subject.codes) :])])
    for column in (None,) if subject.regression else _candidates(subject):
        quick = replace(subject, shortcut=partial(_scored, split, column))
        try:
            found = quick.score_many(asked)
        except Exception:  # noqa: BLE001 - a last step that reads something else is asked the plain way
            break
        if found.shape == expected.shape and np.allclose(found, expected, rtol=1e-12, atol=1e-14):
            return quick, EncodedMixtures(quick, split, column)
    return subject, Mixtures(subject)


def _candidates(subject: Subject) -> tuple[Columns, ...]:
    """The columns of a classifier's answer that may make the score: the scorer's own, or either of two."""
    named = getattr(subject.scorer, "columns", None)
    return (tuple(named),) if named else ((0,), (1,))


def _scored(split: Encoded, column: Columns | None, codes: Matrix) -> Matrix:
    return _predicted(split, split.encode(codes), column)


def _predicted(split: Encoded, encoded: Matrix, column: Columns | None) -> Matrix:
    final: Any = split.final
    rows: Any = split.named(encoded)
    said = final.predict(rows) if column is None else final.predict_proba(rows)[:, column]
    scores = np.asarray(said, dtype=np.float64)
    scores = scores.ravel() if column is None else scores.sum(axis=1)
    if not np.isfinite(scores).all():
        raise ValueError("the model answered with NaN or infinity")
    return scores
