"""A version's parts as the checks find them: files that were verified, wherever they lie, and the manifest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.scoring.manifest import Manifest


@dataclass(frozen=True)
class Parts:
    """What was sent of a version. `number` is None while it has none; digests are in hex."""

    manifest: Manifest
    artifact: Path
    background: Path
    evaluation: Path | None = None
    golden: Path | None = None
    number: int | None = None
    evaluation_sha256: str | None = None
