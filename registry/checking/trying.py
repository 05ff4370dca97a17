"""A version tried out before anybody registers it: every check, and nothing that stays."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore

from portal.accounts.access import Actor
from portal.errors import Refusal
from registry.checking.comparing import context_of, parts_of
from registry.checking.findings import Finding
from registry.checking.policies import policies_for
from registry.checking.queries import GateStatus, statuses_of
from registry.checking.running import findings_of
from registry.drafting import draft_of, first_evidence
from registry.intake import Upload, examine_upload
from registry.models import Evidence, System, Version
from registry.vouching import Voucher, check_commit

# Of eight threads of the web, each held for the seconds that the sandboxes take.
MOST_AT_ONCE = 2
_places = BoundedSemaphore(MOST_AT_ONCE)


class Busy(Refusal):
    """As many versions are being tried out as the web bears."""

    status = 503
    code = "busy"


@dataclass(frozen=True)
class Tried:
    """How the checklist would stand; `ok` when no required gate would stand in the way of approval."""

    artifact_sha256: str
    gates: list[GateStatus]
    took_ms: int

    @property
    def ok(self) -> bool:
        """True when it could be approved as it is."""
        return all(gate.is_satisfied for gate in self.gates)


def try_out(*, actor: Actor, system: System, upload: Upload, voucher: Voucher | None, now: datetime) -> Tried:
    """Examine the upload and run every check on it; refused as an upload would be (`intake.examine_upload`).

    `Busy` when others try out versions already. The files go to a folder that is removed, and no row is written.
    """
    with _place(), tempfile.TemporaryDirectory(prefix="countersign-try-") as folder:
        started = time.perf_counter()
        root = Path(folder)
        examined = examine_upload(upload, root)
        if voucher is not None:
            check_commit(voucher, examined.manifest)
        version = draft_of(system, examined, number=None, actor=actor, now=now)
        evidence = first_evidence(version, examined, actor=actor, voucher=voucher, now=now)
        for finding in findings_of(parts_of(version, root), context_of(system)):
            evidence.append(_evidence(version, finding, now))
        gates = statuses_of(policies_for(system.risk_class), evidence[::-1])
        return Tried(version.artifact_sha256, gates, round((time.perf_counter() - started) * 1_000))


def _evidence(version: Version, finding: Finding, now: datetime) -> Evidence:
    facts = {"verdict": finding.verdict.value, "summary": finding.summary, "payload": dict(finding.payload)}
    return Evidence(version=version, kind=finding.gate, recorded_by="system:checks", recorded_at=now, **facts)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Busy(f"{MOST_AT_ONCE} versions are being tried out already. Try again in half a minute.")
    try:
        yield
    finally:
        _places.release()
