"""From the click to the finished explanation, through the portal, the queue and a worker, beside the naive script.

    python -m tests.bench.explain_bench                                             its own product
    python -m tests.bench.explain_bench --portal URL --gateway URL --var-dir DIR    one that runs already

“Click” is the request to the API; the answer is polled every 20 ms until the explanation is done. Decisions are asked
for one after the other, each for the first time. The naive script explains one of them in a fresh process. Then many
are asked for at once: how fast they are drained, who waits longest, and what memory the workers and their processes
apart take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import psutil

from registry.store import path_of
from tests.bench import results
from tests.bench.doors import Door
from tests.bench.product import Product, add_options, asked_for, stop_when_told

POLL_SECONDS, MOST_SECONDS = 0.02, 60.0
SYSTEM, VERSIONS, WARM_UPS = "mortgage", (1, 2, 3), 3
COLUMNS = (
    *("version", "model", "decisions", "p50 ms", "p95 ms", "max ms"),
    *("worker ms", "shap ms", "lime ms", "first ms", "naive ms", "its shap + lime", "ratio"),
)


class ExplanationFailed(RuntimeError):
    """An explanation did not become done; the message says why."""


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--decisions", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3, help="of the naive script, for each version")
    asked = parser.parse_args()
    stop_when_told()
    with asked_for(asked) as product:
        run(product, asked.decisions, asked.runs, asked.at_once)


def run(product: Product, decisions: int, runs: int, at_once: int) -> None:
    """Measure, show and write."""
    about = results.conditions()
    token = product.token("explain", "read")
    rows = [measure(product, token, version, decisions, runs) for version in VERSIONS]
    title = "Click to finished explanation: SHAP, LIME, counterfactuals and reasons (medians; ratio: naive to p50)"
    results.show(title, rows, COLUMNS, about)
    burst = [drain(product, token, at_once)]
    results.show("Explanations asked for at once, over all versions", burst, tuple(burst[0]), about)
    results.write("explain", rows, about, burst=burst)


def drain(product: Product, token: str, count: int) -> dict[str, Any]:
    """So many decisions of all versions asked for at once, as after a mailing: seconds until each report is there."""
    door = Door(product.portal, token)
    mixed = [islice(_decisions(door, version, pages=2), count // len(VERSIONS) + 1) for version in VERSIONS]
    identifiers = [identifier for group in zip(*mixed, strict=False) for identifier in group][:count]
    begun = time.perf_counter()
    paths = [f"/api/v1/decisions/{identifier}/explanations/" for identifier in identifiers]
    asked = [door.post(path, {"reason": "Bench"}) for path in paths]
    waiting = {started["id"]: None for started in asked if started["state"] == "queued"}
    sent, memory, took = time.perf_counter() - begun, 0.0, []
    while waiting:
        memory = max(memory, _worker_megabytes(product))
        for identifier in list(waiting):
            seen = door.get(f"/api/v1/explanations/{identifier}/")
            if seen["state"] == "failed":
                raise ExplanationFailed(seen["error"])
            if seen["state"] == "done":
                took.append(seen["elapsed_ms"] / 1000)
                del waiting[identifier]
        time.sleep(POLL_SECONDS)
    whole = time.perf_counter() - begun
    row: dict[str, Any] = {"asked for": len(took), "asking s": sent, "all done s": whole, "a second": len(took) / whole}
    row |= {"median wait s": results.quantile(took, 0.5), "longest wait s": max(took), "workers MB": memory}
    return row


def _worker_megabytes(product: Product) -> float:
    """Resident memory of the workers that explain, with their children and the processes apart."""
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if "explain@local" in " ".join(process.info["cmdline"] or ()) and _var_dir(process) == str(product.var_dir)
    ]
    family = {child.pid: child for process in found for child in (process, *process.children(recursive=True))}
    return sum(_megabytes(process) for process in family.values())


def _var_dir(process: psutil.Process) -> str:
    try:
        return process.environ().get("VAR_DIR", "")
    except psutil.Error:
        return ""


def _megabytes(process: psutil.Process) -> float:
    try:
        # Shared pages of forked workers are counted once, as far as the kernel tells.
        return process.memory_full_info().pss / 1024**2
    except psutil.Error:
        return 0.0


def measure(product: Product, token: str, version: int, decisions: int, runs: int) -> dict[str, Any]:
    """One version's row."""
    door = Door(product.portal, token)
    identifiers = _decisions(door, version)
    first = _warm_up(product, token, list(islice(identifiers, WARM_UPS)))
    explained = (found for identifier in identifiers if (found := _explain(door, identifier)))
    taken = list(islice(explained, decisions))
    clicks, reports = [took * 1000 for took, _ in taken], [report for _, report in taken]
    facts = door.get(f"/api/v1/systems/{SYSTEM}/versions/{version}/")
    naive = [_naive(product, door, facts, report) for report in reports[:runs]]
    median = results.quantile(clicks, 0.5)
    row: dict[str, Any] = {"version": version, "model": facts["artifact_format"], "decisions": len(clicks)}
    row |= {"p50 ms": median, "p95 ms": results.quantile(clicks, 0.95), "max ms": max(clicks)}
    row |= {f"{name} ms": _median_timing(reports, key) for name, key in _TIMINGS}
    row |= {"first ms": first and first * 1000, "partial": sum(report["completeness"] != "full" for report in reports)}
    if naive:
        whole = results.quantile([times["whole"] for times in naive], 0.5) * 1000
        methods = results.quantile([times["shap"] + times["lime"] for times in naive], 0.5) * 1000
        row |= {"naive ms": whole, "its shap + lime": methods, "ratio": whole / median, "naive": naive}
    return {**row, "clicks_ms": [round(click, 2) for click in clicks]}


_TIMINGS = (("worker", "total"), ("shap", "shap"), ("lime", "lime"))


def _median_timing(reports: list[dict[str, Any]], key: str) -> float:
    return results.quantile([report["timings_ms"][key] for report in reports], 0.5)


def _decisions(door: Door, version: int, pages: int = 0) -> Iterator[str]:
    """Decisions of that version that were answered, newest first; `pages` are passed over."""
    page = door.get(f"/api/v1/decisions/?system={SYSTEM}&version={version}&status=answered&mode=live")
    for _ in range(pages):
        page = door.get(f"/{page['next'].split('/', 3)[3]}") if page["next"] else page
    while True:
        yield from (item["id"] for item in page["results"])
        if not page["next"]:
            raise ExplanationFailed(f"Version {version} made too few decisions to measure.")
        page = door.get(f"/{page['next'].split('/', 3)[3]}")


def _warm_up(product: Product, token: str, identifiers: list[str]) -> float | None:
    """Seconds of the slowest of several at once: every worker process has then prepared the version."""
    with ThreadPoolExecutor(len(identifiers)) as pool:
        found = pool.map(lambda identifier: _explain(Door(product.portal, token), identifier), identifiers)
        return max((each[0] for each in found if each), default=None)


def _explain(door: Door, identifier: str) -> tuple[float, dict[str, Any]] | None:
    """Seconds from the click until the report is read, and the report; None where there was one before."""
    clicked = time.perf_counter()
    started = door.post(f"/api/v1/decisions/{identifier}/explanations/", {"reason": "Bench"})
    if started["state"] != "queued":
        return None
    while True:
        seen = door.get(f"/api/v1/explanations/{started['id']}/")
        took = time.perf_counter() - clicked
        if seen["state"] == "done":
            return took, seen["report"]
        if seen["state"] == "failed" or took > MOST_SECONDS:
            raise ExplanationFailed(f"An explanation is {seen['state']} after {took:.0f} s: {seen['error']}")
        time.sleep(POLL_SECONDS)


def _naive(product: Product, door: Door, facts: dict[str, Any], report: dict[str, Any]) -> dict[str, float]:
    """Seconds of the naive script for the same decision, whole and by part; its model must give the same score."""
    inputs = door.get(f"/api/v1/decisions/{report['decision']}/?purpose=Bench")["inputs"]
    paths = [path_of(product.var_dir / "artifacts", facts[name]) for name in ("artifact_sha256", "background_sha256")]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as manifest:
        json.dump(facts["manifest"], manifest)
        manifest.flush()
        files = [manifest.name, *map(str, paths)]
        command = [sys.executable, "-m", "tests.bench.explain_naive", *files, json.dumps(inputs)]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=results.ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
        times = {"whole": time.perf_counter() - started, **json.loads(done.stdout)}
    if abs(times["score"] - report["replay"]["recorded"]) > 1e-6:
        raise ExplanationFailed(f"The naive script scores {times['score']}, the record {report['replay']['recorded']}.")
    return times


if __name__ == "__main__":
    main()
