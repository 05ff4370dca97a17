"""Explanations of every model family at 13, 40 and 200 inputs, cold and warm, beside the naive script.

    python -m tests.bench.explain_families --inputs 13 [--families logistic,network] [--decisions 20] [--naive 1]

Measured is the process that the workers ask, from the question to the last word of its report: everything but the
queue, the database and HTTP, which `explain_bench` measures with the demo's models. “cold ms” is the first report of a
new process: its start, imports, loading, preparing and explaining. “us/row” is the floor: LIME alone asks about three
times 5,000 rows (2,000 of a slow model).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import psutil

from explain.isolated import Explainer
from explain.methods import DecisionFacts
from registry import store
from registry.scoring import frames
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from tests.bench import results
from tests.bench.explain_models import FAMILIES, Made, Wide, made, widened

COLUMNS = (
    *("family", "inputs", "method", "p50 ms", "p95 ms", "max ms", "shap ms", "lime ms", "changes ms"),
    *("cold ms", "prepare ms", "MB", "us/row", "naive ms", "its shap + lime", "ratio"),
)
SECONDS = 120.0


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=13)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--decisions", type=int, default=20)
    parser.add_argument("--naive", type=int, default=1, help="runs of the naive script for each family, or 0")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    about, wide = results.conditions(), widened(asked.inputs)
    rows = [measure(family, wide, asked.decisions, asked.naive) for family in asked.families.split(",")]
    title = f"Explanations by family at {asked.inputs} inputs (medians; ratio: naive to p50)"
    results.show(title, rows, COLUMNS, about)
    results.write(f"explain-families-{asked.inputs}", rows, about)


def measure(family: str, wide: Wide, decisions: int, runs: int) -> dict[str, Any]:
    """One family's row."""
    model = made(family, wide)
    manifest = Manifest.parse(model.manifest)
    scorer = load(model.artifact, manifest)
    scores = scorer.score(wide.others)
    # Denials are what people dispute, and the only ones that get all parts.
    chosen = [place for place in scores.argsort()[::-1] if scores[place] >= 0.5][: decisions + 1]
    inputs = [_row(wide.others.iloc[place]) for place in chosen]
    recorded = [float(scores[place]) for place in chosen]
    with tempfile.TemporaryDirectory() as folder:
        jobs = _jobs(Path(folder), model, wide, inputs, recorded)
        row = {"family": family, "inputs": len(wide.schema.names), **_asked(Path(folder), jobs)}
        row["us/row"] = _row_cost(scorer, wide)
        if runs:
            row |= _naive(Path(folder), model, wide, inputs[0], runs)
            row["ratio"] = row["naive ms"] / row["p50 ms"]
    print(f"{family}: p50 {row['p50 ms']:.0f} ms, cold {row['cold ms']:.0f} ms", file=sys.stderr, flush=True)
    return row


def _row(row: Any) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in row.items()}


def _jobs(
    root: Path, model: Made, wide: Wide, inputs: list[dict[str, Any]], recorded: list[float]
) -> list[dict[str, Any]]:
    digests = {
        "artifact_sha256": store.put(root, model.artifact),
        "background_sha256": store.put(root, wide.background.to_csv(index=False).encode()),
    }
    version = {**digests, "manifest": model.manifest, "population": "applicants"}
    facts = [
        vars(DecisionFacts(f"decision-{place}", "bench", 1, digests["artifact_sha256"], score))
        for place, score in enumerate(recorded)
    ]
    fixed = {"kind": "explain", "version": version, "budget_s": 52.5, "without": []}
    return [{**fixed, "inputs": row, "facts": fact} for row, fact in zip(inputs, facts, strict=True)]


def _asked(root: Path, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """The first report of a new process, then the others."""
    apart = Explainer(root, memory_bytes=4 * 1024**3, warm_bytes=1024**3)
    took, reports = [], []
    try:
        for job in jobs:
            started = time.perf_counter()
            said = apart.ask(job, SECONDS)
            took.append((time.perf_counter() - started) * 1e3)
            if said["say"] != "report":
                raise RuntimeError(f"No report: {said}")
            reports.append(said["report"])
        memory = psutil.Process(apart.pid).memory_info().rss / 1024**2
    finally:
        apart.stop()
    _check(reports)
    warm = reports[1:]
    return {
        "method": reports[0]["shap"]["method"],
        "p50 ms": results.quantile(took[1:], 0.5),
        "p95 ms": results.quantile(took[1:], 0.95),
        "max ms": max(took[1:]),
        **{f"{name} ms": _median(warm, key) for name, key in (("shap", "shap"), ("lime", "lime"))},
        "changes ms": _median(warm, "counterfactuals"),
        "cold ms": took[0],
        "prepare ms": reports[0]["timings_ms"]["load"],
        "MB": memory,
        "asked_ms": [round(each, 1) for each in took],
    }


def _median(reports: list[dict[str, Any]], stage: str) -> float:
    return results.quantile([report["timings_ms"][stage] for report in reports], 0.5)


def _check(reports: list[dict[str, Any]]) -> None:
    """No number is worth anything that belongs to a wrong report."""
    for report in reports:
        wrong = report["completeness"] != "full" or report["replay"]["verdict"] != "matches" or report["problems"]
        off = report["shap"]["additivity_error"] > 1e-6 * max(1.0, abs(report["shap"]["prediction"]))
        if wrong or off:
            raise RuntimeError(f"A report is not whole: {report['problems'] or report['disclosures'][:2]}")


def _row_cost(scorer: Any, wide: Wide) -> float:
    """Microseconds a row in a batch of the background, twice over."""
    codes = wide.codes(wide.background)
    frame = frames.from_codes(codes, wide.schema)
    ask = (lambda: scorer.score_codes(codes)) if scorer.format != "skops" else (lambda: scorer.score(frame))
    ask()
    started = time.perf_counter()
    ask(), ask()
    return (time.perf_counter() - started) / (2 * len(codes)) * 1e6


def _naive(root: Path, model: Made, wide: Wide, row: dict[str, Any], runs: int) -> dict[str, Any]:
    files = {"manifest": json.dumps(model.manifest).encode(), "artifact": model.artifact}
    files["background"] = wide.background.to_csv(index=False).encode()
    for name, data in files.items():
        (root / name).write_bytes(data)
    paths = [str(root / name) for name in ("manifest", "artifact", "background")]
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.explain_naive", *paths, json.dumps(row)]
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        done = subprocess.run(command, cwd=results.ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
        times.append({"whole": time.perf_counter() - started, **json.loads(done.stdout)})
    whole = results.quantile([each["whole"] for each in times], 0.5) * 1e3
    return {
        "naive ms": whole,
        "its shap + lime": results.quantile([each["shap"] + each["lime"] for each in times], 0.5) * 1e3,
        "naive": times,
    }


if __name__ == "__main__":
    main()
