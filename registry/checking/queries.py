"""The checklist of a version as it stands."""

from __future__ import annotations

from dataclasses import dataclass

from registry.models import Evidence, Version

# The checklist's gates, in the order of the page.
GATES = (
    ("artifact", "Artifact is safe and opens in the sandbox"),
    ("schema", "Input schema present, and the artifact accepts it"),
    ("background", "Background sample fits the schema"),
    ("commit", "Source commit"),
    ("training_data", "Fingerprint of the training data"),
    ("image", "Container image digest"),
)


@dataclass(frozen=True)
class Gate:
    """One gate of a version: the newest evidence of its kind decides."""

    kind: str
    title: str
    verdict: str
    evidence: list[Evidence]


def gates_of(version: Version) -> list[Gate]:
    """The checklist of a version, each gate with its evidence, newest first."""
    by_kind: dict[str, list[Evidence]] = {}
    for item in version.evidence.order_by("-id"):
        by_kind.setdefault(item.kind, []).append(item)
    titles = dict(GATES)
    titles |= {kind: kind.replace("_", " ").capitalize() for kind in sorted(set(by_kind) - set(titles))}
    found = {kind: by_kind.get(kind, []) for kind in titles}
    return [Gate(kind, title, _verdict(found[kind]), found[kind]) for kind, title in titles.items()]


def _verdict(evidence: list[Evidence]) -> str:
    return evidence[0].verdict if evidence else "missing"
