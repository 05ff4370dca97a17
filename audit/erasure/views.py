"""Pages of erasures and legal holds."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.erasure import queries, services
from audit.erasure.forms import ConfirmForm, HoldForm, OverridingForm, ReasonForm, SubjectForm
from audit.models import Erasure
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Hidden, Invalid, Refusal


@require_GET
def erasures(request: HttpRequest) -> HttpResponse:
    """Requests for erasure: those that wait first."""
    actor = actor_of(request)
    if not (actor.may(Permission.ERASURE_REQUEST) or actor.may(Permission.TRAIL_VIEW)):
        raise Hidden
    rows = [(row, queries.mark_of(row.token)) for row in queries.erasures_visible_to(actor)[: queries.MOST_LISTED]]
    context = {
        "rows": rows,
        "may_request": actor.may(Permission.ERASURE_REQUEST),
        "sees_trail": actor.may(Permission.TRAIL_VIEW),
        "tab": "erasures",
    }
    return render(request, "audit/erasures.html", context)


@require_http_methods(["GET", "POST"])
def request_erasure(request: HttpRequest) -> HttpResponse:
    """Ask for a person's erasure."""
    actor = actor_of(request)
    actor.need_sight(Permission.ERASURE_REQUEST)
    form = SubjectForm(request.POST or None, initial={"system": request.GET.get("system", "")})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.request_erasure(actor=actor, now=timezone.now(), **form.cleaned_data)
        except (Conflict, Invalid) as refusal:
            _show(form, refusal)
        else:
            messages.success(request, "The request waits for another person's decision.")
            return redirect("audit:erasure", identifier=made.id)
    return render(request, "audit/request_erasure.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
def erasure(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """One request: what it concerns, what stands against it, and the decision."""
    actor = actor_of(request)
    return render(request, "audit/erasure.html", _context(actor, queries.erasure_for(actor, identifier)))


@require_POST
def confirm_erasure(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """Erase."""
    actor = actor_of(request)
    found = queries.erasure_for(actor, identifier)
    actor.need(Permission.ERASURE_DECIDE)
    context = _context(actor, found)
    form = type(context["form"])(request.POST)
    if form.is_valid():
        try:
            done = services.confirm_erasure(actor=actor, erasure=found, now=timezone.now(), **form.cleaned_data)
        except (Conflict, Invalid) as refusal:
            if refusal.code not in ("inside_retention", "reason_names_subject"):
                raise
            _show(form, refusal)
        else:
            number = "1 decision" if done.entries == 1 else f"{done.entries} decisions"
            messages.success(request, f"Erased: the personal data of {number} can no longer be read.")
            return redirect("audit:erasure", identifier=identifier)
    return render(request, "audit/erasure.html", {**context, "form": form}, status=409)


@require_POST
def decline_erasure(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """End the request with nothing erased."""
    actor = actor_of(request)
    found = queries.erasure_for(actor, identifier)
    services.decline_erasure(actor=actor, erasure=found, reason=_reason(request), now=timezone.now())
    messages.success(request, "Declined: nothing was erased.")
    return redirect("audit:erasure", identifier=identifier)


@require_GET
def holds(request: HttpRequest) -> HttpResponse:
    """Legal holds, those in force first."""
    actor = actor_of(request)
    actor.need_sight(Permission.TRAIL_VIEW)
    rows = [
        {"hold": hold, "mark": queries.mark_of(hold.token), "may_lift": _may_lift(actor, hold)}
        for hold in queries.holds_visible_to(actor)[: queries.MOST_LISTED]
    ]
    may_place = actor.may(Permission.RETENTION_MANAGE)
    context = {"rows": rows, "may_place": may_place, "sees_trail": True, "tab": "holds"}
    return render(request, "audit/holds.html", context)


@require_http_methods(["GET", "POST"])
def place_hold(request: HttpRequest) -> HttpResponse:
    """Place a hold on a system or on one person in it."""
    actor = actor_of(request)
    actor.need_sight(Permission.RETENTION_MANAGE)
    form = HoldForm(request.POST or None, initial={"system": request.GET.get("system", "")})
    if request.method == "POST" and form.is_valid():
        try:
            services.place_hold(actor=actor, now=timezone.now(), **form.cleaned_data)
        except Invalid as refusal:
            _show(form, refusal)
        else:
            messages.success(request, "The hold is in force: nothing under it is erased or dropped.")
            return redirect("audit:holds")
    return render(request, "audit/place_hold.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def lift_hold(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """Lift a hold, after saying why."""
    actor = actor_of(request)
    actor.need_sight(Permission.RETENTION_MANAGE)
    found = queries.hold_for(actor, identifier)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.lift_hold(actor=actor, hold=found, now=timezone.now(), **form.cleaned_data)
        messages.success(request, "The hold is lifted.")
        return redirect("audit:holds")
    context = {"hold": found, "mark": queries.mark_of(found.token), "form": form, "is_own": _is_own(actor, found)}
    return render(request, "audit/lift_hold.html", context, status=422 if form.errors else 200)


def _context(actor: Actor, found: Erasure) -> dict[str, Any]:
    token, now = bytes(found.token), timezone.now()
    is_open = found.state == Erasure.State.REQUESTED
    extent = queries.extent_of(token, now) if is_open else None
    may_decide = is_open and actor.may(Permission.ERASURE_DECIDE)
    return {
        "erasure": found,
        "mark": queries.mark_of(token),
        "is_open": is_open,
        "extent": extent,
        "holds": queries.holds_against(found.system, token) if is_open else [],
        # Who may not read a person's data may not learn either which decisions are about a person.
        "decisions": queries.latest_decisions(token) if is_open and actor.may(Permission.DECISION_READ) else [],
        "is_own": may_decide and found.requested_by == actor.label,
        "may_decide": may_decide and found.requested_by != actor.label,
        "form": OverridingForm() if extent and extent.young else ConfirmForm(),
        "decline_form": ReasonForm(auto_id="decline_%s"),
        "law": services.LAW,
    }


def _show(form: Form, refusal: Refusal) -> None:
    """The refusal in the form, at its field where it has one here."""
    fields = [problem.path for problem in refusal.details if problem.path in form.fields]
    form.add_error(fields[0] if fields else None, refusal.message)


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Invalid("A reason is needed. Go back, and fill it in.")
    return form.cleaned_data["reason"]


def _may_lift(actor: Actor, hold: Any) -> bool:
    return hold.lifted_at is None and actor.may(Permission.RETENTION_MANAGE) and not _is_own(actor, hold)


def _is_own(actor: Actor, hold: Any) -> bool:
    return hold.placed_by == actor.label
