"""A version's card, two versions side by side, and a version's history: read, never written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import audit.queries as trail
from audit.models import Entry
from registry.cards.differences import Difference, manifest_differences, schema_differences
from registry.checking.findings import Verdict
from registry.checking.queries import GateStatus, gates_of
from registry.models import Approval, Release, Version
from registry.scoring.manifest import Manifest

# Every metric that the performance check computes, in reading order, with its name for people.
METRICS = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy at the threshold",
    "precision": "Precision at the threshold",
    "recall": "Recall at the threshold",
    "f1": "F1 at the threshold",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "expected_calibration_error": "Expected calibration error",
    "r2": "R²",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
}


@dataclass(frozen=True)
class Card:
    """What a version is, what it was measured at and what it was approved on."""

    version: Version
    spec: Manifest
    gates: list[GateStatus]
    approvals: list[Approval]
    releases: list[Release]

    @property
    def performance(self) -> Mapping[str, Any]:
        """The figures of the performance gate's check, or nothing."""
        return _figures(self.gates, "performance")

    @property
    def metrics(self) -> list[tuple[str, float]]:
        """The metrics that we recomputed, in the order in which people read them."""
        found = self.performance.get("metrics", {})
        return [(name, found[name]) for name in METRICS if found.get(name) is not None]

    @property
    def claimed(self) -> Mapping[str, Any]:
        """The metrics that the manifest claims."""
        return self.performance.get("claimed", {})

    @property
    def distribution(self) -> Mapping[str, Any]:
        """The figures of the distribution gate's check, or nothing."""
        return _figures(self.gates, "distribution")

    @property
    def limits(self) -> list[GateStatus]:
        """The gates that did not pass: what whoever relies on the version must know."""
        return [gate for gate in self.gates if gate.verdict != Verdict.PASSED]


@dataclass(frozen=True)
class Comparison:
    """Two cards side by side, and what differs."""

    first: Card
    second: Card

    @property
    def manifest(self) -> list[Difference]:
        """What differs in the manifests."""
        return manifest_differences(self.first.spec, self.second.spec)

    @property
    def inputs(self) -> list[Difference]:
        """What differs in the inputs."""
        return schema_differences(self.first.spec, self.second.spec)

    @property
    def metrics(self) -> list[tuple[str, Any, Any]]:
        """Each metric that we recomputed, in both."""
        one, other = (dict(card.metrics) for card in (self.first, self.second))
        return [(METRICS[name], one.get(name), other.get(name)) for name in METRICS if name in one or name in other]

    @property
    def gates(self) -> list[tuple[str, GateStatus | None, GateStatus | None]]:
        """Each gate, in both."""
        one, other = ({gate.kind: gate for gate in card.gates} for card in (self.first, self.second))
        kinds = dict.fromkeys([*one, *other])
        return [((one.get(kind) or other[kind]).title, one.get(kind), other.get(kind)) for kind in kinds]

    @property
    def is_like_with_like(self) -> bool:
        """Whether both were measured on the same evaluation sample."""
        samples = {card.distribution.get("evaluation_sha256") for card in (self.first, self.second)}
        return len(samples) == 1 and None not in samples


@dataclass(frozen=True)
class Act:
    """One act in a version's history: its entry in the trail, and the reason that was given."""

    entry: Entry
    reason: str


def card_of(version: Version) -> Card:
    """The version's card."""
    return Card(
        version=version,
        spec=version.spec,
        gates=gates_of(version),
        approvals=list(version.approvals.all()),
        releases=list(version.releases.all()),
    )


def history_of(version: Version) -> list[Act]:
    """What people and processes did with the version, newest first, with their reasons."""
    ended_by = [release.number + 1 for release in version.releases.all()]
    entries = trail.acts_on_version(version.system.slug, version.number, ended_by)
    reasons = trail.texts_of(entry.id for entry in entries)
    return [Act(entry, reasons.get(entry.id, "")) for entry in entries]


def number_beside(version: Version, release: Release | None) -> int | None:
    """The version that one would compare this one with: the live one, or for that one the version before it."""
    if release is not None and release.version_id != version.pk:
        return release.version.number
    before = version.system.versions.filter(number__lt=version.number).order_by("-number").first()
    return before.number if before else None


def _figures(gates: list[GateStatus], kind: str) -> Mapping[str, Any]:
    """What the newest check found, also where somebody waived it since."""
    evidence = next((gate.evidence for gate in gates if gate.kind == kind), [])
    checked = (item for item in evidence if item.recorded_by.startswith("system:"))
    found = next(checked, None)
    return found.payload if found else {}
