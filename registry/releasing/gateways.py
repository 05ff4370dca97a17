"""What the gateways say of themselves: which are there, what each has ready, and who serves something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from portal.errors import Conflict
from registry.models import GatewayReport, Release, System, Version

# A gateway reports about every second; by the database's clock, which is the one that its reports carry.
ALIVE_SECONDS = 5
NOBODY = (
    f"No gateway has said within {ALIVE_SECONDS} s that it is there, so nothing is known of what would answer. "
    "Look at /healthz on each gateway's port and at its log; where it does not run, start it."
)


def living() -> QuerySet[GatewayReport]:
    """The gateways that were heard of within `ALIVE_SECONDS`, by name."""
    alive = GatewayReport.objects.filter(seen_at__gt=Now() - timedelta(seconds=ALIVE_SECONDS))
    return alive.order_by("name", "address", "instance")


def title(report: GatewayReport) -> str:
    """The gateway as people find it."""
    return f"Gateway {report.name} ({report.address})"


def unready(version: Version, gateways: Sequence[GatewayReport]) -> list[str]:
    """Why the version would not answer at once: a sentence for each gateway, or one when there is none."""
    if not gateways:
        return [NOBODY]
    said = ((report, _problem(report, version)) for report in gateways)
    return [f"{title(report)} does not have version {version.number} ready: {why}." for report, why in said if why]


@dataclass(frozen=True)
class Standing:
    """One gateway as it stands towards one system."""

    report: GatewayReport
    # {"release", "version", "artifact_sha256"}, or nothing where it serves no version.
    serves: Mapping[str, Any] | None
    is_current: bool
    # Version and what is wrong with it, of all that it keeps loaded.
    ready: list[tuple[int, str]]


def standings(system: System, release: Release | None) -> list[Standing]:
    """What each living gateway serves of the system, and what it keeps ready."""
    found = []
    for report in living():
        serves = report.serves.get(system.slug)
        kept = sorted((int(number), why) for number, why in report.warm.get(system.slug, {}).items())
        found.append(Standing(report, serves, release is not None and serves == pointer_of(release), kept))
    return found


def pointer_of(release: Release) -> dict[str, Any]:
    """What a gateway that follows the release says that it serves."""
    version = release.version
    return {"release": release.number, "version": version.number, "artifact_sha256": version.artifact_sha256}


def check_ready(version: Version) -> None:
    """`Conflict`, naming the gateways and why, unless the version would answer at once in each of them."""
    problems = unready(version, list(living()))
    if problems:
        message = f"Version {version.number} cannot take over in one step. {' '.join(problems)}"
        raise Conflict(f"{message} A direct release does not wait for that.", code="not_ready")


def _problem(report: GatewayReport, version: Version) -> str:
    return report.warm.get(version.system.slug, {}).get(str(version.number), "it is not kept loaded there")
