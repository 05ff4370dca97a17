"""The rehearsal of a version's explanations before anybody needs one: ten rows, in the sandbox, against the clock."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from registry.checking.findings import Finding, judged
from registry.checking.parts import Parts
from registry.elsewhere import way_to
from registry.scoring import sandbox
from registry.scoring.problems import ScoreInvalid

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
        "budget_s": BUDGET_S,
        "last_row_s": LAST_ROW_S,
    }
    if parts.manifest.model.is_remote:
        said = _asked(parts, job)
    else:
        said = sandbox.run("explain.rehearsal", job, timeout_s=TIMEOUT_S)
    if not said["ok"]:
        return judged(KIND, [f"the rehearsal ended early: {said['message']}"], "", {"rows": []}, thresholds)
    try:
        return judge_rehearsal(said["prepare_ms"], said["rows"], thresholds)
    except (KeyError, TypeError, ValueError):
        return judged(KIND, ["the rehearsal answered with something else"], "", {"rows": []}, thresholds)


def _asked(parts: Parts, job: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a model that is served elsewhere: no stranger's code runs here, so there is nothing to confine."""
    # It brings the methods' libraries, which no process needs that only knows that there is such a check.
    from explain.rehearsal import rehearsed

    ask = way_to(parts.manifest, deadline=time.monotonic() + TIMEOUT_S)
    try:
        return rehearsed(parts.manifest, parts.artifact.read_bytes(), parts.background.read_bytes(), job, ask)
    except ScoreInvalid as error:
        return sandbox.refused("score_invalid", f"{error}.")


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
