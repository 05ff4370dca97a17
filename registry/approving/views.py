"""The pages on which a version is submitted, approved, rejected, cleared and retired."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from portal.accounts.authentication import actor_of
from registry import queries
from registry.approving import services
from registry.forms import ReasonForm, reason_of


@require_POST
def move(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """Make one of the moves that the version's page offers."""
    actor = actor_of(request)
    found = queries.version_for(actor, slug, number)
    reason = reason_of(ReasonForm(request.POST))
    moved = services.move_version(name, actor=actor, version=found, reason=reason, now=timezone.now())
    messages.success(request, f"Version {number} is now {moved.state}.")
    return redirect("registry:version", slug=slug, number=number)
