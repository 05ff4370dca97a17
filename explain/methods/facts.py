"""The decision that is explained, and the report where its model cannot be asked."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from explain.methods.stages import unhurried


@dataclass(frozen=True)
class DecisionFacts:
    """The decision as the trail holds it; `recorded` is its score, None when none was recorded."""

    decision: str
    system: str
    version: int
    artifact_sha256: str
    recorded: float | None

    def heading(self) -> dict[str, Any]:
        """Which decision it is, as the report's first lines have it."""
        return {name: value for name, value in asdict(self).items() if name != "recorded"}


def seed_of(decision_id: str, artifact_sha256: str) -> int:
    """The seed of a decision's explanation: 32 bits of SHA-256 over both, so that anyone can make it
    again."""
    digest = hashlib.sha256(f"{decision_id}\n{artifact_sha256}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def bare_report(facts: DecisionFacts, threshold: float | None, verdict: str, why: str) -> dict[str, Any]:
    """The report where nothing can be asked of the model: what was recorded, the replay's verdict and why."""
    stages = unhurried()
    stages.missing += ["shap", "lime", "agreement", "counterfactuals", "cases"]
    stages.problems.append(f"replay: {why}")
    return {
        **facts.heading(),
        "seed": seed_of(facts.decision, facts.artifact_sha256),
        "output_space": "value" if threshold is None else "probability",
        "threshold": threshold,
        "replay": {"recorded": facts.recorded, "recomputed": None, "verdict": verdict},
        **dict.fromkeys(("shap", "lime", "agreement", "reference", "background", "effort")),
        **{name: [] for name in ("counterfactuals", "cases", "reasons")},
        "disclosures": [why, *stages.lines()],
        **stages.summary(),
        "timings_ms": {"total": 0.0},
        "libraries": {},
    }


def with_problem(report: dict[str, Any], problem: str) -> dict[str, Any]:
    """A report with one more of what went wrong while it was made."""
    return {**report, "problems": [*report["problems"], problem]}
