"""A version's card as CycloneDX 1.6 (ECMA-424) ML-BOM: what supply-chain tools read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registry.cards.differences import may_hold
from registry.cards.queries import Card

SPEC_VERSION = "1.6"


def bom_of(card: Card, *, now: datetime) -> dict[str, Any]:
    """The bill of materials; its serial number is the same for the same artifact of the same version."""
    name = f"{card.version.system.slug}/{card.version.number}/{card.version.artifact_sha256}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "version": 1,
        "metadata": {
            "timestamp": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "tools": {"components": [{"type": "application", "name": "Countersign"}]},
        },
        "components": [_model(card), *_training_data(card)],
    }


def _model(card: Card) -> dict[str, Any]:
    version = card.version
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{version.artifact_sha256}",
        "name": version.system.slug,
        "version": str(version.number),
        "description": version.system.purpose,
        "hashes": [{"alg": "SHA-256", "content": version.artifact_sha256}],
        "externalReferences": _references(card),
        "modelCard": {
            "bom-ref": f"card:{version.artifact_sha256}",
            "modelParameters": _parameters(card),
            "quantitativeAnalysis": {"performanceMetrics": _metrics(card)},
            "considerations": _considerations(card),
        },
        "properties": [
            {"name": f"countersign:gate:{gate.kind}", "value": gate.verdict} for gate in card.gates
        ]
        + [{"name": "countersign:state", "value": version.state}],
    }


def _parameters(card: Card) -> dict[str, Any]:
    training = card.spec.training_data
    output = card.spec.output
    return {
        "approach": {"type": "supervised"},
        "task": card.spec.model.task,
        "architectureFamily": card.spec.model.format,
        "inputs": [{"format": f"{item.name}: {may_hold(item)}"} for item in card.spec.inputs.features],
        "outputs": [{"format": " or ".join(output.labels) if output.labels else output.name}],
        **({"datasets": [{"ref": f"data:{training.sha256}"}]} if training and training.sha256 else {}),
    }


def _metrics(card: Card) -> list[dict[str, Any]]:
    figures = card.performance
    whole = [{"type": name, "value": f"{value:.6g}"} for name, value in card.metrics]
    slices = [
        {"type": name, "value": f"{value:.6g}", "slice": f"{group['feature']}={group['value']}"}
        for group in figures.get("groups", [])
        for name, value in _known(group["metrics"])
    ]
    return whole + slices


def _known(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in metrics.items() if isinstance(value, int | float)]


def _considerations(card: Card) -> dict[str, Any]:
    limits = [f"{gate.title}: {gate.verdict}" for gate in card.limits]
    assessed = [
        {
            "groupAtRisk": f"{feature['title']}: {group['value']}",
            "harms": f"adverse answer for {group['positive_rate']:.1%} of {group['rows']} rows",
        }
        for feature in card.distribution.get("groups", [])
        for group in feature["groups"]
        if group["positive_rate"] is not None
    ]
    return {
        "useCases": [card.version.system.purpose],
        **({"technicalLimitations": limits} if limits else {}),
        **({"fairnessAssessments": assessed} if assessed else {}),
    }


def _references(card: Card) -> list[dict[str, str]]:
    source = card.spec.source
    if source is None:
        return []
    found = [("vcs", source.repository, source.commit), ("build-meta", source.run_url, None)]
    return [
        {"type": kind, "url": url, **({"comment": f"commit {commit}"} if commit else {})}
        for kind, url, commit in found
        if url
    ]


def _training_data(card: Card) -> list[dict[str, Any]]:
    training = card.spec.training_data
    if training is None or not training.sha256:
        return []
    return [
        {
            "type": "data",
            "bom-ref": f"data:{training.sha256}",
            "name": training.name or "training data",
            "hashes": [{"alg": "SHA-256", "content": training.sha256}],
        }
    ]
