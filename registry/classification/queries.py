"""What a system is classified as, who provides it, and what a change of its risk class would change."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from portal.accounts.access import Actor
from registry.approving.queries import needed_for
from registry.checking.policies import policies_for
from registry.classification.dates import prohibited
from registry.classification.facts import CIRCUMSTANCES, EXITS, POINTS, ROLES, TAKEOVERS, Classification, Role
from registry.models import Organisation, Registration, RiskClass, System, SystemClassification
from registry.practices import PRACTICES
from registry.queries import systems_visible_to


def newest_of(system: System) -> SystemClassification | None:
    """The classification in force."""
    return system.classifications.first()


def registration_of(system: System) -> Registration | None:
    """What is registered of the system, as it stands."""
    return system.registrations.first()


def organisation() -> Organisation | None:
    """Who we are, as it stands; None while nobody has said it."""
    return Organisation.objects.first()


def organisation_revisions() -> QuerySet[Organisation]:
    """Everything that was ever said of who we are, newest first."""
    return Organisation.objects.all()


def unclassified(actor: Actor) -> QuerySet[System]:
    """The systems that the actor may see and nobody has classified."""
    return systems_visible_to(actor).filter(classifications=None)


def classification_of(system: System) -> Classification | None:
    """The system's newest classification with what the organisation says of itself; None without one."""
    row = newest_of(system)
    return facts_of(row, organisation(), registration_of(system)) if row else None


def prohibited_in(system: System, today: date) -> list[tuple[str, str, str]]:
    """The prohibited practices that the system's newest classification found: letter, question, from when."""
    about = classification_of(system)
    return [(letter, PRACTICES[letter], when) for letter, when in prohibited(about, today).items()] if about else []


def facts_of(
    row: SystemClassification, about_us: Organisation | None, registration: Registration | None
) -> Classification:
    """The answers as the rules take them."""
    return Classification(
        role=Role(row.role),
        point=row.annex_iii_point or "",
        product_law=row.product_law,
        exit=row.exit_condition or "",
        profiles=row.profiles,
        practices=frozenset(letter for letter, answer in row.practices.items() if answer["found"]),
        circumstances=frozenset(row.circumstances),
        size=about_us.size if about_us else "",
        is_financial_institution=bool(about_us and about_us.is_financial_institution),
        is_public_body=bool(about_us and about_us.is_public_body),
        has_representative=bool(about_us and about_us.representative),
        has_submitter=bool(registration and registration.submitter),
        first_used_on=row.first_used_on,
        redesigned_on=row.redesigned_on,
    )


@dataclass(frozen=True)
class Moving:
    """What changes when a system moves to another risk class."""

    before: RiskClass
    after: RiskClass
    # Title, level before, level after.
    gates: list[tuple[str, str, str]]
    needed_before: dict[str, int]
    needed_after: dict[str, int]


def moving_to(system: System, risk_class: str) -> Moving:
    """What the versions of the system would need in that class, where it differs from what they need now."""
    before, after = policies_for(system.risk_class), policies_for(risk_class)
    moved = copy(system)
    moved.risk_class = risk_class
    levels = [(gate.gate.title, str(before[kind].level), str(gate.level)) for kind, gate in after.items()]
    return Moving(
        before=RiskClass(system.risk_class),
        after=RiskClass(risk_class),
        gates=[level for level in levels if level[1] != level[2]],
        needed_before=needed_for(system),
        needed_after=needed_for(moved),
    )


def answers_of(row: SystemClassification) -> dict[str, str]:
    """Every answer in words, by what was asked."""
    way_out = f"({row.exit_condition}) {EXITS[row.exit_condition]}" if row.exit_condition else "not used"
    said = {
        "Risk class": row.get_risk_class_display(),
        "Role": ROLES[row.role],
        "How we became its provider": TAKEOVERS.get(row.takeover or "", "–"),
        "Annex III": f"{row.annex_iii_point}: {POINTS[row.annex_iii_point]}" if row.annex_iii_point else "none of it",
        "Product of Annex I": row.product_law or "no",
        "Profiles people": "yes" if row.profiles else "no",
        "Exit of Art. 6(3)": way_out,
        "Why it is not high-risk": row.exit_assessment or "–",
        "First used": _day(row.first_used_on),
        "Design changed": _day(row.redesigned_on),
    }
    for head, circumstances in CIRCUMSTANCES.items():
        said[head] = "\n".join(words for name, words in circumstances.items() if name in row.circumstances) or "–"
    for letter in PRACTICES:
        answer = row.practices[letter]
        note = f": {answer['note']}" if answer["note"] else ""
        said[f"Art. 5(1)({letter}) {PRACTICES[letter]}"] = f"{'yes' if answer['found'] else 'no'}{note}"
    return said


def differences(older: SystemClassification, newer: SystemClassification) -> list[tuple[str, str, str]]:
    """What was answered otherwise: the question, before, after."""
    before, after = answers_of(older), answers_of(newer)
    return [(asked, before[asked], words) for asked, words in after.items() if before[asked] != words]


def changed_fields(older: Any, newer: Any) -> list[str]:
    """The names of what two revisions of one kind say otherwise."""
    told = {"id", "revision", "reason", "changed_by", "changed_at"}
    names = [field.attname for field in newer._meta.concrete_fields if field.name not in told]
    return [name for name in names if older is None or getattr(older, name) != getattr(newer, name)]


def _day(day: Any) -> str:
    return f"{day:%-d %B %Y}" if day else "–"
