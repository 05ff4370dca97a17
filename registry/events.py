"""Names of the registry's acts in the trail."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Acts on systems, versions and releases."""

    APPROVAL_WITHDRAWN = "approval.withdrawn"
    APPROVAL_RULE_CHANGED = "approval_rule.changed"
    APPROVER_NAMED = "approver.named"
    APPROVER_REMOVED = "approver.removed"
    CHECKS_REQUESTED = "checks.requested"
    EVIDENCE_ATTACHED = "evidence.attached"
    GATE_POLICY_CHANGED = "gate_policy.changed"
    GATE_WAIVED = "gate.waived"
    IDENTITY_REFUSED = "identity.refused"
    RELEASE_BROKE_GLASS = "release.broke_glass"
    RELEASE_CREATED = "release.created"
    RELEASE_RATIFIED = "release.ratified"
    RELEASE_ROLLED_BACK = "release.rolled_back"
    ROLLBACK_ARMED = "rollback.armed"
    ROLLBACK_DISARMED = "rollback.disarmed"
    ROLLBACK_PREVIEWED = "rollback.previewed"
    SOURCE_REMOVED = "source.removed"
    SOURCE_TRUSTED = "source.trusted"
    SYSTEM_CREATED = "system.created"
    VERSION_APPROVED = "version.approved"
    VERSION_CHECKED = "version.checked"
    VERSION_REFUSED = "version.refused"
    VERSION_REGISTERED = "version.registered"
    VERSION_REINSTATED = "version.reinstated"
    VERSION_REJECTED = "version.rejected"
    VERSION_RETIRED = "version.retired"
    VERSION_SIGNED = "version.signed"
    VERSION_SUBMITTED = "version.submitted"
    VERSION_TRIED = "version.tried"
