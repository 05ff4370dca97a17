"""What the registry's own rooms say in the dossier: one module for each room, with a function `register()` that calls
`registry.dossier.evidence.contribute`. Imported once the apps' models are there."""

from __future__ import annotations

from types import ModuleType

from registry.dossier.contributions import (
    approvals,
    checks,
    classification,
    data,
    documents,
    incidents,
    monitoring,
    releases,
    risks,
    systems,
    trail,
    versions,
)

ROOMS: tuple[ModuleType, ...] = (
    *(systems, versions, data, checks, approvals, releases, trail, monitoring),
    documents,
    classification,
    incidents,
    risks,
)


def register_all() -> None:
    """Register the contributions of every room."""
    for room in ROOMS:
        room.register()
