"""The page that compares what was counted with what is recorded."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from audit.completeness import queries
from audit.completeness.forms import PeriodForm
from audit.queries import TooMuch
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.http import part

# Beyond so much the table has a row for each day.
_HOURLY = timedelta(days=2)


@require_GET
def line(request: HttpRequest) -> HttpResponse:
    """The verdict on the last 24 hours, for other pages to show."""
    actor, now = actor_of(request), timezone.now()
    actor.need_sight(Permission.TRAIL_VIEW)
    try:
        verdict = queries.completeness_for(actor, now - timedelta(hours=24), now, now).verdict
    except TooMuch as refusal:
        verdict = queries.Verdict("not_checked", refusal.message)
    return render(request, "audit/completeness_line.html", {"verdict": verdict})


@require_GET
def completeness(request: HttpRequest) -> HttpResponse:
    """Counted by the gateways, recorded in the trail, and the difference in words."""
    actor, now = actor_of(request), timezone.now()
    actor.need_sight(Permission.TRAIL_VIEW)
    form = PeriodForm(request.GET or {"period": "1"})
    since = form.since(now)
    is_daily = now - since > _HOURLY
    context = {
        "form": form,
        "is_daily": is_daily,
        "period_words": dict(form.PERIODS).get(form.data.get("period"), "24 hours"),
    }
    try:
        found = queries.completeness_for(actor, since, now, now)
        context |= {"found": found, "tallies": queries.by_day(found.tallies) if is_daily else found.tallies}
    except TooMuch as refusal:
        context["refusal"] = refusal.message
    return part(request, "audit/completeness.html", "compared", context)
