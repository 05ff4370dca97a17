"""From the upload of a version to the verdict of every gate, through the API, the queue and a worker; and dry runs.

    python -m tests.bench.gates_bench                                             its own product
    python -m tests.bench.gates_bench --portal URL --gateway URL --var-dir DIR    one that runs already; it gets drafts

The clock starts when the first byte of the upload is sent and stops when the checks' run is done, which is asked every
50 ms. “upload” is the time until the answer, which the portal holds back for the verdicts up to CHECKS_WAIT_SECONDS.
Versions are uploaded one after the other, to a system whose live version each is compared with. A second table tries
for every gate an input that must fail it; exit code 1 when one does not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import textwrap
import time
from typing import Any

from portal.demo import training
from tests.bench import gates_failing, gates_models, results
from tests.bench.doors import Door
from tests.bench.product import Product, add_options, asked_for, stop_when_told

SYSTEM = "mortgage"
POLL_SECONDS, MOST_SECONDS = 0.05, 600.0
COLUMNS = ("model", "MB", "upload s", "verdicts s", "dry run s", "passed", "failed")
PARTS = ("manifest", "artifact", "background", "evaluation", "golden")


class ChecksFailed(RuntimeError):
    """The checks of a version were not finished; the message says how far they came."""


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--models", type=int, default=len(gates_models.BUILDS), help="only the first so many")
    asked = parser.parse_args()
    stop_when_told()
    with asked_for(asked) as product:
        clean = run(product, asked.models)
    raise SystemExit(0 if clean else "A gate passed what must fail it.")


def run(product: Product, models: int = len(gates_models.BUILDS)) -> bool:
    """Measure, show and write; whether every gate failed what it must fail."""
    about = results.conditions()
    door = Door(product.portal, product.token("register"), seconds=MOST_SECONDS)
    applicants = training.Applicants()
    rows = [measure(door, name, build(applicants)) for name, build in list(gates_models.BUILDS.items())[:models]]
    results.show("Upload to the verdict of every gate", rows, COLUMNS, about)
    failing = _failing()
    shown = [{**row, "said": textwrap.shorten(row["said"], 90, placeholder=" …")} for row in failing]
    results.show("Inputs that must fail a gate", shown, gates_failing.COLUMNS, about)
    results.write("gates", rows, about, failing=failing)
    return all(row["verdict"] in ("failed", "refused", "not satisfied") for row in failing)


def measure(door: Door, name: str, trained: training.Trained) -> dict[str, Any]:
    """One model's row."""
    parts = {part: content for part in PARTS if (content := getattr(trained, part))}
    started = time.perf_counter()
    made = door.upload(f"/api/v1/systems/{SYSTEM}/versions/", parts)
    uploaded = time.perf_counter() - started
    address = f"/api/v1/systems/{SYSTEM}/versions/{made['version']}/"
    _wait(door, f"{address}checks/", started)
    verdicts_after = time.perf_counter() - started
    gates = {gate["gate"]: gate["verdict"] for gate in door.get(address)["gates"]}
    tried = time.perf_counter()
    door.upload(f"/api/v1/systems/{SYSTEM}/versions/?dry_run=1", parts)
    row: dict[str, Any] = {"model": name, "MB": len(trained.artifact) / 1e6, "upload s": uploaded}
    row |= {"verdicts s": verdicts_after, "dry run s": time.perf_counter() - tried}
    row["passed"] = sum(verdict == "passed" for verdict in gates.values())
    row["failed"] = ", ".join(gate for gate, verdict in gates.items() if verdict == "failed") or "none"
    return {**row, "gates": gates}


def _wait(door: Door, address: str, started: float) -> None:
    while True:
        run = door.get(address)
        if run["state"] == "done":
            return
        if run["state"] == "failed" or time.perf_counter() - started > MOST_SECONDS:
            raise ChecksFailed(f"The checks are {run['state']} ({run['stage']}): {run['error']}")
        time.sleep(POLL_SECONDS)


def _failing() -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.bench.gates_failing"]
    done = subprocess.run(command, cwd=results.ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
