"""Pages of explanations."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

import audit.queries as trail
import registry.queries as registry
from explain import charts, queries, services
from explain.disputes.queries import check_not_blind, disputes_visible_to
from explain.letters.languages import language_of
from explain.models import Explanation
from explain.telling import protected_used, titles_of
from explain.wording.queries import FIRST_LANGUAGE, reasons_of
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
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
        "disputes": disputes_visible_to(actor).filter(decision_id=identifier),
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
    explanation = services.request_explanation(
        actor=actor, decision=decision, reason=reason, now=timezone.now(), again="again" in request.POST
    )
    return redirect("explain:explanation", identifier=explanation.id)


@require_GET
def explanation(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """One explanation: its clock while it is made, its report afterwards; the reading is recorded."""
    actor = actor_of(request)
    found = queries.explanation_for(actor, identifier)
    check_not_blind(actor, found.decision_id)
    report = services.read_report(actor=actor, explanation=found)
    disputes = disputes_visible_to(actor).filter(decision_id=found.decision_id, closed_at=None)
    context = _explanation_context(found, report)
    context |= {"may_ask": actor.may(Permission.DECISION_EXPLAIN), "disputes": disputes}
    return render(request, "explain/explanation.html", context)


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


def _explanation_context(found: Explanation, report: dict[str, Any] | None) -> dict[str, Any]:
    context: dict[str, Any] = {"explanation": found, "report": report}
    if report:
        version = registry.version_that_decided(found.system, found.version)
        context |= charts.report_context(report, version.spec)
        context["reasons"] = reasons_of(found.system, language_of(FIRST_LANGUAGE).value, report, version.spec)
        context["protected"] = titles_of(protected_used(report, version.spec), version.spec)
    return context
