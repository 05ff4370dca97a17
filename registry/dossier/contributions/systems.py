"""What the registry says of a system: its name, purpose and reference, and who must approve its versions."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from portal.accounts.access import Role
from registry.approving.queries import needed_for, rule_of
from registry.dossier.evidence import Fact, Subject, contribute


def register() -> None:
    """Register what this module fills."""
    for key in ("name", "type", "uid", "intended_purpose"):
        contribute(f"registry.system.{key}", facts)
    contribute("registry.approval.rule", rule)


def facts(subject: Subject) -> Iterator[Fact]:
    """Name, kind, reference and purpose."""
    system = subject.system
    url = reverse("registry:system", args=[system.slug])
    common = {"as_of": system.created_at, "source": system.created_by, "url": url}
    yield Fact("registry.system.name", _("The system is called “%(name)s”."), {"name": system.name}, **common)
    yield Fact("registry.system.uid", _("It is known as “%(slug)s” in every record."), {"slug": system.slug}, **common)
    yield Fact("registry.system.intended_purpose", _("Purpose: %(purpose)s"), {"purpose": system.purpose}, **common)
    if subject.version:
        task = subject.version.spec.model.task.replace("_", " ")
        words = _("It answers by %(task)s, in the risk class “%(risk)s”.")
        values = {"task": task, "risk": system.get_risk_class_display()}
        yield Fact("registry.system.type", words, values, **common)


def rule(subject: Subject) -> Iterator[Fact]:
    """How many signatures of whom a version needs."""
    system, set_by = subject.system, rule_of(subject.system)
    needed = needed_for(system)
    roles = {role.value: role.label.lower() for role in Role}
    named = ", ".join(f"{count} × {roles.get(role, 'either role')}" for role, count in sorted(needed.items()))
    yield Fact(
        "registry.approval.rule",
        _("A version needs these signatures, none of whoever submitted it: %(needed)s."),
        {"needed": named},
        as_of=set_by.changed_at if set_by else system.created_at,
        source=set_by.changed_by if set_by else "system:default",
        url=reverse("registry:approvers", args=[system.slug]),
    )
