"""The page of retention: what is kept for how long, and the room for what comes."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from audit.retention import queries, services
from audit.retention.forms import RetentionForm
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Hidden, Invalid


@require_GET
def retention(request: HttpRequest) -> HttpResponse:
    """Each system's maximum, the months with their volume and archives, and whether there is room ahead."""
    actor, now = actor_of(request), timezone.now()
    actor.need_sight(Permission.TRAIL_VIEW)
    context = {
        "systems": queries.kept_visible_to(actor),
        "months": queries.months()[::-1],
        "ahead": queries.months_ahead(now),
        "this_month": queries.first_day_of(now),
        "archives": [(row, bytes(row.manifest_sha256).hex()) for row in queries.archives_visible_to(actor)],
        "may_manage": actor.may(Permission.RETENTION_MANAGE),
        "sees_trail": True,
        "tab": "retention",
    }
    return render(request, "audit/retention.html", context)


@require_http_methods(["GET", "POST"])
def set_retention(request: HttpRequest, system: str) -> HttpResponse:
    """Set or take back a system's maximum."""
    actor = actor_of(request)
    actor.need_sight(Permission.RETENTION_MANAGE)
    kept = next((kept for kept in queries.kept_visible_to(actor) if kept.system == system), None)
    if kept is None:
        raise Hidden
    form = RetentionForm(request.POST or None, initial={"system": system, "months": kept.months})
    if request.method == "POST" and form.is_valid():
        facts = {**form.cleaned_data, "system": system}
        try:
            services.set_retention(actor=actor, now=timezone.now(), **facts)
        except Invalid as refusal:
            form.add_error(refusal.details[0].path if refusal.details else None, refusal.message)
        else:
            messages.success(request, f"The maximum for {system} is set.")
            return redirect("audit:retention")
    status = 422 if form.errors else 200
    return render(request, "audit/set_retention.html", {"kept": kept, "form": form}, status=status)
