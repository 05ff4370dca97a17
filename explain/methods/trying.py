"""What the model would say to other inputs: score, label and contributions at once, nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from explain.methods.contrast import OutputLike
from explain.methods.prepared import Prepared
from explain.methods.reference import reference_of
from explain.methods.shapley import explain_shap
from explain.methods.subject import plain

# A person changes values and waits: a model that is slow to ask is sampled for so long (s).
MOST_SECONDS = 5.0


def try_inputs(prepared: Prepared, row: Mapping[str, Any], output: OutputLike, seed: int) -> dict[str, Any]:
    """Score, label, start and contributions for one row, JSON-ready; as a report would have them."""
    subject, deadline = prepared.subject, time.perf_counter() + MOST_SECONDS
    codes = subject.codes_of(row)
    score = float(subject.score(codes.reshape(1, -1))[0])
    shap = explain_shap(
        subject,
        prepared.methods,
        codes,
        effort=prepared.effort,
        seed=seed,
        seconds_left=lambda: deadline - time.perf_counter(),
    )
    reference = reference_of(shap, output.threshold)
    return {
        "score": plain(score),
        "label": output.label(score),
        "threshold": plain(output.threshold),
        "output_space": shap.space,
        "method": shap.method,
        "base_value": plain(shap.base_value),
        "prediction": plain(shap.prediction),
        "contributions": [{key: plain(value) for key, value in asdict(item).items()} for item in shap.contributions],
        "reference": reference and {**asdict(reference), "needed": list(reference.needed)},
    }
