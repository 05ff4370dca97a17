"""Whom a system's versions may be vouched for by, and the vouching itself: one transaction, one entry each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem
from registry.events import Event
from registry.models import Evidence, SeenIdentity, System, TrustedSource, Version
from registry.moves import check_not_held
from registry.provenance import claims as reading
from registry.provenance import queries
from registry.provenance.identity import LEEWAY
from registry.provenance.issuers import known_issuers
from registry.services import recording_refusals
from registry.vouching import Voucher, check_commit, commit_evidence, spend


@transaction.atomic
def trust_source(
    *, actor: Actor, system: System, name: str, issuer: str, claims: Mapping[str, str], reason: str, now: datetime
) -> TrustedSource:
    """From now on CI runs that carry these claims may vouch for the system's commits.

    `Invalid` for an unknown issuer and for each claim that is missing or no pin; `Conflict` where it is trusted now.
    """
    actor.need(Permission.SOURCE_TRUST)
    _check_pins(issuer, claims)
    # Two people who add the same one at once: the second sees the first's.
    locked = System.objects.select_for_update().get(pk=system.pk)
    if queries.sources_of(locked).filter(issuer=issuer, claims=dict(claims)).exists():
        raise Conflict("This source is trusted already.", code="already_trusted")
    source = TrustedSource.objects.create(
        system=locked,
        name=name,
        issuer=issuer,
        claims=dict(claims),
        trusted_by=actor.label,
        trusted_at=now,
    )
    _record(actor, Event.SOURCE_TRUSTED, source, reason)
    return source


@transaction.atomic
def remove_source(*, actor: Actor, source: TrustedSource, reason: str, now: datetime) -> TrustedSource:
    """The source vouches for nothing more; what it vouched for before stands. `Conflict` where it was removed."""
    actor.need(Permission.SOURCE_TRUST)
    locked = TrustedSource.objects.select_for_update(of=("self",)).select_related("system").get(pk=source.pk)
    if locked.removed_at is not None:
        raise Conflict("This source was removed already.", code="already_removed")
    locked.removed_by, locked.removed_at = actor.label, now
    locked.save(update_fields=["removed_by", "removed_at"])
    _record(actor, Event.SOURCE_REMOVED, locked, reason)
    return locked


def admit_identity(*, actor: Actor, system: System, token: str, version: int | None = None, now: datetime) -> Voucher:
    """What the CI token proves. `IdentityRefused`, once that is recorded."""
    with recording_refusals(actor=actor, system=system, version=version):
        return queries.voucher_for(system, token, now)


def vouch_for_version(*, actor: Actor, version: Version, token: str, now: datetime) -> Evidence:
    """The version's commit, proven by the CI that built it. `IdentityRefused`, once that is recorded."""
    actor.need(Permission.VERSION_REGISTER)
    voucher = admit_identity(actor=actor, system=version.system, token=token, version=version.number, now=now)
    with recording_refusals(actor=actor, system=version.system, version=version.number), transaction.atomic():
        check_commit(voucher, version.spec)
        return _attach(actor, version, voucher, now)


@transaction.atomic
def let_go_of_identities(*, now: datetime) -> int:
    """Forget tokens that have expired, which are refused for that; how many there were."""
    return SeenIdentity.objects.filter(expires_at__lt=now - 2 * LEEWAY).delete()[0]


def _attach(actor: Actor, version: Version, voucher: Voucher, now: datetime) -> Evidence:
    check_not_held(version)
    spend(voucher)
    evidence = commit_evidence(voucher, version, now)
    evidence.save()
    trail.record(
        actor=actor,
        event=Event.EVIDENCE_ATTACHED,
        system=version.system.slug,
        version=version.number,
        details={"kind": evidence.kind, "verdict": evidence.verdict, "identity": voucher.claimed},
    )
    return evidence


def _check_pins(issuer: str, claims: Mapping[str, str]) -> None:
    known = known_issuers().get(issuer)
    if known is None:
        problem = Problem("issuer", f"must be one of: {', '.join(known_issuers())}")
        raise Invalid("This portal does not know the issuer.", details=[problem])
    problems = reading.pin_problems(reading.KINDS[known.kind], claims)
    if problems:
        details = [Problem(f"claims.{name}", words) for name, words in problems]
        raise Invalid("A source cannot be told by these claims.", details=details)


def _record(actor: Actor, event: Event, source: TrustedSource, reason: str) -> None:
    trail.record(
        actor=actor,
        event=event,
        system=source.system.slug,
        object=str(source.pk),
        details={"name": source.name, "issuer": source.issuer, "claims": dict(source.claims)},
        text=reason,
    )
