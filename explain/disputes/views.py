"""Pages of disputes."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import audit.queries as trail
from explain.disputes import queries, services
from explain.disputes.forms import DisputeForm
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Invalid


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
