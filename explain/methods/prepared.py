"""A version made ready for explaining: everything that does not depend on the decision, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from explain.methods.local import LimeReady, prepare_lime
from explain.methods.shapley import ShapMethods, prepare_shap
from explain.methods.subject import (
    Coding,
    Effort,
    SchemaLike,
    ScorerLike,
    Subject,
    check_coding,
    row_cost,
)
from explain.methods.wording import Population

LIBRARIES = {
    "skops": ("scikit-learn", "skops"),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "lightgbm": ("lightgbm",),
    "onnx": ("onnxruntime",),
}


@dataclass(frozen=True, eq=False)
class Prepared:
    """Reusable between decisions of one version; not to be shared by threads (models are not)."""

    subject: Subject
    methods: ShapMethods
    lime: LimeReady
    effort: Effort
    population: Population
    libraries: Mapping[str, str]


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
) -> Prepared:
    """Make a version ready: score the background, read the model, gather LIME's statistics (0.1 to a few
    seconds).

    `coding` is `registry.scoring.frames` or anything with its three functions. `effort` is chosen by the
    number of trees; give the one from a report to make that report again. Raises ValueError when the
    background is empty or when rows do not survive coding.
    """
    if not len(background):
        raise ValueError("no background rows to compare with")
    if regression is None:
        regression = not getattr(scorer, "is_classifier", True)
    subject = Subject(schema, scorer, coding, background, regression)
    check_coding(subject)
    return Prepared(
        subject=subject,
        methods=prepare_shap(subject),
        lime=prepare_lime(subject),
        effort=effort or Effort.for_row_cost(row_cost(scorer)),
        population=Population(population, len(background), background_sha256),
        libraries=_libraries(str(scorer.format)),
    )


def _libraries(model_format: str) -> dict[str, str]:
    found = {}
    for name in ("numpy", "pandas", "lime", *LIBRARIES.get(model_format, ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
