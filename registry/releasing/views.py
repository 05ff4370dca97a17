"""The production page: what is live, the rollback button (armed or not, and why), and every release before."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from registry import queries
from registry.forms import ReleaseForm, RollbackForm, reason_of
from registry.releasing import services
from registry.releasing.readiness import rollback_of


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
        "rollback": rollback_of(found),
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
    reason = reason_of(form)
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
    reason = reason_of(form)
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
