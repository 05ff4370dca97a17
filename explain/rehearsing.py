"""The rehearsal of a version's explanations before anybody needs one: ten rows, in the sandbox, against the clock.

Run as a program it is the sandbox's side; it knows no Django and no database.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from explain.methods import DecisionFacts, Prepared, compose_report, prepare
from registry.checking.findings import Finding, judged
from registry.checking.parts import Parts
from registry.scoring import frames, sandbox
from registry.scoring.confined import Answer, import_first, serve
from registry.scoring.confinement import confine
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from registry.scoring.samples import read_sample

KIND = "explanation"
ROWS = 10
# What one explanation may take, as the workers keep it, and after how long no further row is begun (s).
BUDGET_S = 55.0
LAST_ROW_S = 60.0
# Both, and what it takes to import the libraries on a busy machine.
TIMEOUT_S = 150.0
# Relative; contributions that miss their sum by more explain something else than the score.
ADDITIVITY = 1e-6


def rehearse(parts: Parts, thresholds: Mapping[str, float]) -> Finding:
    """Explain ten rows of the background sample in the sandbox, and judge times and sums; never raises for what the
    artifact does."""
    job = {
        "artifact": str(parts.artifact.resolve()),
        "background": str(parts.background.resolve()),
        "manifest": dict(parts.manifest.raw),
        "rows": ROWS,
    }
    said = sandbox.run("explain.rehearsing", job, timeout_s=TIMEOUT_S)
    if not said["ok"]:
        return judged(KIND, [f"the rehearsal ended early: {said['message']}"], "", {"rows": []}, thresholds)
    try:
        return judge_rehearsal(said["prepare_ms"], said["rows"], thresholds)
    except (KeyError, TypeError, ValueError):
        return judged(KIND, ["the rehearsal answered with something else"], "", {"rows": []}, thresholds)


def judge_rehearsal(prepare_ms: float, rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float]) -> Finding:
    """Passed when every row got both methods, sums hold, and loading and the slowest row fit into the limit (ms).

    How well SHAP and LIME agree is shown and fails nothing: where they differ, the report says so to its reader.
    """
    slowest = max((float(row["total_ms"]) for row in rows), default=0.0)
    whole = prepare_ms + slowest
    problems = [] if rows else ["no row was explained"]
    problems += [f"row {place}: {words}" for place, row in enumerate(rows, 1) if (words := _wrong_with(row))]
    limit = thresholds["max_ms"]
    if whole > limit:
        problems.append(f"loading and the slowest row take {whole:,.0f} ms; at most {limit:,.0f} ms are allowed")
    payload = {
        "prepare_ms": prepare_ms,
        "slowest_ms": slowest,
        "rows": [dict(row) for row in rows],
        "agreement": dict(Counter(str(row["agreement"]) for row in rows)),
        "methods": sorted({str(row["method"]) for row in rows}),
    }
    good = (
        f"{len(rows)} rows explained by SHAP and LIME; the slowest took {slowest:,.0f} ms, loading {prepare_ms:,.0f} ms"
    )
    return judged(KIND, problems, good, payload, thresholds)


def _wrong_with(row: Mapping[str, Any]) -> str:
    if row["problems"]:
        return str(row["problems"][0])
    if row["completeness"] != "full":
        return f"not finished within {BUDGET_S:g} s"
    if row["replay"] == "differs":
        return "scored again, it gets another score"
    error = float(row["additivity_error"])
    return f"the contributions miss their sum by {error:.2g}" if error > ADDITIVITY else ""


def main() -> None:
    """Answer one job of `rehearse`."""
    serve(_rehearse)


def _rehearse(job: dict[str, Any]) -> Answer:
    manifest = Manifest.parse(job["manifest"])
    data, sample = Path(job["artifact"]).read_bytes(), Path(job["background"]).read_bytes()
    import_first(manifest.model.format)
    confine(**job["limits"])
    begun = time.perf_counter()
    scorer = load(data, manifest)
    background = read_sample(sample, manifest.inputs)
    try:
        prepared = prepare(manifest.inputs, scorer, background, frames, regression=not manifest.is_classifier)
    except Exception as error:  # noqa: BLE001 - whatever a library raises on a stranger's model is its outcome
        return sandbox.refused("not_explainable", f"It cannot be prepared: {type(error).__name__}: {error}")
    prepared_at = time.perf_counter()
    digest = hashlib.sha256(data).hexdigest()
    rows = []
    for place in dict.fromkeys(np.linspace(0, len(background) - 1, job["rows"]).astype(int).tolist()):
        if time.perf_counter() - begun > LAST_ROW_S:
            break
        row = background.iloc[[place]]
        rows.append(_explained(prepared, row, float(scorer.score(row)[0]), manifest, f"rehearsal-{place}", digest))
    return {"ok": True, "prepare_ms": round((prepared_at - begun) * 1e3, 3), "rows": rows}


def _explained(
    prepared: Prepared, row: pd.DataFrame, score: float, manifest: Manifest, name: str, digest: str
) -> dict[str, Any]:
    """One report in figures; nothing of the row's values leaves the sandbox."""
    inputs = {key: None if pd.isna(value) else value for key, value in row.iloc[0].items()}
    facts = DecisionFacts(name, "rehearsal", 0, digest, recorded=score)
    report = compose_report(prepared, inputs, facts, manifest.output, budget_s=BUDGET_S)
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
