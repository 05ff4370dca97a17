"""The sandbox's side of the rehearsal: it knows no Django, and imports all of ours before it is confined."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from explain import methods
from explain.methods import DecisionFacts, Prepared, compose_report, prepare
from registry.scoring import frames, sandbox
from registry.scoring.confined import Answer, import_first, serve
from registry.scoring.confinement import confine
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from registry.scoring.remote import Ask
from registry.scoring.samples import read_sample


def main() -> None:
    """Answer one job of `rehearsing.rehearse`."""
    serve(_rehearse)


def _rehearse(job: dict[str, Any]) -> Answer:
    manifest = Manifest.parse(job["manifest"])
    data, sample = Path(job["artifact"]).read_bytes(), Path(job["background"]).read_bytes()
    import_first(manifest.model.format)
    _import_methods()
    confine(**job["limits"])
    return rehearsed(manifest, data, sample, job)


def rehearsed(
    manifest: Manifest, data: bytes, sample: bytes, job: Mapping[str, Any], ask: Ask | None = None
) -> Answer:
    """Some rows explained; `ask` reaches a model that is served elsewhere, of which nothing is opened here."""
    begun = time.perf_counter()
    scorer = load(data, manifest, ask)
    background = read_sample(sample, manifest.inputs)
    try:
        prepared = prepare(manifest.inputs, scorer, background, frames, regression=not manifest.is_classifier)
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a stranger's model is its outcome
        return sandbox.refused("not_explainable", f"It cannot be prepared: {type(error).__name__}: {error}")
    prepared_at = time.perf_counter()
    digest = hashlib.sha256(data).hexdigest()
    rows = []
    for place in dict.fromkeys(np.linspace(0, len(background) - 1, job["rows"]).astype(int).tolist()):
        if time.perf_counter() - begun > job["last_row_s"]:
            break
        row = background.iloc[[place]]
        facts = DecisionFacts(f"rehearsal-{place}", "rehearsal", 0, digest, recorded=float(scorer.score(row)[0]))
        rows.append(_explained(prepared, row, facts, manifest, job["budget_s"]))
    return {"ok": True, "prepare_ms": round((prepared_at - begun) * 1e3, 3), "rows": rows}


def _import_methods() -> None:
    """All of our own code that some model may need: once confined, we cannot read it."""
    for module in pkgutil.walk_packages(methods.__path__, f"{methods.__name__}."):
        importlib.import_module(module.name)


def _explained(
    prepared: Prepared, row: pd.DataFrame, facts: DecisionFacts, manifest: Manifest, budget_s: float
) -> dict[str, Any]:
    """One report in figures; nothing of the row's values leaves the sandbox."""
    inputs = {key: None if pd.isna(value) else value for key, value in row.iloc[0].items()}
    report = compose_report(prepared, inputs, facts, manifest.output, budget_s=budget_s)
    shap, lime, times = report["shap"] or {}, report["lime"] or {}, report["timings_ms"]
    agreement = report["agreement"] or {}
    return {
        **{f"{stage}_ms": times.get(stage) for stage in ("shap", "lime", "total")},
        "method": shap.get("method"),
        "additivity_error": shap.get("additivity_error", 0.0) / max(1.0, abs(shap.get("prediction", 0.0))),
        "lime_r2": lime.get("r2"),
        "agreement": agreement.get("verdict"),
        "top3_overlap": agreement.get("top3_overlap"),
        "replay": report["replay"]["verdict"],
        "completeness": report["completeness"],
        "problems": report["problems"],
    }


if __name__ == "__main__":
    main()
