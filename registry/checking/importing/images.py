"""Container images: whether a manifest's exact text is what the version's digest names. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from portal.strict_json import JsonRefused, parse
from registry.checking.findings import Finding, judged

GATE = "image"
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MAX_LISTED = 50


def judge(text: str, digest: str, thresholds: Mapping[str, float]) -> Finding:
    """Passed where the text's SHA-256 is the digest, and it is a manifest or an index that a registry would serve."""
    measured = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    if measured != digest:
        problem = f"the text hashes to {measured[:19]}…, the version names {digest[:19]}…"
        return judged(GATE, [problem], "", {"digest": measured}, thresholds)
    try:
        value = parse(text.encode())
    except JsonRefused as error:
        return judged(GATE, [f"it is not JSON: {error}"], "", {"digest": digest}, thresholds)
    problems = _problems(value)
    if problems:
        return judged(GATE, problems, "", {"digest": digest}, thresholds)
    what, contents = _contents(value)
    return judged(GATE, [], f"Digest {digest} is that of {what}", {"digest": digest, **contents}, thresholds)


def _problems(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return ["it is not an object"]
    kind, problems = value.get("mediaType"), []
    if value.get("schemaVersion") != 2:
        problems.append("its schemaVersion must be 2")
    # OCI allows a manifest to leave its media type out; then its shape decides.
    if kind is not None and kind not in MANIFESTS + INDEXES:
        problems.append(f"its mediaType {str(kind)[:80]} is neither a manifest's nor an index's")
    if kind in INDEXES or (kind is None and "manifests" in value):
        return problems + _wrong(value.get("manifests"), "manifests")
    return problems + _wrong([value.get("config")], "config") + _wrong(value.get("layers"), "layers")


def _wrong(items: Any, name: str) -> list[str]:
    if not isinstance(items, list) or not items or not all(_is_descriptor(item) for item in items):
        return [f"its {name} must be given, each with a digest"]
    return []


def _is_descriptor(item: Any) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("digest"), str) and item["digest"].startswith("sha256:")


def _contents(value: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if "manifests" in value:
        platforms = [_platform(item) for item in value["manifests"][:MAX_LISTED]]
        return f"an index of {len(value['manifests'])} manifests", {"platforms": platforms}
    layers = [{"digest": item["digest"], "size": item.get("size")} for item in value["layers"][:MAX_LISTED]]
    config = value["config"]["digest"]
    return f"an image of {len(value['layers'])} layers, config {config[:19]}…", {"config": config, "layers": layers}


def _platform(item: Mapping[str, Any]) -> dict[str, Any]:
    said = item.get("platform")
    platform = said if isinstance(said, Mapping) else {}
    return {"digest": item["digest"], "platform": f"{platform.get('os', '?')}/{platform.get('architecture', '?')}"}
