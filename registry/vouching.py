"""A CI identity that stands behind what arrives: how it becomes evidence, and that it does so once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from portal.errors import Invalid
from registry.models import Evidence, SeenIdentity, Verdict, Version
from registry.scoring.manifest import Manifest

# Under this label the trail keeps what a signature proved.
RECORDED_BY = "system:provenance"


class IdentityRefused(Invalid):
    """A CI token that proves nothing here; `claimed` is what it said of itself, and may be a lie."""

    def __init__(self, message: str, *, code: str, claimed: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.claimed = dict(claimed or {})


@dataclass(frozen=True)
class Voucher:
    """A verified identity of a source that the system trusts."""

    issuer: str
    jti: str
    expires_at: datetime
    repository: str
    commit: str
    summary: str
    source_url: str
    claims: Mapping[str, str]

    @property
    def claimed(self) -> dict[str, str]:
        """What the trail says of it."""
        return {"issuer": self.issuer, "repository": self.repository, "commit": self.commit}

    @property
    def named(self) -> dict[str, str]:
        """By whom a claim was made that came in the same call."""
        return {"issuer": self.issuer, "repository": self.repository, "run_url": self.source_url}


def check_commit(voucher: Voucher, manifest: Manifest) -> None:
    """`IdentityRefused` where the manifest names another commit than the one that CI worked on."""
    said = manifest.source.commit if manifest.source else None
    if said is not None and said != voucher.commit:
        raise IdentityRefused(
            f"The manifest names commit {said[:12]}…, the CI token vouches for {voucher.commit[:12]}….",
            code="identity_commit_differs",
            claimed=voucher.claimed,
        )


def commit_evidence(voucher: Voucher, version: Version, now: datetime) -> Evidence:
    """The passed gate, not yet saved."""
    return Evidence(
        version=version,
        kind="commit",
        verdict=Verdict.PASSED,
        summary=voucher.summary,
        source_url=voucher.source_url,
        payload={"issuer": voucher.issuer, "commit": voucher.commit, "claims": dict(voucher.claims)},
        recorded_by=RECORDED_BY,
        recorded_at=now,
    )


def spend(voucher: Voucher) -> None:
    """Use the identity up, in the transaction of what it vouches for; `IdentityRefused` where another call did."""
    try:
        with transaction.atomic():
            SeenIdentity.objects.create(issuer=voucher.issuer, jti=voucher.jti, expires_at=voucher.expires_at)
    except IntegrityError:
        raise replayed(voucher.claimed) from None


def replayed(claimed: Mapping[str, str]) -> IdentityRefused:
    """The refusal of a token that was used before."""
    words = "This CI token was used before, and each vouches once. Ask for a new one in the job."
    return IdentityRefused(words, code="identity_replayed", claimed=claimed)
