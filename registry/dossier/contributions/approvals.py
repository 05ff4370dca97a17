"""Who signed a version, for which artifact and which evidence, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from portal.accounts.access import Role
from registry.approving.queries import standing
from registry.dossier.evidence import Fact, Subject, contribute


def register() -> None:
    """Register what this module fills."""
    contribute("registry.approval", facts)


def facts(subject: Subject) -> Iterator[Fact]:
    """Each signature that stands."""
    version = subject.version
    submission = version.submissions.first() if version else None
    if version is None or submission is None:
        return
    url = reverse("registry:version", args=[version.system.slug, version.number]) + "#approvals-title"
    for signature in standing(submission, version.artifact_sha256):
        by = signature.decided_by.partition(":")[2]
        common: dict[str, Any] = {
            "as_of": signature.decided_at,
            "source": signature.decided_by,
            "url": url,
            # Not the signature: who signed again, for other evidence, said something else.
            "about": signature.decided_by,
        }
        roles = ", ".join(Role(role).label.lower() for role in signature.roles)
        words = _("%(by)s (%(roles)s) approved it; %(asked)s had asked for it.")
        asked = signature.requested_by.partition(":")[2]
        yield Fact("registry.approval", words, {"by": by, "roles": roles, "asked": asked}, **common)
        words = _("Reason of %(by)s: %(reason)s")
        yield Fact("registry.approval.rationale", words, {"by": by, "reason": signature.reason}, **common)
        words = _("%(by)s signed on %(day)s for the artifact %(artifact)s and evidence with the digest %(evidence)s.")
        values = {
            "by": by,
            "day": f"{signature.decided_at:%Y-%m-%d}",
            "artifact": signature.artifact_sha256,
            "evidence": signature.evidence_sha256,
        }
        yield Fact("registry.approval.signature", words, values, **common)
