"""Which of the evidence that somebody sends we judge ourselves, and how. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.errors import Invalid, Problem
from registry.checking.findings import Finding
from registry.checking.importing import images, parity, validations
from registry.scoring.manifest import Manifest

# What a tool says is the word of whoever sends it; an image's manifest proves itself.
WORD_OF_SENDER = frozenset({validations.GATE, parity.GATE})


def is_judged(kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether we understand what was sent; all else stays a claim."""
    if kind == images.GATE:
        return "oci_manifest" in payload
    if kind == validations.GATE:
        return "failure_cases" in payload or {"success", "results"} <= set(payload)
    return kind == parity.GATE and "format" in payload


def judge(kind: str, payload: Mapping[str, Any], manifest: Manifest, thresholds: Mapping[str, float]) -> Finding:
    """What the evidence says, whatever verdict its sender gave it; `Invalid` for what cannot be read as such."""
    try:
        if kind == images.GATE:
            return _image(payload, manifest, thresholds)
        if kind == validations.GATE:
            return validations.judge(payload, thresholds)
        return parity.judge(parity.from_json(payload), manifest.inputs.names, thresholds)
    except (validations.ValidationInvalid, parity.ParityInvalid) as error:
        raise _refused("payload", str(error)) from None


def _image(payload: Mapping[str, Any], manifest: Manifest, thresholds: Mapping[str, float]) -> Finding:
    text = payload["oci_manifest"]
    if not isinstance(text, str) or not text:
        raise _refused("payload.oci_manifest", "must be the manifest's exact text")
    if manifest.image_digest is None:
        raise _refused("payload.oci_manifest", "has nothing to be compared with: the version names no image digest")
    return images.judge(text, manifest.image_digest, thresholds)


def _refused(path: str, words: str) -> Invalid:
    return Invalid("The evidence cannot be judged.", code="evidence_invalid", details=[Problem(path, words)])
