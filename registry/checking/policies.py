"""The policy in force: how each gate binds the versions of a risk class."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry.checking.gates import GATES, Gate, Level
from registry.models import GatePolicy


@dataclass(frozen=True)
class Policy:
    """One gate's level and thresholds for one risk class; `changed_at` is None while the default holds."""

    gate: Gate
    level: Level
    thresholds: dict[str, float]
    changed_by: str | None = None
    changed_at: datetime | None = None
    reason: str = ""


def policies_for(risk_class: str) -> dict[str, Policy]:
    """Every gate's policy for the risk class, in the order of the checklist."""
    changes: dict[str, GatePolicy] = {}
    for row in GatePolicy.objects.filter(risk_class=risk_class).order_by("gate", "-id").distinct("gate"):
        changes[row.gate] = row
    return {gate.kind: _policy(gate, risk_class, changes.get(gate.kind)) for gate in GATES}


def history_of(risk_class: str) -> list[GatePolicy]:
    """Every change of the risk class's policy, newest first."""
    return list(GatePolicy.objects.filter(risk_class=risk_class))


def _policy(gate: Gate, risk_class: str, change: GatePolicy | None) -> Policy:
    if change is None:
        return Policy(gate, gate.default_level(risk_class), gate.defaults)
    thresholds = {**gate.defaults, **change.thresholds}
    return Policy(gate, Level(change.level), thresholds, change.changed_by, change.changed_at, change.reason)
