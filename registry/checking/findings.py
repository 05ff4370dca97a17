"""What a check found out about a version: what becomes evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# As long as the column that keeps it.
SUMMARY_LENGTH = 500


class Verdict(StrEnum):
    """What evidence says of its gate."""

    PASSED = "passed"
    FAILED = "failed"
    # Somebody says so, and nobody has proven it.
    CLAIMED = "claimed"
    # A person let it pass although it failed or is missing, and said why.
    WAIVED = "waived"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One gate's outcome: verdict, a sentence for people, and the figures behind it (JSON)."""

    gate: str
    verdict: Verdict
    summary: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    source_url: str = ""


def judged(
    gate: str, problems: list[str], good: str, payload: Mapping[str, Any], thresholds: Mapping[str, float]
) -> Finding:
    """Passed with the good words, or failed with every problem; the thresholds that decided stand in the payload."""
    verdict = Verdict.FAILED if problems else Verdict.PASSED
    summary = "; ".join(problems) if problems else good
    summary = summary[:1].upper() + summary[1:]
    if len(summary) > SUMMARY_LENGTH:
        summary = f"{summary[: SUMMARY_LENGTH - 1]}…"
    return Finding(gate, verdict, summary, {**payload, "problems": problems, "thresholds": dict(thresholds)})
