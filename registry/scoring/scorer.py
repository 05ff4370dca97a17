"""What every loaded model offers, whatever its format, and what counts as a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from .frames import from_codes, to_codes
from .manifest import Format, Manifest
from .problems import ArtifactRefused, ScoreInvalid
from .schema import InputSchema

# Models that compute in float32 answer 1.0000001 now and then.
TOLERANCE = 1e-6


class Scorer(ABC):
    """A loaded model. Safe to share between threads; computes in the thread that calls it.

    `native` is the library's own object (Pipeline or estimator, xgboost.Booster, lightgbm.Booster,
    InferenceSession); `feature_names` are the inputs that the artifact reads, in its own order.
    """

    format: Format
    native: Any
    feature_names: tuple[str, ...]

    def __init__(self, manifest: Manifest, native: Any, feature_names: tuple[str, ...]) -> None:
        self.native = native
        self.feature_names = feature_names
        self.schema: InputSchema = manifest.inputs
        self.is_classifier = manifest.is_classifier
        # The columns of the model's answer that lead to the adverse label. Where nothing else is known: of two labels
        # the second by convention, of classes as they are listed.
        output = manifest.output
        self.width = len(output.classes) or 2
        self.columns = output.adverse_among(output.classes) if output.classes else (1,)

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Return float64 (rows,): the probability of the adverse label, or the value for regression.

        `frame` is as `to_frame` makes it. Raise ScoreInvalid if the model fails or answers with NaN,
        infinity or no probability.
        """
        return self._checked(lambda: self._raw(frame), len(frame))

    def score_codes(self, codes: np.ndarray) -> np.ndarray:
        """Return the scores of a matrix of codes over all inputs of the schema (see `to_codes`)."""
        return self._checked(lambda: self._raw_codes(np.asarray(codes, dtype=np.float64)), len(codes))

    @abstractmethod
    def _raw(self, frame: pd.DataFrame) -> np.ndarray:
        """Return what the model says about a frame, unchecked."""

    @abstractmethod
    def _raw_codes(self, codes: np.ndarray) -> np.ndarray:
        """Return what the model says about a matrix of codes, unchecked."""

    def _adverse(self, output: np.ndarray) -> np.ndarray:
        """The probability of the adverse label out of the model's answer, or its only column; refuse other shapes."""
        if output.ndim == 1 and self.width == 2:
            return output
        if output.ndim == 2 and output.shape[1] == self.width:
            return output[:, self.columns[0]] if self.width == 2 else _together(output, self.columns)
        if output.ndim == 2 and output.shape[1] == 1 and self.width == 2:
            return output[:, 0]
        wanted = "one or two" if self.width == 2 else str(self.width)
        raise ScoreInvalid(f"the model answers with the shape {output.shape}; {wanted} columns were expected")

    def _checked(self, call: Any, rows: int) -> np.ndarray:
        if rows == 0:
            return np.empty(0, dtype=np.float64)
        try:
            scores = np.asarray(call(), dtype=np.float64)
        except (MemoryError, ScoreInvalid):
            raise
        except Exception as error:
            raise_if_memory(error)
            # Whatever a library raises on these inputs means the same to the caller: no score.
            raise ScoreInvalid(f"the model failed: {first_line(error)}") from error
        return _checked_scores(scores, rows, self.is_classifier)


class CodeScorer(Scorer):
    """A model that reads a matrix of numbers, in which categories are codes."""

    def __init__(self, manifest: Manifest, native: Any, feature_names: tuple[str, ...]) -> None:
        super().__init__(manifest, native, feature_names)
        self._read = manifest.inputs.subset(feature_names)
        every = feature_names == manifest.inputs.names
        self._columns = None if every else [manifest.inputs.names.index(name) for name in feature_names]

    def _raw(self, frame: pd.DataFrame) -> np.ndarray:
        return self._predict(to_codes(frame, self._read))

    def _raw_codes(self, codes: np.ndarray) -> np.ndarray:
        return self._predict(codes if self._columns is None else codes[:, self._columns])

    @abstractmethod
    def _predict(self, codes: np.ndarray) -> np.ndarray:
        """Return what the model says about the codes of the inputs that it reads."""


class FrameScorer(Scorer):
    """A model that reads the columns of a frame by name."""

    def _raw_codes(self, codes: np.ndarray) -> np.ndarray:
        return self._raw(from_codes(codes, self.schema))


def first_line(error: BaseException) -> str:
    """Return the first line of an error, without the C++ stack traces that follow it in some libraries."""
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:300]


def raise_if_memory(error: BaseException) -> None:
    """Raise MemoryError if a C++ library's error says that memory ran out, which it words as it likes."""
    said = str(error).lower()
    if any(words in said for words in ("bad_alloc", "bad allocation", "out of memory", "failed to allocate memory")):
        raise MemoryError from error


def _together(output: np.ndarray, columns: tuple[int, ...]) -> np.ndarray:
    """What these classes have of the probability, which all classes share among them."""
    shares = output.astype(np.float64)
    if not np.allclose(shares.sum(axis=1), 1.0, atol=1e-4):
        raise ScoreInvalid("the probabilities of the model's classes do not add up to 1")
    return np.asarray(shares[:, columns].sum(axis=1))


def known_inputs(names: tuple[str, ...], schema: InputSchema) -> tuple[str, ...]:
    """Return the names; raise ArtifactRefused if the artifact reads inputs that the schema does not list."""
    unknown = [name for name in names if name not in schema.by_name]
    if unknown:
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The model reads inputs that the manifest does not list: {', '.join(unknown[:10])}.",
        )
    if len(set(names)) != len(names) or not names:
        raise ArtifactRefused("artifact_mismatch", "The model names no inputs, or one of them twice.")
    return names


def inputs_by_count(count: int, schema: InputSchema) -> tuple[str, ...]:
    """Return all inputs in order, for an artifact without names; refuse it if their count differs."""
    if count != len(schema.names):
        raise ArtifactRefused(
            "artifact_mismatch",
            f"The model reads {count} inputs without naming them, the manifest lists {len(schema.names)}.",
        )
    return schema.names


def _checked_scores(scores: np.ndarray, rows: int, probabilities: bool) -> np.ndarray:
    if scores.shape != (rows,):
        raise ScoreInvalid(f"the model answered with the shape {scores.shape} for {rows} rows")
    if not np.isfinite(scores).all():
        raise ScoreInvalid("the model answered with NaN or infinity")
    if not probabilities:
        return scores
    low, high = float(scores.min()), float(scores.max())
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        raise ScoreInvalid(
            f"the model answered with {low if low < 0 else high:g}, which is not a probability"
        )
    return np.clip(scores, 0.0, 1.0)
