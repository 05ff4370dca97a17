"""What arrives with a new version: read, checked and put into the store before a row says that it exists."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from portal.errors import Invalid, Malformed, Problem, TooLarge
from portal.strict_json import JsonRefused, parse
from registry import store
from registry.scoring.manifest import Manifest, ManifestInvalid
from registry.scoring.samples import SampleInvalid, read_sample
from registry.scoring.sandbox import Report, examine

MAX_BACKGROUND_ROWS = 1_000
MAX_EVALUATION_ROWS = 100_000
# The evaluation sample's column with what was true.
EVALUATION_LABEL = "label"
MAX_SAMPLE_BYTES = 16 * 1024 * 1024
MAX_MANIFEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """The parts of a new version as they were sent."""

    manifest: bytes
    artifact: BinaryIO
    background: BinaryIO
    evaluation: BinaryIO | None = None


@dataclass(frozen=True)
class Examined:
    """The parts after every check; the bytes are in the store under their digests."""

    manifest: Manifest
    manifest_text: str
    artifact_sha256: str
    artifact_bytes: int
    background_sha256: str
    background_rows: int
    evaluation_sha256: str | None
    report: Report


def examine_upload(upload: Upload) -> Examined:
    """Check all parts; nothing is stored unless all are good.

    `Malformed` for a manifest that is no JSON, `Invalid` with every problem for one that breaks a rule, for a
    sample that does not fit the schema and for an artifact that is unsafe, unreadable or not what the manifest
    says; `TooLarge` for too many bytes. The artifact is opened only in the sandbox.
    """
    manifest, text = read_manifest(upload.manifest)
    artifact = _read("artifact", upload.artifact, settings.ARTIFACT_MAX_BYTES)
    background = _read("background", upload.background, MAX_SAMPLE_BYTES)
    rows = _sample_rows("background", background, manifest, MAX_BACKGROUND_ROWS)
    evaluation = _read("evaluation", upload.evaluation, MAX_SAMPLE_BYTES) if upload.evaluation else None
    if evaluation is not None:
        _sample_rows("evaluation", evaluation, manifest, MAX_EVALUATION_ROWS, label=EVALUATION_LABEL)
    report = _examine(artifact, background, manifest)
    root = settings.ARTIFACT_DIR
    return Examined(
        manifest=manifest,
        manifest_text=text,
        artifact_sha256=store.put(root, artifact),
        artifact_bytes=len(artifact),
        background_sha256=store.put(root, background),
        background_rows=rows,
        evaluation_sha256=store.put(root, evaluation) if evaluation is not None else None,
        report=report,
    )


def read_manifest(raw: bytes) -> tuple[Manifest, str]:
    """The manifest and its text. Order matters: the inputs' order is the order of the model's columns."""
    if len(raw) > MAX_MANIFEST_BYTES:
        raise TooLarge(f"The manifest has {len(raw)} bytes; at most {MAX_MANIFEST_BYTES} are taken.")
    try:
        value: Any = parse(raw)
    except JsonRefused as error:
        raise Malformed(f"The manifest cannot be read. {error}", code="manifest_malformed") from None
    try:
        return Manifest.parse(value), raw.decode("utf-8")
    except ManifestInvalid as error:
        raise Invalid("The manifest breaks a rule.", code="manifest_invalid", details=error.details) from None


def _read(name: str, file: BinaryIO, limit: int) -> bytes:
    data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"The {name} is larger than {limit // (1024 * 1024)} MiB.", code=f"{name}_too_large")
    if not data:
        raise Invalid(f"The {name} is empty.", code=f"{name}_empty")
    return data


def _sample_rows(name: str, data: bytes, manifest: Manifest, limit: int, label: str | None = None) -> int:
    try:
        return len(read_sample(data, manifest.inputs, label, max_rows=limit))
    except SampleInvalid as error:
        details = [Problem(name + item.path.removeprefix("sample"), item.problem) for item in error.details]
        raise Invalid(f"The {name} sample does not fit the schema.", code=f"{name}_invalid", details=details) from None


def _examine(artifact: bytes, background: bytes, manifest: Manifest) -> Report:
    with tempfile.TemporaryDirectory(prefix="countersign-intake-") as folder:
        artifact_path, sample_path = Path(folder) / "artifact", Path(folder) / "sample"
        artifact_path.write_bytes(artifact)
        sample_path.write_bytes(background)
        report = examine(str(artifact_path), dict(manifest.raw), str(sample_path))
    if not report.ok:
        details = [Problem(item["path"], item["problem"]) for item in report.details]
        raise Invalid(report.message, code=report.code, details=details or [Problem("artifact", report.message)])
    return report
