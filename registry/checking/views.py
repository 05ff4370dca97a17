"""The pages about gates: waiving one, and the policy that says how each binds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.errors import Hidden
from portal.forms import cleaned
from registry import queries
from registry.checking import queries as checklist_of
from registry.checking import services
from registry.checking.forms import PolicyForm, WaiverForm
from registry.checking.policies import Policy, history_of, policies_for
from registry.models import RiskClass, Version
from registry.moves import held_because


def checklist_context(actor: Actor, version: Version) -> dict[str, Any]:
    """What the checklist shows, on the version's page and while it is polled."""
    gates, held = checklist_of.gates_of(version), held_because(version)
    return {
        "system": version.system,
        "version": version,
        "gates": gates,
        "tally": checklist_of.tally_of(gates),
        "standing_in_the_way": [gate for gate in gates if not gate.is_satisfied],
        "run": checklist_of.newest_run(version),
        "may_waive": actor.may(Permission.GATE_WAIVE) and not held,
        "may_check": version.state not in services.ENDED
        and not held
        and (actor.may(Permission.VERSION_REGISTER) or actor.may(Permission.VERSION_APPROVE)),
    }


@require_GET
def checklist(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The checklist alone, for the version's page while the checks run."""
    actor = actor_of(request)
    version = queries.version_for(actor, slug, number)
    if not request.htmx:
        return redirect("registry:version", slug=slug, number=number)
    return render(request, "registry/checklist.html", checklist_context(actor, version))


@require_POST
def check(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Have the checks run over the version again."""
    actor = actor_of(request)
    version = queries.version_for(actor, slug, number)
    services.request_checks(actor=actor, version=version, now=timezone.now())
    messages.success(request, "The checks run; their verdicts appear below as they come.")
    return redirect("registry:version", slug=slug, number=number)


@require_POST
def waive(request: HttpRequest, slug: str, number: int, gate: str) -> HttpResponse:
    """Let a gate of a version pass, with a reason."""
    actor = actor_of(request)
    version = queries.version_for(actor, slug, number)
    reason = cleaned(WaiverForm(request.POST))["reason"]
    services.waive_gate(actor=actor, version=version, gate=gate, reason=reason, now=timezone.now())
    messages.success(request, "The gate is waived; your reason stands beside it.")
    return redirect("registry:version", slug=slug, number=number)


@require_GET
def policy(request: HttpRequest, risk_class: str) -> HttpResponse:
    """How each gate binds the versions of a risk class, and who changed it when."""
    actor = actor_of(request)
    actor.need_sight(Permission.SYSTEM_VIEW)
    context = {
        "risk_class": _risk_class(risk_class),
        "risk_classes": list(RiskClass),
        "policies": policies_for(risk_class).values(),
        "history": history_of(risk_class),
        "may_manage": actor.may(Permission.GATE_POLICY_MANAGE),
    }
    return render(request, "registry/policy.html", context)


@require_http_methods(["GET", "POST"])
def gate_policy(request: HttpRequest, risk_class: str, gate: str) -> HttpResponse:
    """Change one gate's level and thresholds for a risk class."""
    actor = actor_of(request)
    actor.need_sight(Permission.GATE_POLICY_MANAGE)
    found = _policy(risk_class, gate)
    form = PolicyForm(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.set_policy(
            actor=actor,
            risk_class=risk_class,
            gate=gate,
            level=form.cleaned_data["level"],
            thresholds=form.thresholds,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
        messages.success(request, f"“{found.gate.title}” binds as you said from now on.")
        return redirect("registry:policy", risk_class=risk_class)
    context = {"risk_class": RiskClass(risk_class), "policy": found, "form": form}
    return render(request, "registry/gate_policy.html", context, status=422 if form.errors else 200)


def _risk_class(word: str) -> RiskClass:
    if word not in RiskClass.values:
        raise Hidden
    return RiskClass(word)


def _policy(risk_class: str, gate: str) -> Policy:
    found = policies_for(_risk_class(risk_class)).get(gate)
    if found is None:
        raise Hidden
    return found
