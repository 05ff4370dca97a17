"""Trusted sources, and what a CI token is worth for a system."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from portal.errors import Hidden
from registry.models import SeenIdentity, System, TrustedSource
from registry.provenance import claims as reading
from registry.provenance.identity import Identity, verify
from registry.provenance.issuers import known_issuers
from registry.provenance.keys import KeyStore
from registry.vouching import IdentityRefused, Voucher, replayed

KEYS = KeyStore()


def sources_of(system: System) -> QuerySet[TrustedSource]:
    """The sources that the system trusts now, oldest first."""
    return system.trusted_sources.filter(removed_at=None)


def source_of(system: System, identifier: int) -> TrustedSource:
    """The source, removed or not, or `Hidden`."""
    source = system.trusted_sources.filter(pk=identifier).first()
    if source is None:
        raise Hidden
    return source


def voucher_for(system: System, token: str, now: datetime) -> Voucher:
    """What the token proves about a commit of the system.

    `IdentityRefused` for a token that is not genuine, was used before, or is of a source that the system does not
    trust.
    """
    identity = verify(token, issuers=known_issuers(), find_key=KEYS.find, now=now)
    voucher = identity.voucher
    if SeenIdentity.objects.filter(issuer=voucher.issuer, jti=voucher.jti).exists():
        raise replayed(voucher.claimed)
    _check_trust(system, identity, voucher)
    return voucher


def _check_trust(system: System, identity: Identity, voucher: Voucher) -> None:
    sources = list(sources_of(system))
    if not sources:
        words = f"{system.name} trusts no CI yet. A compliance officer adds its repository under “Trusted sources”."
        raise IdentityRefused(words, code="no_trusted_source", claimed=voucher.claimed)
    ours = [source for source in sources if source.issuer == identity.issuer.issuer]
    differing = [reading.differences(source.claims, identity.claims) for source in ours]
    if all(differing):  # none is there, or each differs somewhere
        nearest = min(differing, key=len, default=[])
        how = f" It differs in {', '.join(nearest)} from what was trusted." if nearest else ""
        words = f"{system.name} does not trust this source.{how} A compliance officer may add it."
        raise IdentityRefused(words, code="identity_source_untrusted", claimed=voucher.claimed)
