"""The page of what comes in from elsewhere."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from audit.intake import queries
from audit.queries import TooMuch, bounded
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.http import part


@require_GET
def intake(request: HttpRequest) -> HttpResponse:
    """Who reported what in the last day, which halves wait, and how to send."""
    actor = actor_of(request)
    actor.need_sight(Permission.TRAIL_VIEW)
    context = {"halves": queries.halves_waiting(actor), "minutes": settings.INTAKE_HALF_MINUTES}
    context |= {"base": request.build_absolute_uri("/api/v1/"), "looked_through": queries.LOOKED_THROUGH}
    try:
        with bounded():
            context["intake"] = queries.intake_for(actor, timezone.now() - timedelta(days=1))
    except TooMuch:
        context["refusal"] = "There was too much to look through just now. Nothing is lost by that: try again."
    return part(request, "audit/intake.html", "state", context)
