"""The page on which other values are tried, and its answer."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from explain import explaining
from explain.reviewing.forms import CorrectionForm
from explain.services import record_reading
from explain.trying import queries, services
from explain.trying.outcomes import outcome_context
from portal.accounts.authentication import actor_of
from registry.scoring.schema import validator

PAGE = "explain/trying.html"
# A new process, a model that is loaded anew and an answer, on a busy machine (s).
PATIENCE_S = 30.0


@require_http_methods(["GET", "POST"])
def try_values(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """The form with the recorded values; what is sent with it is answered by the version that decided."""
    actor = actor_of(request)
    start = queries.start_for(actor, identifier)
    features = start.version.spec.inputs.features
    form = CorrectionForm(features, start.inputs, request.POST or None)
    context = {"start": start, "explanation": start.explanation, "form": form, "sides": _sides(form)}
    if request.method == "GET":
        # The form holds what was recorded of the person; each trial afterwards is recorded for itself.
        record_reading(actor=actor, explanation=start.explanation)
        # So that the model is loaded while the person looks at the form.
        explaining.warm_trying(start.version)
        return render(request, f"{PAGE}#panel" if request.htmx else PAGE, context)
    if form.is_valid():
        context |= _tried(request, start, form)
    part = f"{PAGE}#outcome" if request.htmx else PAGE
    # htmx shows no refusal: it is part of the answer.
    return render(request, part, context, status=200 if request.htmx or form.is_valid() else 422)


def _tried(request: HttpRequest, start: queries.Start, form: CorrectionForm) -> dict[str, object]:
    spec, changed = start.version.spec, form.changes
    nullable = {feature.name for feature in spec.inputs.features if feature.nullable}
    inputs = {**start.inputs, **changed}
    inputs = {name: value for name, value in inputs.items() if value is not None or name in nullable}
    for problem in validator(spec.inputs)(inputs):
        name = problem.path.removeprefix("inputs.")
        form.add_error(name if name in form.fields else None, problem.problem)
    if form.errors:
        return {}
    services.record_trial(actor=actor_of(request), explanation=start.explanation, changed=changed)
    try:
        answer = explaining.try_inputs(start.version, inputs, seed=start.report["seed"], seconds=PATIENCE_S)
    except explaining.CannotExplain as error:
        return {"failure": str(error)}
    return outcome_context(answer, start.report, list(changed), spec)


def _sides(form: CorrectionForm) -> list[dict[str, object]]:
    """What a person can act on first; the rest behind."""
    acts = [form[name] for name, feature in form.features.items() if feature.actionable and not feature.protected]
    rest = [form[name] for name, feature in form.features.items() if not feature.actionable or feature.protected]
    sides = [("What a person can change", acts), ("The other inputs" if acts else "The inputs", rest)]
    return [{"title": title, "fields": fields} for title, fields in sides if fields]
