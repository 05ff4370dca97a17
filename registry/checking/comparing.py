"""What a version is checked against: its files in the store, the policy in force, and the versions beside it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from registry import store
from registry.checking.gates import Level
from registry.checking.parts import Parts
from registry.checking.policies import policies_for
from registry.checking.running import Context, Target
from registry.lifecycle import State
from registry.models import System, Version
from registry.queries import current_release


def parts_of(version: Version, root: Path | None = None) -> Parts:
    """The version's files in the store, or in another one below `root`, each hashed anew.

    `StoreError` when one is missing or no longer what it was.
    """
    root = root or settings.ARTIFACT_DIR
    optional = (version.evaluation_sha256, version.golden_sha256)
    evaluation, golden = (store.verified(root, digest) if digest else None for digest in optional)
    return Parts(
        manifest=version.spec,
        artifact=store.verified(root, version.artifact_sha256),
        background=store.verified(root, version.background_sha256),
        evaluation=evaluation,
        golden=golden,
        number=version.number,
        evaluation_sha256=version.evaluation_sha256,
    )


def context_of(system: System, version: Version | None = None) -> Context:
    """Thresholds of all gates that are not off, the live version if it is another, and where a rollback would go."""
    policies = policies_for(system.risk_class)
    thresholds = {kind: policy.thresholds for kind, policy in policies.items() if policy.level != Level.OFF}
    live = _other_live(system, version)
    parts, problem = _parts_of_live(live) if live else (None, "")
    return Context(thresholds, parts, problem, _target(live or _standby(system, version)))


def _other_live(system: System, version: Version | None) -> Version | None:
    release = current_release(system)
    return release.version if release and release.version != version else None


def _standby(system: System, version: Version | None) -> Version | None:
    """Where production would return from the version itself while it is live."""
    earlier = system.releases.filter(version__state=State.STANDBY).exclude(version=version)
    last = earlier.select_related("version").order_by("-number").first()
    return last.version if last else None


def _parts_of_live(live: Version) -> tuple[Parts | None, str]:
    try:
        return parts_of(live), ""
    except store.StoreError as error:
        return None, f"version {live.number}, which is live, cannot be compared with: {error}"


def _target(version: Version | None) -> Target | None:
    if version is None:
        return None
    try:
        store.verified(settings.ARTIFACT_DIR, version.artifact_sha256)
    except store.StoreError as error:
        return Target(version.number, version.spec.inputs, str(error))
    return Target(version.number, version.spec.inputs)
