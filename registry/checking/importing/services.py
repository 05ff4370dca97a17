"""Evidence that somebody sent and we judged: one transaction, one entry in the trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from registry.checking.findings import Finding, Verdict
from registry.checking.importing import sent
from registry.checking.policies import policies_for
from registry.events import Event
from registry.models import Evidence, Version
from registry.moves import check_not_held
from registry.services import recording_refusals
from registry.vouching import RECORDED_BY, Voucher, check_commit, spend

# Under this label the trail keeps what we found out from what was sent.
JUDGED_BY = "system:import"


def import_evidence(
    *,
    actor: Actor,
    version: Version,
    kind: str,
    payload: Mapping[str, Any],
    source_url: str = "",
    voucher: Voucher | None = None,
    now: datetime,
) -> Evidence:
    """The evidence with our own verdict on it. `Invalid` for what cannot be read as that kind.

    A tool's good result is a claim of whoever sends it, unless the CI that ran the tool proves its identity.
    """
    actor.need(Permission.VERSION_REGISTER)
    policies = policies_for(version.system.risk_class)
    finding = sent.judge(kind, payload, version.spec, policies[kind].thresholds)
    is_word = kind in sent.WORD_OF_SENDER
    used = voucher if is_word else None
    verdict = finding.verdict
    if is_word and used is None and verdict == Verdict.PASSED:
        verdict = Verdict.CLAIMED
    by = (RECORDED_BY if used else actor.label) if is_word else JUDGED_BY
    with recording_refusals(actor=actor, system=version.system, version=version.number), transaction.atomic():
        if used is not None:
            check_commit(used, version.spec)
            spend(used)
        return _attach(actor, version, finding, verdict, by, used.source_url if used else source_url, used, now)


def attach_finding(*, actor: Actor, version: Version, finding: Finding, now: datetime) -> Evidence:
    """What we found out ourselves from the files that somebody sent."""
    actor.need(Permission.VERSION_REGISTER)
    with transaction.atomic():
        return _attach(actor, version, finding, finding.verdict, JUDGED_BY, finding.source_url, None, now)


def _attach(
    actor: Actor,
    version: Version,
    finding: Finding,
    verdict: Verdict,
    by: str,
    source_url: str,
    voucher: Voucher | None,
    now: datetime,
) -> Evidence:
    check_not_held(version)
    identity = {"claimed_by": voucher.named} if voucher else {}
    evidence = Evidence.objects.create(
        version=version,
        kind=finding.gate,
        verdict=verdict,
        summary=finding.summary,
        source_url=source_url,
        payload={**finding.payload, "sent_by": actor.label, **identity},
        recorded_by=by,
        recorded_at=now,
    )
    trail.record(
        actor=actor,
        event=Event.EVIDENCE_ATTACHED,
        system=version.system.slug,
        version=version.number,
        details={
            "kind": evidence.kind,
            "verdict": evidence.verdict,
            **({"identity": voucher.claimed} if voucher else {}),
        },
    )
    return evidence
