"""The pages of the review: a first view where it is blind, corrections, and the ruling."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

import audit.queries as trail
from audit.models import Entry
from explain.disputes import queries as cases
from explain.disputes.forms import MoveForm
from explain.disputes.history import ageing_of
from explain.disputes.services import record_case_reading
from explain.lifecycle import DisputeState
from explain.models import Correction, Dispute
from explain.reviewing import queries, services
from explain.reviewing.forms import CorrectionForm, FirstViewForm, RulingForm
from explain.services import read_report
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Forbidden, Invalid
from portal.forms import cleaned, show
from portal.http import HTMX_STOP_POLLING
from registry.scoring.manifest import Manifest


@require_POST
def start(request: HttpRequest, number: int) -> HttpResponse:
    """Take the review of a case."""
    actor = actor_of(request)
    found = cases.dispute_for(actor, number)
    services.start_review(actor=actor, dispute=found, now=timezone.now(), **cleaned(MoveForm(request.POST)))
    return redirect("explain:review", number=number)


@require_GET
def review(request: HttpRequest, number: int) -> HttpResponse:
    """What the reviewer sees and decides; the reading is recorded."""
    actor = actor_of(request)
    found = _to_review(actor, number)
    if found.reviewer != actor.label or found.state != DisputeState.IN_REVIEW:
        return redirect("explain:dispute", number=number)
    record_case_reading(actor=actor, disputes=[found])
    return _page(request, actor, _context(actor, found))


@require_POST
def write_first_view(request: HttpRequest, number: int) -> HttpResponse:
    """Keep the first view, and show what the model answered."""
    actor = actor_of(request)
    found = _to_review(actor, number)
    words = cleaned(FirstViewForm(request.POST))["words"]
    services.write_first_view(actor=actor, dispute=found, words=words, now=timezone.now())
    messages.success(request, "Your first view is kept. Now you see what the model answered.")
    return redirect("explain:review", number=number)


@require_POST
def correct(request: HttpRequest, number: int) -> HttpResponse:
    """Have corrected inputs scored again."""
    actor = actor_of(request)
    found = _as_reviewer(actor, number)
    context = _context(actor, found)
    form = _correction_form(context["spec"], context["inputs"], request.POST)
    if form is None:
        raise Invalid("The version that decided is not in the registry, so nothing can be scored again.")
    if form.is_valid():
        facts = {"decision": context["decision"], "changes": form.changes, "now": timezone.now()}
        try:
            services.correct_inputs(actor=actor, dispute=found, **facts)
        except Invalid as refusal:
            details = [problem._replace(path=problem.path.removeprefix("inputs.")) for problem in refusal.details]
            show(form, Invalid(refusal.message, details=details))
        else:
            return redirect("explain:review", number=number)
    return _page(request, actor, {**context, "correction_form": form}, status=422)


@require_GET
def correction(request: HttpRequest, number: int, identifier: uuid.UUID) -> HttpResponse:
    """How far the scoring is, asked for by the page until it is finished."""
    actor = actor_of(request)
    found = queries.correction_for(actor, number, identifier)
    spec = queries.spec_of(trail.decision_for(actor, found.dispute.decision_id))
    status = HTMX_STOP_POLLING if found.is_finished else 200
    context = {"correction": found, "result": queries.result_of(found), "corrected_titles": _titles(found, spec)}
    return render(request, "explain/review.html#correction", context, status=status)


@require_POST
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Decide the case."""
    actor = actor_of(request)
    found = _as_reviewer(actor, number)
    context = _context(actor, found)
    form = RulingForm(request.POST, other_answer=context["other_answer"])
    if form.is_valid():
        try:
            services.decide_dispute(
                actor=actor, dispute=found, decision=context["decision"], now=timezone.now(), **form.cleaned_data
            )
        except (Conflict, Invalid) as refusal:
            if refusal.code not in ("invalid", "not_rescored"):
                raise
            show(form, refusal)
        else:
            messages.success(request, "The case is decided. The letter is next.")
            return redirect("explain:dispute", number=number)
    return _page(request, actor, {**context, "ruling_form": form}, status=422)


def _page(request: HttpRequest, actor: Actor, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The review's page, with the report where it may be seen; that reading is recorded."""
    made = context["dispute"].explanation
    report = read_report(actor=actor, explanation=made) if made and not context["is_blind"] else None
    return render(request, "explain/review.html", {**context, "report": report}, status=status)


def _to_review(actor: Actor, number: int) -> Dispute:
    found = cases.dispute_for(actor, number)
    actor.need_sight(Permission.DISPUTE_REVIEW)
    return found


def _as_reviewer(actor: Actor, number: int) -> Dispute:
    """`Forbidden` for others, before anything of the case is shown to them."""
    found = _to_review(actor, number)
    if found.reviewer != actor.label:
        raise Forbidden("Only the reviewer of the case may do this.")
    return found


def _context(actor: Actor, found: Dispute) -> dict[str, Any]:
    decision = trail.decision_for(actor, found.decision_id)
    is_blind = cases.must_not_see_answer(actor, found)
    spec = queries.spec_of(decision)
    content = trail.inputs_of(decision.id)
    inputs = content["inputs"] if content else None
    newest = queries.correction_of(found)
    return {
        "dispute": found,
        "claim": cases.claim_of(found),
        "ageing": ageing_of(found, timezone.now()),
        "decision": decision,
        "spec": spec,
        "inputs": inputs,
        "input_rows": _rows(spec, inputs),
        "is_blind": is_blind,
        "steps": cases.steps_of(found),
        "files": cases.files_of(found),
        "answer": "" if is_blind else queries.answer_of(decision),
        "output": None if is_blind else trail.output_of(decision.id),
        "correction": newest,
        "result": queries.result_of(newest) if newest else None,
        "corrected_titles": _titles(newest, spec) if newest else [],
        "other_answer": queries.other_answer(decision, spec),
        "first_view_form": FirstViewForm(auto_id="view_%s"),
        "correction_form": _correction_form(spec, inputs, shown=queries.inputs_of(newest) if newest else None),
        "ruling_form": _ruling_form(found, decision, spec, newest),
    }


def _titles(correction: Correction, spec: Manifest | None) -> list[str]:
    features = spec.inputs.by_name if spec else {}
    return [features[name].title if name in features else name for name in correction.changed]


def _rows(spec: Manifest | None, inputs: dict[str, Any] | None) -> list[tuple[str, Any, str]]:
    """What the input is called, its value and its unit, in the order of the schema."""
    if inputs is None:
        return []
    if spec is None:
        return [(name, value, "") for name, value in inputs.items()]
    return [(feature.title, inputs.get(feature.name), feature.unit) for feature in spec.inputs.features]


def _correction_form(
    spec: Manifest | None, inputs: dict[str, Any] | None, data: Any = None, shown: dict[str, Any] | None = None
) -> CorrectionForm | None:
    """The form with what was recorded, or with what was `shown` last; None where nothing can be scored again."""
    return CorrectionForm(spec.inputs.features, inputs, data, shown=shown) if spec and inputs is not None else None


def _ruling_form(
    found: Dispute, decision: Entry, spec: Manifest | None, newest: Correction | None
) -> RulingForm:
    initial = {"expected_state": found.state, "outcome": "corrected" if newest and newest.state == "done" else None}
    return RulingForm(initial=initial, other_answer=queries.other_answer(decision, spec))
