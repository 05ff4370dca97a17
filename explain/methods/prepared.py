"""A version made ready for explaining: everything that does not depend on the decision, computed once."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from explain.methods.local import LimeReady, prepare_lime
from explain.methods.mixing import with_shortcut
from explain.methods.shapley import ShapMethods, prepare_shap
from explain.methods.subject import (
    Coding,
    Effort,
    OutOfTime,
    SchemaLike,
    ScorerLike,
    Subject,
    check_coding,
    row_cost,
    sample_rows,
)
from explain.methods.wording import Population

# What every report rests on: LIME fits by scikit-learn's ridge and draws by SciPy.
ALWAYS = ("numpy", "pandas", "scipy", "scikit-learn", "lime")
LIBRARIES = {
    "skops": ("skops",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "lightgbm": ("lightgbm",),
    "onnx": ("onnxruntime",),
}


FEWEST_SCORED = 50  # rows of the background below which no explanation is tried


@dataclass(frozen=True, eq=False)
class Prepared:
    """Reusable between decisions of one version; not to be shared by threads (models are not)."""

    subject: Subject
    methods: ShapMethods
    lime: LimeReady
    effort: Effort
    population: Population
    libraries: Mapping[str, str]
    # False where the model is so slow that only a part of the background could be scored.
    whole: bool = True

    @property
    def served_elsewhere(self) -> Mapping[str, str | None] | None:
        """Endpoint and model version of a model that is not here; None for one that is."""
        return getattr(self.subject.scorer, "where", None)


def prepare(
    schema: SchemaLike,
    scorer: ScorerLike,
    background: pd.DataFrame,
    coding: Coding,
    *,
    population: str = "the training sample",
    background_sha256: str | None = None,
    regression: bool | None = None,
    effort: Effort | None = None,
    seconds: float = math.inf,
) -> Prepared:
    """Make a version ready: score the background, read the model, gather LIME's statistics (0.1 to a few
    seconds).

    `coding` is `registry.scoring.frames` or anything with its three functions. `effort` is chosen by the
    number of trees; give the one from a report to make that report again. What cannot be scored within `seconds` of
    the background is left out. Raises ValueError when the background is empty or when rows do not survive coding,
    OutOfTime when the model is too slow for even a few rows.
    """
    if not len(background):
        raise ValueError("no background rows to compare with")
    if regression is None:
        regression = not getattr(scorer, "is_classifier", True)
    subject = _within(Subject(schema, scorer, coding, background, regression), seconds)
    used = len(subject.background)
    subject, mixtures = with_shortcut(subject)
    return Prepared(
        subject=subject,
        methods=prepare_shap(subject, mixtures),
        lime=prepare_lime(subject),
        effort=effort or Effort.for_row_cost(row_cost(scorer)),
        population=Population(population, used, background_sha256),
        libraries=_libraries(str(scorer.format)),
        whole=used == len(background),
    )


def _within(subject: Subject, seconds: float) -> Subject:
    """The subject with as much of its background as can be scored in time; the first row tells whether to try."""
    subject.score(subject.codes[:1])
    if subject.pace.seconds_for(FEWEST_SCORED) > seconds:
        raise OutOfTime(f"the model takes {subject.pace.seconds_for(1):.1f} s for one person")
    check_coding(subject)
    affordable = int(min(seconds / max(subject.pace.seconds_per_row, 1e-9), len(subject.background)))
    if affordable == len(subject.background):
        return subject
    chosen = sample_rows(len(subject.background), max(FEWEST_SCORED, affordable))
    return replace(subject, background=subject.background.iloc[chosen])


def _libraries(model_format: str) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in (*ALWAYS, *LIBRARIES.get(model_format, ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
