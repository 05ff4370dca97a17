"""The registry's pages: systems, a version with its gates and moves, production with the rollback button."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Invalid
from registry import access, lifecycle, queries, services
from registry.forms import ReasonForm, ReleaseForm, RollbackForm
from registry.models import Strategy


@require_GET
def systems(request: HttpRequest) -> HttpResponse:
    """All systems with what is live in each."""
    actor = actor_of(request)
    actor.need_sight(Permission.SYSTEM_VIEW)
    rows = [(system, queries.current_release(system)) for system in queries.systems_visible_to(actor)]
    return render(request, "registry/systems.html", {"rows": rows})


@require_GET
def system(request: HttpRequest, slug: str) -> HttpResponse:
    """One system: what it is for, its versions, what is live."""
    found = queries.system_for(actor_of(request), slug)
    context = {"system": found, "versions": found.versions.all(), "release": queries.current_release(found)}
    return render(request, "registry/system.html", context)


@require_GET
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One version: what it is, what it was approved on, and the next moves."""
    actor = actor_of(request)
    found = queries.version_for(actor, slug, number)
    state = lifecycle.State(found.state)
    release = queries.current_release(found.system)
    can_go_live = state in lifecycle.BY_NAME["go_live"].sources and actor.may(Permission.RELEASE_CREATE)
    context = {
        "system": found.system,
        "version": found,
        "spec": found.spec,
        "gates": queries.gates_of(found),
        "approvals": found.approvals.all(),
        "moves": access.moves_for(actor, state, submitted_by=found.submitted_by),
        "reason_form": ReasonForm(),
        "release": release,
        "release_form": _release_form(number, release) if can_go_live else None,
    }
    return render(request, "registry/version.html", context)


@require_POST
def move(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """Make one of the moves that the version's page offers."""
    actor = actor_of(request)
    found = queries.version_for(actor, slug, number)
    reason = _reason(ReasonForm(request.POST))
    moved = services.move_version(name, actor=actor, version=found, reason=reason, now=timezone.now())
    messages.success(request, f"Version {number} is now {moved.state}.")
    return redirect("registry:version", slug=slug, number=number)


@require_GET
def production(request: HttpRequest, slug: str) -> HttpResponse:
    """What is live, the rollback button (armed or not, and why), and every release before."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    release = queries.current_release(found)
    context = {
        "system": found,
        "release": release,
        "releases": found.releases.select_related("version"),
        "rollback": queries.rollback_of(found),
        "may_roll_back": actor.may(Permission.RELEASE_ROLL_BACK),
        "form": RollbackForm(initial={"expected_release": release.number if release else 0}),
    }
    return render(request, "registry/production.html", context)


@require_POST
def release(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a version live."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    form = ReleaseForm(request.POST)
    reason = _reason(form)
    wanted = queries.version_for(actor, slug, form.cleaned_data["version"])
    made = services.create_release(
        actor=actor,
        system=found,
        version=wanted,
        strategy=form.cleaned_data["strategy"],
        reason=reason,
        expected_release=form.cleaned_data["expected_release"],
        now=timezone.now(),
    )
    messages.success(request, f"Release {made.number}: version {wanted.number} is live.")
    return redirect("registry:production", slug=slug)


@require_POST
def roll_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Return production to the last stable version."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    form = RollbackForm(request.POST)
    reason = _reason(form)
    made, replaced = services.roll_back(
        actor=actor,
        system=found,
        reason=reason,
        expected_release=form.cleaned_data["expected_release"],
        now=timezone.now(),
    )
    text = f"Production is back on version {made.version.number}; version {replaced.number} is quarantined."
    messages.success(request, text)
    return redirect("registry:production", slug=slug)


def _reason(form: ReasonForm) -> str:
    if not form.is_valid():
        name, problems = next(iter(form.errors.items()))
        raise Invalid(f"{name.replace('_', ' ').capitalize()}: {problems[0]} Go back, and fill it in.")
    return form.cleaned_data["reason"]


def _release_form(number: int, release) -> ReleaseForm:
    initial = {"version": number, "expected_release": release.number if release else 0, "strategy": Strategy.DIRECT}
    return ReleaseForm(initial=initial)
