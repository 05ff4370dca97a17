"""What the registry keeps; what must never change is refused by the database."""

from .classification import MarketStatus, Organisation, Registration, SystemClassification
from .dossier import Document, Regulation, Requirement, Statement, StatementDraft, StatementKind
from .evidence import Approval, ApprovalRule, Approver, CheckRun, Evidence, GatePolicy, Submission, Verdict
from .frozen import DossierSignature, FrozenDossier, FrozenState
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
    "Document",
    "DossierSignature",
    "Evidence",
    "Filing",
    "FrozenDossier",
    "FrozenState",
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
    "MarketStatus",
    "Organisation",
    "Ratification",
    "Registration",
    "Regulation",
    "Release",
    "Requirement",
    "RiskClass",
    "RollbackReadiness",
    "SeenIdentity",
    "Statement",
    "StatementDraft",
    "StatementKind",
    "Strategy",
    "Submission",
    "System",
    "SystemClassification",
    "TrustedSource",
    "Verdict",
    "Version",
]
