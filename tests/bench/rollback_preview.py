"""What it costs to see what a rollback would change: seconds, and how much the process grows.

    python -m tests.bench.rollback_preview [--decisions 100000]

Its own PostgreSQL in a directory of its own, with decisions of version 2 in release 2 on real applicants, made through
`audit.services.append`. Each way is measured in a fresh process that has loaded Django and nothing else, as a thread of
the web would be: `first` loads the target's model and the libraries that read it, `again` finds them in memory.

ids      as many decisions as are drawn from by their ids
leaves   half as many again, and all sealed: leaves of the tree are drawn instead
csv      the list of all that are affected, to its last line
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import results
from tests.bench.product import stop_when_told

COLUMNS = ("way", "decisions", "sampled", "would flip", "first s", "again s", "grew MB", "peak MB")
CHUNK = 5_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--measure", choices=("preview", "csv"), help="in this process, on the database that is there")
    asked = parser.parse_args(arguments)
    if asked.measure:
        print(json.dumps(measured(asked.measure)))
        return
    stop_when_told()
    run(asked.decisions)


def run(decisions: int) -> None:
    """Measure, show and write."""
    from tests.bench.intake_bench import portal

    about = results.conditions()
    with portal() as folder:
        _release_twice()
        _decide(decisions)
        rows = [{"way": "ids", **_in_a_process("preview")}, {"way": "csv", **_in_a_process("csv")}]
        _decide(decisions // 2)
        _seal(folder)
        rows.append({"way": "leaves", **_in_a_process("preview")})
    results.show("What a rollback would change, seen before", rows, COLUMNS, about)
    results.write("rollback_preview", rows, about)


def measured(way: str) -> dict[str, Any]:
    """Seconds and growth of this process."""
    import portal.wsgi  # noqa: F401  it sets Django up as the web has it
    from registry.models import System

    system, before = System.objects.get(), _resident()
    started = time.perf_counter()
    found = _looked(way, system)
    first, started = time.perf_counter() - started, time.perf_counter()
    _looked(way, system)
    again = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**found, "first s": first, "again s": again, "grew MB": _resident() - before, "peak MB": peak}


def _looked(way: str, system: Any) -> dict[str, Any]:
    from registry.releasing.affected import AffectedLines
    from registry.releasing.preview import preview_of

    seen = preview_of(system, **({"sampled": 0} if way == "csv" else {}))
    if way == "preview":
        assert seen.tally is not None
        return {"decisions": seen.sample.number, "sampled": seen.tally.sampled, "would flip": seen.would_flip}
    lines = AffectedLines(seen.release, seen.target)  # type: ignore[arg-type]
    flips = sum(chunk.count("\n") for chunk in lines) - 1
    lines.close()
    return {"decisions": seen.sample.number, "sampled": seen.sample.number, "would flip": flips}


def _in_a_process(way: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.rollback_preview", "--measure", way]
    done = subprocess.run(command, cwd=results.ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return json.loads(done.stdout.splitlines()[-1])


def _release_twice() -> None:
    from tests import factories

    factories.seed()
    factories.released(1)
    factories.released(2)


def _decide(count: int) -> None:
    from tests import factories

    applicants = itertools.cycle(factories.applicants().held_out)
    for start in range(0, count, CHUNK):
        wanted = min(CHUNK, count - start)
        factories.decided_in_bulk(itertools.islice(applicants, wanted), 2, release=2)


def _seal(folder: Path) -> None:
    from tests.sealing import seal

    seal("countersign", folder / "trail")


def _resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
