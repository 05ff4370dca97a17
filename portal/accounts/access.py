"""Who may do what: permissions, the roles and scopes that grant them, and the actor who holds them. Pure.

Permissions are `resource:action`, kept in alphabetical order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.errors import Forbidden, Hidden


class Permission(StrEnum):
    """One thing that somebody may do."""

    APPROVER_MANAGE = "approver:manage"
    DECISION_EXPLAIN = "decision:explain"
    DECISION_LIST = "decision:list"
    DECISION_MAKE = "decision:make"
    DECISION_READ = "decision:read"
    DECISION_REPORT = "decision:report"
    DISPUTE_ANSWER = "dispute:answer"
    DISPUTE_DECIDE = "dispute:decide"
    DISPUTE_HANDLE = "dispute:handle"
    DISPUTE_LIST = "dispute:list"
    DISPUTE_OPEN = "dispute:open"
    DISPUTE_POLICY_MANAGE = "dispute_policy:manage"
    DISPUTE_REVIEW = "dispute:review"
    DOSSIER_FREEZE = "dossier:freeze"
    DOSSIER_SIGN = "dossier:sign"
    DOSSIER_VIEW = "dossier:view"
    DOSSIER_WRITE = "dossier:write"
    ERASURE_DECIDE = "erasure:decide"
    ERASURE_REQUEST = "erasure:request"
    GATE_POLICY_MANAGE = "gate_policy:manage"
    GATE_WAIVE = "gate:waive"
    INCIDENT_HANDLE = "incident:handle"
    INCIDENT_OPEN = "incident:open"
    INCIDENT_VIEW = "incident:view"
    LAW_LOAD = "law:load"
    LETTER_MANAGE = "letter:manage"
    RELEASE_BREAK_GLASS = "release:break_glass"
    RELEASE_CREATE = "release:create"
    RELEASE_ROLL_BACK = "release:roll_back"
    RETENTION_MANAGE = "retention:manage"
    RISK_ACCEPT = "risk:accept"
    RISK_VIEW = "risk:view"
    RISK_WRITE = "risk:write"
    SOURCE_TRUST = "source:trust"
    SYSTEM_CLASSIFY = "system:classify"
    SYSTEM_CREATE = "system:create"
    SYSTEM_VIEW = "system:view"
    TRAIL_EXPORT = "trail:export"
    TRAIL_VERIFY = "trail:verify"
    TRAIL_VIEW = "trail:view"
    VERSION_APPROVE = "version:approve"
    VERSION_REGISTER = "version:register"
    VERSION_RETIRE = "version:retire"
    VERSION_SUBMIT = "version:submit"


class Role(StrEnum):
    """A desk; the Django group of the same name makes a user sit at it."""

    ML_LEAD = "ml_lead"
    COMPLIANCE = "compliance"
    SUPPORT = "support"
    AUDITOR = "auditor"

    @property
    def label(self) -> str:
        """The role in words."""
        return _ROLE_WORDS[self]


_ROLE_WORDS = {
    Role.ML_LEAD: "ML lead",
    Role.COMPLIANCE: "Compliance officer",
    Role.SUPPORT: "Support",
    Role.AUDITOR: "External auditor",
}


class Scope(StrEnum):
    """What a service token is for."""

    DECIDE = "decide"
    REPORT = "report"
    READ = "read"
    EXPLAIN = "explain"
    DISPUTE = "dispute"
    REGISTER = "register"
    RELEASE = "release"


_P = Permission

# ML leads and auditors see that a decision was made and how, never the person's data.
ROLE_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ML_LEAD: frozenset(
        {
            _P.DECISION_LIST,
            _P.DOSSIER_SIGN,
            _P.DOSSIER_VIEW,
            _P.DOSSIER_WRITE,
            _P.INCIDENT_OPEN,
            _P.INCIDENT_VIEW,
            _P.RELEASE_BREAK_GLASS,
            _P.RELEASE_CREATE,
            _P.RELEASE_ROLL_BACK,
            _P.RISK_VIEW,
            _P.RISK_WRITE,
            _P.SYSTEM_CREATE,
            _P.SYSTEM_VIEW,
            _P.VERSION_APPROVE,
            _P.VERSION_REGISTER,
            _P.VERSION_RETIRE,
            _P.VERSION_SUBMIT,
        }
    ),
    Role.COMPLIANCE: frozenset(
        {
            _P.APPROVER_MANAGE,
            _P.DECISION_EXPLAIN,
            _P.DECISION_LIST,
            _P.DECISION_READ,
            _P.DISPUTE_ANSWER,
            _P.DISPUTE_DECIDE,
            _P.DISPUTE_HANDLE,
            _P.DISPUTE_LIST,
            _P.DISPUTE_POLICY_MANAGE,
            _P.DISPUTE_REVIEW,
            _P.DOSSIER_FREEZE,
            _P.DOSSIER_SIGN,
            _P.DOSSIER_VIEW,
            _P.DOSSIER_WRITE,
            _P.ERASURE_DECIDE,
            _P.ERASURE_REQUEST,
            _P.GATE_POLICY_MANAGE,
            _P.GATE_WAIVE,
            _P.INCIDENT_HANDLE,
            _P.INCIDENT_OPEN,
            _P.INCIDENT_VIEW,
            _P.LETTER_MANAGE,
            _P.RETENTION_MANAGE,
            _P.RISK_ACCEPT,
            _P.RISK_VIEW,
            _P.RISK_WRITE,
            _P.SOURCE_TRUST,
            _P.SYSTEM_CLASSIFY,
            _P.SYSTEM_VIEW,
            _P.TRAIL_EXPORT,
            _P.TRAIL_VERIFY,
            _P.TRAIL_VIEW,
            _P.VERSION_APPROVE,
        }
    ),
    Role.SUPPORT: frozenset(
        {
            _P.DECISION_EXPLAIN,
            _P.DECISION_LIST,
            _P.DECISION_READ,
            _P.DISPUTE_ANSWER,
            # Whether a support agent has the authority is said by the system's dispute policy; by default none has.
            _P.DISPUTE_DECIDE,
            _P.DISPUTE_HANDLE,
            _P.DISPUTE_LIST,
            _P.DISPUTE_OPEN,
            _P.DISPUTE_REVIEW,
            _P.ERASURE_REQUEST,
            # Support sees the cases that it opened; anybody who becomes aware of one can open it.
            _P.INCIDENT_OPEN,
            _P.SYSTEM_VIEW,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            _P.DECISION_LIST,
            _P.DOSSIER_VIEW,
            _P.INCIDENT_VIEW,
            _P.RISK_VIEW,
            _P.SYSTEM_VIEW,
            _P.TRAIL_EXPORT,
            _P.TRAIL_VERIFY,
            _P.TRAIL_VIEW,
        }
    ),
}

SCOPE_GRANTS: dict[Scope, frozenset[Permission]] = {
    Scope.DECIDE: frozenset({_P.DECISION_MAKE}),
    Scope.REPORT: frozenset({_P.DECISION_REPORT}),
    Scope.READ: frozenset(
        {
            _P.DECISION_LIST,
            _P.DECISION_READ,
            _P.DISPUTE_LIST,
            _P.DOSSIER_VIEW,
            _P.INCIDENT_VIEW,
            _P.RISK_VIEW,
            _P.SYSTEM_VIEW,
            _P.TRAIL_EXPORT,
            _P.TRAIL_VIEW,
        }
    ),
    Scope.EXPLAIN: frozenset({_P.DECISION_EXPLAIN, _P.DECISION_LIST}),
    Scope.DISPUTE: frozenset(
        {_P.DECISION_LIST, _P.DISPUTE_LIST, _P.DISPUTE_OPEN, _P.INCIDENT_OPEN, _P.SYSTEM_VIEW}
    ),
    Scope.REGISTER: frozenset({_P.SYSTEM_CREATE, _P.SYSTEM_VIEW, _P.VERSION_REGISTER, _P.VERSION_SUBMIT}),
    Scope.RELEASE: frozenset({_P.RELEASE_CREATE, _P.RELEASE_ROLL_BACK, _P.SYSTEM_VIEW}),
}


@dataclass(frozen=True)
class Actor:
    """Somebody who acts: a person, a service, or the product itself.

    `label` is what the trail keeps (`user:lena`, `service:ci`, `system:sweep`), `name` what people read.
    """

    label: str
    name: str
    permissions: frozenset[Permission]
    roles: frozenset[Role] = frozenset()

    @property
    def is_person(self) -> bool:
        """True for somebody who signed in; approvals are theirs alone."""
        return self.label.startswith("user:")

    def may(self, permission: Permission) -> bool:
        """Whether the actor holds the permission."""
        return permission in self.permissions

    def need_sight(self, permission: Permission) -> None:
        """`Hidden` unless the actor may see this kind of thing at all."""
        if not self.may(permission):
            raise Hidden

    def need(self, permission: Permission) -> None:
        """`Forbidden` unless the actor may do this."""
        if not self.may(permission):
            raise Forbidden(f"You may not do this: it needs the permission “{permission}”.")


def actor_for_user(username: str, name: str, roles: frozenset[Role]) -> Actor:
    """The actor that a signed-in person is."""
    grants = frozenset().union(*(ROLE_GRANTS[role] for role in roles))
    return Actor(f"user:{username}", name, grants, roles)


def actor_for_service(name: str, scopes: frozenset[Scope]) -> Actor:
    """The actor that a service token is."""
    return Actor(f"service:{name}", name, frozenset().union(*(SCOPE_GRANTS[scope] for scope in scopes)))


def actor_for_process(name: str) -> Actor:
    """The product itself, acting on a schedule: everything it does is recorded under this label."""
    return Actor(f"system:{name}", name, frozenset(Permission))
