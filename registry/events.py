"""Names of the registry's acts in the trail."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Acts on systems, versions and releases."""

    APPROVAL_WITHDRAWN = "approval.withdrawn"
    EVIDENCE_ATTACHED = "evidence.attached"
    RELEASE_CREATED = "release.created"
    RELEASE_ROLLED_BACK = "release.rolled_back"
    SYSTEM_CREATED = "system.created"
    VERSION_APPROVED = "version.approved"
    VERSION_REGISTERED = "version.registered"
    VERSION_REINSTATED = "version.reinstated"
    VERSION_REJECTED = "version.rejected"
    VERSION_RETIRED = "version.retired"
    VERSION_SUBMITTED = "version.submitted"
