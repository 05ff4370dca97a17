"""The checklist of a version as it stands: each gate with its verdict, its evidence and whether it binds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from portal.errors import Hidden
from registry.checking.findings import Verdict
from registry.checking.gates import BY_KIND, Level, satisfies
from registry.checking.policies import Policy, policies_for
from registry.models import CheckRun, Evidence, Version

_BEYOND_CLAIMS = (Verdict.PASSED, Verdict.WAIVED)


@dataclass(frozen=True)
class GateStatus:
    """One gate of one version. `evidence` is newest first; `note` says what the reader must know of the verdict."""

    kind: str
    title: str
    asks: str
    level: Level
    verdict: str
    evidence: list[Evidence]
    is_satisfied: bool
    is_waivable: bool
    note: str = ""

    @property
    def decisive(self) -> Evidence | None:
        """The evidence that the verdict rests on."""
        return decisive(self.evidence)

    @property
    def summary(self) -> str:
        """What that evidence says; empty where there is none."""
        return self.decisive.summary if self.decisive else ""

    @property
    def older(self) -> list[Evidence]:
        """The other evidence, newest first."""
        return [item for item in self.evidence if item is not self.decisive]

    @property
    def can_be_waived(self) -> bool:
        """Whether there is anything to waive, and the gate allows it."""
        if self.verdict == Verdict.CLAIMED:
            return self.is_waivable and not self.is_satisfied
        return self.is_waivable and self.verdict in (Verdict.FAILED, Verdict.MISSING)


def gates_of(version: Version) -> list[GateStatus]:
    """The checklist of a version as its evidence and the policy in force have it."""
    return statuses_of(policies_for(version.system.risk_class), version.evidence.order_by("-id"))


def statuses_of(policies: Mapping[str, Policy], evidence: Iterable[Evidence]) -> list[GateStatus]:
    """The checklist from evidence, newest first, and after it kinds of evidence that no gate asks for.

    Gates that are off are left out unless there is evidence.
    """
    by_kind: dict[str, list[Evidence]] = {}
    for item in evidence:
        by_kind.setdefault(item.kind, []).append(item)
    found = [_status(policy, by_kind.get(kind, [])) for kind, policy in policies.items()]
    others = [_other(kind, by_kind[kind]) for kind in sorted(set(by_kind) - set(BY_KIND))]
    return [gate for gate in found if gate.level != Level.OFF or gate.evidence] + others


def gate_of(version: Version, kind: str) -> GateStatus:
    """One gate of the version; `Hidden` for a kind that is neither a gate nor among its evidence."""
    found = next((gate for gate in gates_of(version) if gate.kind == kind), None)
    if found is None:
        raise Hidden
    return found


def tally_of(gates: list[GateStatus]) -> dict[str, int]:
    """How many gates there are of each verdict, in the order of the verdicts."""
    found = Counter(gate.verdict for gate in gates)
    return {verdict.value: found[verdict] for verdict in Verdict if found[verdict]}


def unsatisfied(version: Version) -> list[GateStatus]:
    """The required gates that stand in the way of approval and release."""
    return [gate for gate in gates_of(version) if not gate.is_satisfied]


def open_run(version: Version) -> CheckRun | None:
    """The run of the checks that is under way or waits."""
    return version.check_runs.filter(state__in=("queued", "running")).first()


def newest_run(version: Version) -> CheckRun | None:
    """The newest run of the checks, whatever came of it."""
    return version.check_runs.first()


def decisive(evidence: list[Evidence]) -> Evidence | None:
    """Of one kind's evidence, newest first: the newest that was proven, checked or waived, else the newest claim.

    What somebody says, good or bad, does not push aside what we found out ourselves.
    """
    proven = [item for item in evidence if item.verdict in _BEYOND_CLAIMS or item.recorded_by.startswith("system:")]
    return next(iter(proven or evidence), None)


def _status(policy: Policy, evidence: list[Evidence]) -> GateStatus:
    gate, found = policy.gate, decisive(evidence)
    verdict = found.verdict if found else Verdict.MISSING.value
    return GateStatus(
        kind=gate.kind,
        title=gate.title,
        asks=gate.asks,
        level=policy.level,
        verdict=verdict,
        evidence=evidence,
        is_satisfied=satisfies(policy.level, verdict, policy.thresholds),
        is_waivable=gate.waivable,
        note=_note(policy, found),
    )


def _note(policy: Policy, found: Evidence | None) -> str:
    judged_by = found.payload.get("thresholds") if found and isinstance(found.payload, dict) else None
    if judged_by is not None and judged_by != policy.thresholds:
        return "The thresholds were changed since; run the checks again."
    return ""


def _other(kind: str, evidence: list[Evidence]) -> GateStatus:
    title = kind.replace("_", " ").capitalize()
    found = decisive(evidence)
    assert found is not None
    return GateStatus(kind, title, "", Level.ADVISED, found.verdict, evidence, True, False)
