"""From an upload that passed its examination to a version and its first evidence: rows that nobody has saved yet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.accounts.access import Actor
from registry.intake import Examined
from registry.models import Evidence, System, Verdict, Version
from registry.vouching import Voucher, commit_evidence


def draft_of(system: System, examined: Examined, *, number: int | None, actor: Actor, now: datetime) -> Version:
    """The version as it would be registered; without a number while it is only tried out."""
    return Version(
        system=system,
        number=number,
        manifest=examined.manifest_text,
        artifact_format=examined.manifest.model.format,
        artifact_sha256=examined.artifact_sha256,
        artifact_bytes=examined.artifact_bytes,
        background_sha256=examined.background_sha256,
        background_rows=examined.background_rows,
        evaluation_sha256=examined.evaluation_sha256,
        golden_sha256=examined.golden_sha256,
        registered_by=actor.label,
        registered_at=now,
    )


def first_evidence(
    version: Version, examined: Examined, *, actor: Actor, voucher: Voucher | None, now: datetime
) -> list[Evidence]:
    """What the intake itself found out (passed), what the manifest only says (claimed), and what the voucher proves.

    A verified identity says who made a claim; it does not make the claim true.
    """
    manifest, report = examined.manifest, examined.report
    by: dict[str, Any] = {"claimed_by": voucher.named} if voucher else {}
    opened = f"Opened in the sandbox; SHA-256 {examined.artifact_sha256}"
    if manifest.model.is_remote:
        opened = f"Served elsewhere at {manifest.model.endpoint}, which answered; nothing is opened here"
    found: list[tuple[str, Any, str, dict[str, Any]]] = [
        ("artifact", Verdict.PASSED, opened, report.as_dict()),
        ("schema", Verdict.PASSED, f"{len(manifest.inputs.features)} inputs; {report.rows} rows were scored", {}),
        ("background", Verdict.PASSED, f"{examined.background_rows} rows fit the schema", {}),
    ]
    if manifest.source and manifest.source.commit and voucher is None:
        found.append(("commit", Verdict.CLAIMED, f"Commit {manifest.source.commit}, by the manifest", {}))
    if manifest.training_data and manifest.training_data.sha256:
        found.append(("training_data", Verdict.CLAIMED, f"SHA-256 {manifest.training_data.sha256}", by))
    if manifest.image_digest:
        found.append(("image", Verdict.CLAIMED, f"Digest {manifest.image_digest}", by))
    said = (manifest.source.run_url or "") if manifest.source else ""
    url = said if said.startswith(("https://", "http://")) else ""
    evidence = [
        Evidence(
            version=version,
            kind=kind,
            verdict=verdict,
            summary=summary,
            source_url=url if verdict == Verdict.CLAIMED else "",
            payload=payload,
            recorded_by=actor.label if verdict == Verdict.CLAIMED else "system:intake",
            recorded_at=now,
        )
        for kind, verdict, summary, payload in found
    ]
    return [*evidence, commit_evidence(voucher, version, now)] if voucher else evidence
