"""What the registry keeps; what must never change is refused by the database."""

from .evidence import Approval, ApprovalRule, Approver, CheckRun, Evidence, GatePolicy, Submission, Verdict
from .incidents import (
    Assessment,
    Causality,
    Filing,
    Incident,
    IncidentFile,
    IncidentHold,
    IncidentLink,
    IncidentMessage,
    IncidentReport,
    IncidentRole,
    IncidentState,
    IncidentStep,
    IncidentVersion,
    Kind,
)
from .releases import GatewayReport, Ratification, Release, RollbackReadiness, Strategy
from .sources import SeenIdentity, TrustedSource
from .systems import RiskClass, System, Version

__all__ = [
    "Approval",
    "ApprovalRule",
    "Approver",
    "Assessment",
    "Causality",
    "CheckRun",
    "Evidence",
    "Filing",
    "GatePolicy",
    "GatewayReport",
    "Incident",
    "IncidentFile",
    "IncidentHold",
    "IncidentLink",
    "IncidentMessage",
    "IncidentReport",
    "IncidentRole",
    "IncidentState",
    "IncidentStep",
    "IncidentVersion",
    "Kind",
    "Ratification",
    "Release",
    "RiskClass",
    "RollbackReadiness",
    "SeenIdentity",
    "Strategy",
    "Submission",
    "System",
    "TrustedSource",
    "Verdict",
    "Version",
]
