"""The pages on which a version is submitted, approved, rejected, cleared and retired, and approvers are named."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import need_fresh
from portal.forms import cleaned
from registry import lifecycle, queries
from registry.approving import queries as approving
from registry.approving import services
from registry.approving.forms import ApproverForm, RuleForm, SigningForm
from registry.forms import reason_of


@require_POST
def move(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """Make one of the moves that the version's page offers."""
    actor = actor_of(request)
    found = queries.version_for(actor, slug, number)
    form = SigningForm(request.POST)
    reason = reason_of(form)
    if lifecycle.needs_password(name):
        need_fresh(request, form.cleaned_data["password"])
    moved = services.move_version(name, actor=actor, version=found, reason=reason, now=timezone.now())
    messages.success(request, _said(name, number, moved.state))
    return redirect("registry:version", slug=slug, number=number)


@require_GET
def approvers(request: HttpRequest, slug: str) -> HttpResponse:
    """Who may approve the system's versions, and how many of them it takes."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    named = approving.approvers_of(system)
    taken = {approver.person for approver in named}
    could = approving.people_who_could_approve()
    context = {
        "system": system,
        "needed": approving.needed_for(system),
        "rule": approving.rule_of(system),
        "approvers": named,
        "candidates": [person for person in could if person.actor.label not in taken],
        "may_manage": actor.may(Permission.APPROVER_MANAGE),
        "form": RuleForm(initial={"compliance": 0, "ml_lead": 0, "any": 0, **approving.needed_for(system)}),
    }
    return render(request, "registry/approvers.html", context)


@require_POST
def set_rule(request: HttpRequest, slug: str) -> HttpResponse:
    """Set how many signatures of which role the system's versions need."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    form = RuleForm(request.POST)
    reason = reason_of(form)
    needed = {role: form.cleaned_data[role] for role in services.SIGNING_ROLES}
    services.set_approval_rule(actor=actor, system=system, needed=needed, reason=reason, now=timezone.now())
    messages.success(request, "The rule holds from now on; versions that wait need what either rule asks for.")
    return redirect("registry:approvers", slug=slug)


@require_POST
def name_approver(request: HttpRequest, slug: str) -> HttpResponse:
    """Name a person as approver."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    username = cleaned(ApproverForm(request.POST))["username"]
    services.name_approver(actor=actor, system=system, username=username, now=timezone.now())
    messages.success(request, f"{username} may approve the versions of {system.name}.")
    return redirect("registry:approvers", slug=slug)


@require_POST
def remove_approver(request: HttpRequest, slug: str) -> HttpResponse:
    """Remove a named approver."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    username = cleaned(ApproverForm(request.POST))["username"]
    services.remove_approver(actor=actor, system=system, username=username, now=timezone.now())
    messages.success(request, f"{username} no longer approves. Nothing that waits was approved by this.")
    return redirect("registry:approvers", slug=slug)


def _said(name: str, number: int, state: str) -> str:
    if name == "approve" and state == "submitted":
        return f"You signed version {number}; it needs another signature."
    if name == "withdraw":
        return f"The approval of version {number} is taken back; it waits to be signed again."
    return f"Version {number} is now {state}."
