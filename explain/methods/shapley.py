"""SHAP values of one decision: picks the exact method that fits the model, and the sampler when none does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explain.methods.linear import LinearMethod, prepare_linear
from explain.methods.links import sampling_space, score_of
from explain.methods.mixing import Mixtures
from explain.methods.sampled import Sampled, explain_sampled
from explain.methods.subject import Effort, Expired, JsonValue, Matrix, MethodRefused, Subject, unlimited
from explain.methods.trees import TreeMethod, prepare_trees

TOLERANCE = 1e-6  # relative; an exact method that misses the model's own value by more is not used


@dataclass(frozen=True)
class Contribution:
    """One raw input's part in the score, in the result's space, positive towards the adverse label.

    `share` is its part of the total push, |contribution| / Σ |contributions|, between 0 and 1.
    """

    feature: str
    value: JsonValue
    contribution: float
    share: float
    standard_error: float | None = None


@dataclass(frozen=True)
class ShapResult:
    """base_value + Σ contributions = prediction, in `space` (log_odds, probability or value).

    `additivity_error` is the distance from that sum to what the model itself says. `probability_base` and
    `probability` are the scores at both ends (equal to the values themselves where the space is not
    log-odds).
    """

    method: str
    space: str
    base_value: float
    prediction: float
    additivity_error: float
    contributions: tuple[Contribution, ...]
    probability_base: float
    probability: float
    background_rows: int
    notes: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class ShapMethods:
    """Which exact method serves a version, if any, and why the others do not."""

    exact: TreeMethod | LinearMethod | None
    word: str
    space: str
    notes: tuple[str, ...]
    mixtures: Mixtures | None = None  # how the sampler asks, where no exact method serves


def prepare_shap(subject: Subject, mixtures: Mixtures | None = None) -> ShapMethods:
    """Choose once per version: linear, then trees, else the sampler in log-odds, which asks by `mixtures`."""
    notes: list[str] = []
    for word, prepare in (("linear", prepare_linear), ("tree", prepare_trees)):
        try:
            exact = prepare(subject)
        except MethodRefused as refusal:
            notes.append(f"{word} method not used: {refusal}")
        except Exception as error:  # noqa: BLE001 - an unreadable artifact must not cost the explanation
            notes.append(f"{word} method not used: {type(error).__name__}: {error}")
        else:
            return ShapMethods(exact, word, exact.link.space, (), mixtures)
    space = sampling_space(subject.scores, subject.regression)
    return ShapMethods(None, "permutation", space, tuple(notes), mixtures)


def explain_shap(
    subject: Subject,
    methods: ShapMethods,
    codes: Matrix,
    *,
    effort: Effort,
    seed: int,
    expired: Expired = lambda: False,
    seconds_left: Callable[[], float] = unlimited,
) -> ShapResult:
    """SHAP values of one code row. Falls through to the sampler when an exact method fails its own check."""
    notes = list(methods.notes)
    if methods.exact is not None:
        base, values = methods.exact.explain(codes)
        miss, error = _miss(subject, methods, codes, base, values)
        if miss <= TOLERANCE:
            found = Sampled(methods.word, base, base + float(values.sum()), values, None, methods.exact.rows)
            return _result(subject, codes, methods.space, found, error, notes)
        notes.append(f"{methods.word} method not used: it misses the model's own value by {miss:.2g}")
    found = explain_sampled(subject, codes, methods.space, effort, seed, expired, seconds_left, methods.mixtures)
    if not found.complete:
        notes.append("time was short, so fewer rows were asked; standard errors show what is left open")
    error = abs(found.base + float(found.values.sum()) - found.prediction)
    return _result(subject, codes, methods.space, found, error, notes)


def _miss(
    subject: Subject, methods: ShapMethods, codes: Matrix, base: float, values: Matrix
) -> tuple[float, float]:
    """Relative distance of an exact answer from the model, and the absolute one in the answer's space.

    The model is asked twice: for its own margin, and through the scorer for what was compared with the
    threshold.
    """
    assert methods.exact is not None
    own = methods.exact.own_value(codes)
    score = float(subject.score(codes.reshape(1, -1))[0])
    error = abs(base + float(values.sum()) - own)
    drift = abs(float(score_of(np.asarray(own), methods.space)) - score)
    size = max(1.0, abs(own), float(np.abs(values).sum()))
    return max(error / size, (drift - methods.exact.rounding) / max(1.0, abs(score))), error


def _result(
    subject: Subject, codes: Matrix, space: str, found: Sampled, error: float, notes: list[str]
) -> ShapResult:
    values, errors = found.values, found.errors
    push = float(np.abs(values).sum()) or 1.0
    contributions = [
        Contribution(
            feature=name,
            value=subject.decode(index, float(codes[index])),
            contribution=float(values[index]),
            share=abs(float(values[index])) / push,
            standard_error=None if errors is None or not np.isfinite(errors[index]) else float(errors[index]),
        )
        for index, name in enumerate(subject.names)
    ]
    contributions.sort(key=lambda item: -abs(item.contribution))
    prediction = found.base + sum(item.contribution for item in contributions)
    both = score_of(np.asarray([found.base, prediction]), space)
    return ShapResult(
        method=found.method,
        space=space,
        base_value=found.base,
        prediction=prediction,
        additivity_error=error,
        contributions=tuple(contributions),
        probability_base=float(both[0]),
        probability=float(both[1]),
        background_rows=found.rows,
        notes=tuple(notes),
        complete=found.complete,
    )


__all__ = ["Contribution", "ShapMethods", "ShapResult", "explain_shap", "prepare_shap"]
