"""What arrives with a new version: read, checked and put into the store before a row says that it exists."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from portal.errors import Invalid, Malformed, Problem, Refusal, TooLarge
from portal.strict_json import JsonRefused, parse
from registry import store
from registry.elsewhere import endpoints, way_to
from registry.scoring.asked import examine_remote
from registry.scoring.manifest import Manifest, ManifestInvalid
from registry.scoring.remote import description
from registry.scoring.samples import SampleInvalid, read_sample
from registry.scoring.sandbox import Report, examine

MAX_BACKGROUND_ROWS = 1_000
MAX_EVALUATION_ROWS = 100_000
MAX_GOLDEN_ROWS = 1_000
# The evaluation sample's column with what was true, and the golden rows' with the trainer's own scores.
EVALUATION_LABEL = "label"
GOLDEN_SCORE = "score"
MAX_SAMPLE_BYTES = 16 * 1024 * 1024
MAX_MANIFEST_BYTES = 1024 * 1024
REQUIRED = ("manifest", "artifact", "background")
# Rows of the background that a model elsewhere is tried with when it arrives; the checks ask it about all.
TRIED_ROWS = 100


@dataclass(frozen=True)
class Upload:
    """The parts of a new version as they were sent; the first three must be there to pass."""

    manifest: bytes | None = None
    artifact: BinaryIO | None = None
    background: BinaryIO | None = None
    evaluation: BinaryIO | None = None
    golden: BinaryIO | None = None
    # Why the parts could not be taken whole.
    refusal: Refusal | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the trail keeps of an upload that is refused: the size of each part, and the artifact's SHA-256."""
        files = {name: getattr(self, name) for name in ("artifact", "background", "evaluation", "golden")}
        sizes = {name: file.seek(0, os.SEEK_END) for name, file in files.items() if file is not None}
        if self.manifest is not None:
            sizes["manifest"] = len(self.manifest)
        if self.artifact is None:
            return {"bytes": sizes}
        self.artifact.seek(0)
        digest = hashlib.file_digest(self.artifact, "sha256")  # type: ignore[arg-type]  # it is more than BinaryIO says
        return {"bytes": sizes, "artifact_sha256": digest.hexdigest()}


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
    golden_sha256: str | None
    report: Report


def examine_upload(upload: Upload, root: Path | None = None) -> Examined:
    """Check all parts; nothing is stored, in the store or in the one below `root`, unless all are good.

    `Malformed` for a manifest that is no JSON, `Invalid` with every problem for one that breaks a rule, for a
    sample that does not fit the schema and for an artifact that is unsafe, unreadable or not what the manifest
    says; `TooLarge` for too many bytes. The artifact is opened only in the sandbox.
    """
    if upload.refusal is not None:
        raise upload.refusal
    missing = [name for name in REQUIRED if getattr(upload, name) is None]
    # Whether there should be one, the manifest says.
    if missing not in ([], ["artifact"]):
        raise _incomplete(missing)
    manifest, text = read_manifest(upload.manifest or b"")
    artifact = _artifact(upload, manifest)
    background, rows = _sample("background", upload.background, manifest, MAX_BACKGROUND_ROWS)
    evaluation, _ = _sample("evaluation", upload.evaluation, manifest, MAX_EVALUATION_ROWS, EVALUATION_LABEL)
    golden, _ = _sample("golden", upload.golden, manifest, MAX_GOLDEN_ROWS, GOLDEN_SCORE)
    report = _examine(artifact, background, manifest)
    put = partial(store.put, root or settings.ARTIFACT_DIR)
    return Examined(
        manifest=manifest,
        manifest_text=text,
        artifact_sha256=put(artifact),
        artifact_bytes=len(artifact),
        background_sha256=put(background),
        background_rows=rows,
        evaluation_sha256=put(evaluation) if upload.evaluation else None,
        golden_sha256=put(golden) if upload.golden else None,
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


def _incomplete(missing: list[str]) -> Invalid:
    details = [Problem(name, "is required") for name in missing]
    return Invalid("Parts of the version are missing.", details=details)


def _artifact(upload: Upload, manifest: Manifest) -> bytes:
    """The file; of a model that is served elsewhere the description of its endpoint, which the operator must allow."""
    if not manifest.model.is_remote:
        if upload.artifact is None:
            raise _incomplete(["artifact"])
        return _read("artifact", upload.artifact, settings.ARTIFACT_MAX_BYTES)
    if upload.artifact is not None:
        problem = Problem("artifact", "must be left out: this model is served elsewhere")
        raise Invalid("A model that is served elsewhere has no file.", code="artifact_mismatch", details=[problem])
    if words := endpoints().problem_of(str(manifest.model.endpoint)):
        details = [Problem("model.endpoint", words)]
        raise Invalid(f"The endpoint {words}.", code="manifest_endpoint_refused", details=details)
    return description(manifest)


def _read(name: str, file: BinaryIO | None, limit: int) -> bytes:
    data = file.read(limit + 1) if file else b""
    if len(data) > limit:
        raise TooLarge(f"The {name} is larger than {limit // (1024 * 1024)} MiB.", code=f"{name}_too_large")
    if not data:
        raise Invalid(f"The {name} is empty.", code=f"{name}_empty", details=[Problem(name, "is empty")])
    return data


def _sample(
    name: str, file: BinaryIO | None, manifest: Manifest, limit: int, label: str | None = None
) -> tuple[bytes, int]:
    """The bytes and how many rows they hold; nothing for an optional sample that was not sent."""
    if file is None:
        return b"", 0
    data = _read(name, file, MAX_SAMPLE_BYTES)
    try:
        frame = read_sample(data, manifest.inputs, label, max_rows=limit)
    except SampleInvalid as error:
        details = [Problem(name + item.path.removeprefix("sample"), item.problem) for item in error.details]
        raise _misfit(name, details) from None
    if label == GOLDEN_SCORE and frame[label].dtype != float:
        raise _misfit(name, [Problem(f"{name}.{label}", "must be a number")])
    return data, len(frame)


def _misfit(name: str, details: list[Problem]) -> Invalid:
    return Invalid(f"The {name} sample does not fit the schema.", code=f"{name}_invalid", details=details)


def _examine(artifact: bytes, background: bytes, manifest: Manifest) -> Report:
    if manifest.model.is_remote:
        report = examine_remote(manifest, background, way_to(manifest), rows=TRIED_ROWS)
    else:
        report = _examine_file(artifact, background, manifest)
    if not report.ok:
        details = [Problem(item["path"], item["problem"]) for item in report.details]
        raise Invalid(report.message, code=report.code, details=details or [Problem("artifact", report.message)])
    return report


def _examine_file(artifact: bytes, background: bytes, manifest: Manifest) -> Report:
    with tempfile.TemporaryDirectory(prefix="countersign-intake-") as folder:
        artifact_path, sample_path = Path(folder) / "artifact", Path(folder) / "sample"
        artifact_path.write_bytes(artifact)
        sample_path.write_bytes(background)
        return examine(str(artifact_path), dict(manifest.raw), str(sample_path))
