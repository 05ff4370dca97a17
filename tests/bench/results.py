"""What every bench does with its rows: a table on the screen, JSON in a file, and how noisy the machine was."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Row = Mapping[str, Any]


def folder() -> Path:
    """Where results go: `VAR_DIR/bench`, by default `./var/bench`."""
    return Path(os.environ.get("VAR_DIR") or ROOT / "var").expanduser().resolve() / "bench"


def conditions() -> dict[str, Any]:
    """When and on what is measured; `loop_ms` is a fixed piece of Python, to compare one run with another."""
    started = time.perf_counter()
    sum(number * number for number in range(1_000_000))
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "loop_ms": round((time.perf_counter() - started) * 1000, 1),
    }


def write(name: str, rows: Sequence[Row], about: Row, **more: Any) -> Path:
    """Write `NAME.json` and return its path."""
    path = folder() / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, **more, "rows": rows}, indent=1) + "\n")
    return path


def show(title: str, rows: Sequence[Row], columns: Sequence[str], about: Row) -> None:
    """The table, with words about the machine beneath."""
    lines = [[*columns], *([_text(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    print(f"\n{title}")
    for line in lines:
        first, *others = (
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]))
    print(
        f"({about['cores']} cores, load {about['load_average']} at the start, fixed loop {about['loop_ms']} ms)",
        flush=True,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
