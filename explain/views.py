"""Pages of disputes and explanations."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import audit.queries as trail
import registry.queries as registry
from explain import charts, queries, services
from explain.forms import DisputeForm
from explain.models import Explanation
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Invalid
from portal.http import HTMX_STOP_POLLING


@require_GET
def panel(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """The part of a decision's page that offers the explanation or leads to it."""
    actor = actor_of(request)
    decision = trail.decision_for(actor, identifier)
    actor.need_sight(Permission.DECISION_EXPLAIN)
    context = {
        "decision": decision,
        "explanation": queries.explanation_of(identifier),
        "disputes": queries.disputes_visible_to(actor).filter(decision_id=identifier),
        "may_dispute": actor.may(Permission.DISPUTE_OPEN),
        "erased_on": trail.erased_on(identifier),
    }
    return render(request, "explain/panel.html" if request.htmx else "explain/panel_page.html", context)


@require_POST
def explain_decision(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """Ask for the explanation of a decision and go to its page."""
    actor = actor_of(request)
    decision = trail.decision_for(actor, identifier)
    reason = request.POST.get("reason", "")[:2_000]
    explanation = services.request_explanation(actor=actor, decision=decision, reason=reason, now=timezone.now())
    return redirect("explain:explanation", identifier=explanation.id)


@require_GET
def explanation(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """One explanation: its clock while it is made, its report afterwards; the reading is recorded."""
    actor = actor_of(request)
    found = queries.explanation_for(actor, identifier)
    if found.report is not None:
        services.record_reading(actor=actor, explanation=found)
    return render(request, "explain/explanation.html", _explanation_context(found))


@require_GET
def progress(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """How far an explanation is, asked for by the page until it is finished; then the page is loaded anew."""
    found = queries.explanation_for(actor_of(request), identifier)
    context = {"explanation": found}
    if not found.is_finished:
        return render(request, "explain/explanation.html#progress", context)
    response = render(request, "explain/explanation.html#progress", context, status=HTMX_STOP_POLLING)
    response["HX-Refresh"] = "true"
    return response


@require_GET
def disputes(request: HttpRequest) -> HttpResponse:
    """Open disputes by deadline, then the others."""
    actor = actor_of(request)
    actor.need_sight(Permission.DISPUTE_LIST)
    found = queries.disputes_visible_to(actor)
    state = request.GET.get("state", "")
    rows = found.filter(state=state) if state else found
    return render(request, "explain/disputes.html", {"disputes": rows[:200], "state": state, "now": timezone.now()})


@require_GET
def dispute(request: HttpRequest, number: int) -> HttpResponse:
    """One case."""
    actor = actor_of(request)
    found = queries.dispute_for(actor, number)
    context = {
        "dispute": found,
        "decision": trail.decision_for(actor, found.decision_id),
        "output": trail.output_of(found.decision_id),
        "erased_on": trail.erased_on(found.decision_id),
        "may_explain": actor.may(Permission.DECISION_EXPLAIN),
        "now": timezone.now(),
    }
    return render(request, "explain/dispute.html", context)


@require_POST
def explain_dispute(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the explanation of a dispute's decision and go to its page."""
    actor = actor_of(request)
    found = queries.dispute_for(actor, number)
    decision = trail.decision_for(actor, found.decision_id)
    made = services.explain_dispute(actor=actor, dispute=found, decision=decision, now=timezone.now())
    return redirect("explain:explanation", identifier=made.id)


@require_http_methods(["GET", "POST"])
def open_dispute(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """Open a dispute about a decision."""
    actor = actor_of(request)
    actor.need_sight(Permission.DISPUTE_OPEN)
    decision = trail.decision_for(actor, identifier)
    form = DisputeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            opened = services.open_dispute(actor=actor, decision=decision, now=timezone.now(), **form.cleaned_data)
        except Invalid as refusal:
            for problem in refusal.details:
                form.add_error(problem.path, problem.problem)
        else:
            return redirect("explain:dispute", number=opened.number)
    return render(request, "explain/open_dispute.html", {"decision": decision, "form": form})


def _explanation_context(found: Explanation) -> dict[str, Any]:
    context: dict[str, Any] = {"explanation": found, "report": found.report}
    if found.report:
        version = registry.version_that_decided(found.system, found.version)
        context |= charts.report_context(found.report, version.spec)
    return context
