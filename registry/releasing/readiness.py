"""Whether a rollback would work now, and where it would go."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from django.conf import settings

from registry import store
from registry.lifecycle import State
from registry.models import Release, RollbackReadiness, System, Version
from registry.moves import held_because
from registry.queries import current_release
from registry.releasing import gateways
from registry.scoring.compatibility import problems_between

# A file that looks untouched is hashed again after this long (s): a disk may rot without a trace.
REHASH_SECONDS = 300.0
_hashed: dict[str, tuple[tuple[int, ...], float]] = {}


@dataclass(frozen=True)
class Armed:
    """Where a rollback would go, and what stands against it.

    A rollback is refused for its `obstacles`: it would do harm. With `warnings` it would do less than it promises:
    it is not armed, and whoever takes production back in spite of them knows it.
    """

    target: Version | None
    obstacles: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that stands against it, what is worse first."""
        return self.obstacles + self.warnings

    @property
    def is_possible(self) -> bool:
        """True when a rollback would not be refused."""
        return self.target is not None and not self.obstacles

    @property
    def armed(self) -> bool:
        """True when the button does what it says: every gateway answers by the target at once, and takes all inputs."""
        return self.target is not None and not self.problems


def rollback_of(system: System) -> Armed:
    """Where a rollback would take production: the version that was live last before the present one and stands by.

    Looked at before the incident: whether the target's artifact hashes, whether the target takes every input that the
    live version takes, and whether each gateway that is there keeps it loaded and has tried it out.
    """
    release = current_release(system)
    if release is None:
        return Armed(None, ("Nothing is live, so there is nothing to roll back.",))
    target = rollback_target(system, release)
    if target is None:
        return Armed(None, ("No earlier version stands by.",))
    problem = _artifact_problem(target)
    obstacles = (f"The artifact of version {target.number} cannot be used: {problem}.",) if problem else ()
    if held := held_because(target):
        obstacles = (*obstacles, held)
    unready = gateways.unready(target, list(gateways.living()))
    return Armed(target, obstacles, (*_schema_problems(release.version, target), *unready))


def readiness_of(system: System) -> RollbackReadiness | None:
    """What the last check noted; None before the first."""
    return RollbackReadiness.objects.filter(system=system).first()


def rollback_target(system: System, release: Release) -> Version | None:
    """The last stable version: the newest earlier live version that stands by.

    Every gateway keeps it loaded by a statement of its own, which must find the same one (`registry.gateway.routes`).
    """
    earlier = system.releases.filter(version__state=State.STANDBY).exclude(version=release.version)
    last = earlier.select_related("version__system").order_by("-number").first()
    return last.version if last else None


def _schema_problems(live: Version, target: Version) -> tuple[str, ...]:
    problems = problems_between(live.spec.inputs, target.spec.inputs)
    return tuple(
        f"Version {target.number} would not take all that version {live.number} takes: {problem}."
        for problem in problems
    )


def _artifact_problem(version: Version) -> str:
    """Why the artifact cannot be used; a file that has not been touched since it was hashed is not hashed again."""
    sha256 = version.artifact_sha256
    try:
        seen = _fingerprint(sha256)
        before, hashed_at = _hashed.get(sha256, (None, 0.0))
        if seen != before or time.monotonic() - hashed_at > REHASH_SECONDS:
            store.read(settings.ARTIFACT_DIR, sha256)
            _hashed[sha256] = (seen, time.monotonic())
    except store.StoreError as error:
        return str(error)
    except OSError as error:
        return f"its file cannot be read ({error.strerror})"
    return ""


def _fingerprint(sha256: str) -> tuple[int, ...]:
    """What changes when anybody touches the file: the time of the last change cannot be set by hand."""
    try:
        stat = os.stat(store.path_of(settings.ARTIFACT_DIR, sha256))
    except FileNotFoundError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
