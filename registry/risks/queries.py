"""Every reading of the risk register: what stands in it, how each risk is rated, and which reviews are late."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from portal.accounts.access import Actor, Permission
from portal.addresses import number_in
from portal.errors import Hidden
from registry.checking.gates import BY_KIND
from registry.models import (
    ControlKind,
    ResidualAcceptance,
    Risk,
    RiskAcceptance,
    RiskRevision,
    System,
    Version,
)
from registry.queries import current_release, system_for
from registry.risks.rating import LIKELIHOOD, SEVERITY, level_of


@dataclass(frozen=True)
class Line:
    """A risk as its newest revision has it."""

    risk: Risk
    revision: RiskRevision
    acceptance: RiskAcceptance | None
    is_overdue: bool

    @property
    def state(self) -> str:
        """`closed`, `accepted` or `open`."""
        return "closed" if self.revision.is_closed else "accepted" if self.acceptance else "open"

    @property
    def level(self) -> str:
        """The level of what is left with the controls."""
        return level_of(self.revision.residual)

    @property
    def level_before(self) -> str:
        """The level without the controls."""
        return level_of(self.revision.rating)

    @property
    def before(self) -> str:
        """Severity and likelihood without the controls, in words."""
        return rated(self.revision.severity, self.revision.likelihood)

    @property
    def after(self) -> str:
        """Severity and likelihood with the controls, in words."""
        return rated(self.revision.residual_severity, self.revision.residual_likelihood)


@dataclass(frozen=True)
class Overall:
    """Whether somebody accepted what is left of all risks of a version, and whether that still holds."""

    version: Version
    acceptance: ResidualAcceptance | None
    is_current: bool
    # Numbers of the risks that nobody has accepted yet.
    open: tuple[int, ...]


def rated(severity: int, likelihood: int) -> str:
    """Two figures in words, with their product: "grave, unlikely (8)"."""
    return f"{SEVERITY[severity]}, {LIKELIHOOD[likelihood]} ({severity * likelihood})"


def register_for(actor: Actor, slug: str) -> System:
    """The system whose register the actor may see, or `Hidden`."""
    actor.need_sight(Permission.RISK_VIEW)
    return system_for(actor, slug)


def risk_for(actor: Actor, slug: str, number: int) -> Risk:
    """The risk, or `Hidden`."""
    found = register_for(actor, slug).risks.filter(number=number).select_related("system").first()
    if found is None:
        raise Hidden
    return found


def lines_of(system: System, today: date) -> list[Line]:
    """The register: what is left most of first, closed risks last."""
    found = [_line(revision, today) for revision in _newest().filter(risk__system=system)]
    return sorted(found, key=lambda line: (line.revision.is_closed, -line.revision.residual, line.risk.number))


def line_of(risk: Risk, today: date) -> Line:
    """The risk as it stands."""
    return _line(_newest().get(risk=risk), today)


def late_reviews(actor: Actor, today: date) -> list[Line]:
    """Risks whose review is due, of every system, the latest first; for whoever writes the register."""
    if not actor.may(Permission.RISK_WRITE):
        return []
    lines = (_line(revision, today) for revision in _newest().select_related("risk__system"))
    return sorted((line for line in lines if line.is_overdue), key=lambda line: line.revision.review_due)


def snapshot(lines: Iterable[Line]) -> list[list[int]]:
    """What an acceptance of the whole is given to: each risk that is not closed, its revision, and what is left."""
    return sorted(
        [line.risk.number, line.revision.number, line.revision.residual] for line in lines if line.state != "closed"
    )


def digest_of(register: list[list[int]]) -> str:
    """SHA-256 over a snapshot: what the trail keeps of it, and what tells whether it is still the one that was seen."""
    return hashlib.sha256(json.dumps(register).encode()).hexdigest()


def overall_of(version: Version, lines: list[Line]) -> Overall:
    """How the acceptance of all that is left of a version's risks stands."""
    newest = version.residual_acceptances.first()
    waiting = tuple(sorted(line.risk.number for line in lines if line.state == "open"))
    return Overall(version, newest, newest is not None and newest.register == snapshot(lines), waiting)


def controls_of(revision: RiskRevision) -> list[dict[str, str]]:
    """The controls with their kinds in words, and the addresses of their evidence."""
    system = revision.risk.system
    return [
        {
            "kind": ControlKind(control["kind"]).label,
            "words": control["words"],
            "evidence": _evidence_words(control["evidence"]),
            "url": _evidence_url(system, control["evidence"]),
        }
        for control in revision.controls
    ]


def is_evidence(system: System, evidence: str) -> bool:
    """Whether this can be the evidence of a control: a gate's kind, a version of the system, or an address."""
    if evidence.startswith(("https://", "http://")):
        return len(evidence) <= 500 and " " not in evidence
    return not evidence or evidence in BY_KIND or _version_of(system, evidence) is not None


def _newest() -> QuerySet[RiskRevision]:
    newest = RiskRevision.objects.order_by("risk_id", "-number").distinct("risk_id")
    return newest.select_related("risk", "acceptance")


def _line(revision: RiskRevision, today: date) -> Line:
    acceptance = getattr(revision, "acceptance", None)
    is_overdue = not revision.is_closed and revision.review_due < today
    return Line(revision.risk, revision, acceptance, is_overdue)


def _version_of(system: System, evidence: str) -> int | None:
    word, _, said = evidence.partition(" ")
    number = number_in(said) if word == "version" else None
    return number if number and system.versions.filter(number=number).exists() else None


def _evidence_words(evidence: str) -> str:
    return BY_KIND[evidence].title if evidence in BY_KIND else evidence


def _evidence_url(system: System, evidence: str) -> str:
    if evidence.startswith(("https://", "http://")):
        return evidence
    if number := _version_of(system, evidence):
        return reverse("registry:version", args=[system.slug, number])
    if evidence not in BY_KIND:
        return ""
    release: Any = current_release(system)
    if release is None:
        return reverse("registry:policy", args=[system.risk_class])
    return f"{reverse('registry:version', args=[system.slug, release.version.number])}#gate-{evidence}"
