"""Pages of the risk register: the matrix and the list, one risk with its history, writing and accepting."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Invalid
from portal.forms import cleaned, show
from registry.models import Risk, System
from registry.queries import current_release, version_for
from registry.risks import queries, services
from registry.risks.forms import (
    AcceptAllForm,
    AcceptForm,
    ControlFormSet,
    ReviseForm,
    RiskForm,
    controls_in,
    initial_of,
)
from registry.risks.rating import LIKELIHOOD, SEVERITY, cells, level_of


@require_GET
def risks(request: HttpRequest, slug: str) -> HttpResponse:
    """The register: the matrix of what is left, the list, and the yes to the whole of it."""
    actor = actor_of(request)
    system = queries.register_for(actor, slug)
    lines = queries.lines_of(system, timezone.now().date())
    release = current_release(system)
    context = {
        "system": system,
        "lines": lines,
        "matrix": _matrix(lines),
        "likelihoods": list(LIKELIHOOD.values()),
        "late": [line for line in lines if line.is_overdue],
        "overall": queries.overall_of(release.version, lines) if release and lines else None,
        "form": _accept_all_form(release, lines) if release else None,
        "may_write": actor.may(Permission.RISK_WRITE),
        "may_accept": actor.may(Permission.RISK_ACCEPT),
    }
    return render(request, "registry/risks.html", context)


@require_http_methods(["GET", "POST"])
def record(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a new risk down."""
    actor = actor_of(request)
    system = queries.register_for(actor, slug)
    actor.need(Permission.RISK_WRITE)
    form, controls = RiskForm(request.POST or None), ControlFormSet(request.POST or None, prefix="controls")
    if request.method == "POST" and form.is_valid() and controls.is_valid():
        written = form.written(controls_in(controls))
        try:
            made = services.record_risk(actor=actor, system=system, written=written, now=timezone.now())
        except Invalid as refusal:
            show(form, refusal)
        else:
            messages.success(request, f"Risk {made.number} is in the register, and waits to be accepted.")
            return redirect("registry:risk", slug=slug, number=made.number)
    return _writing(request, system, form, controls)


@require_GET
def risk(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One risk as it stands, and every revision before."""
    actor = actor_of(request)
    found = queries.risk_for(actor, slug, number)
    line = queries.line_of(found, timezone.now().date())
    is_own = line.revision.written_by == actor.label
    context = {
        "system": found.system,
        "line": line,
        "controls": queries.controls_of(line.revision),
        "revisions": found.revisions.select_related("acceptance"),
        "may_write": actor.may(Permission.RISK_WRITE),
        "may_accept": actor.may(Permission.RISK_ACCEPT) and line.state == "open",
        "is_own": is_own,
        "form": AcceptForm(initial={"expected_number": line.revision.number}),
    }
    return render(request, "registry/risk.html", context)


@require_http_methods(["GET", "POST"])
def revise(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Write a risk anew; where somebody did in between, theirs is shown and yours stays in the boxes."""
    actor = actor_of(request)
    found = queries.risk_for(actor, slug, number)
    actor.need(Permission.RISK_WRITE)
    newest = queries.line_of(found, timezone.now().date())
    form = ReviseForm(request.POST or None, initial=initial_of(newest.revision))
    # What is sent is compared with nothing: a control that stays as it was must not be taken for one left empty.
    began = {} if request.method == "POST" else {"initial": newest.revision.controls}
    controls = ControlFormSet(request.POST or None, prefix="controls", **began)
    theirs = None
    if request.method == "POST" and form.is_valid() and controls.is_valid():
        facts = {name: form.cleaned_data[name] for name in ("reason", "expected_number")}
        written = form.written(controls_in(controls))
        try:
            made = services.revise_risk(actor=actor, risk=found, written=written, now=timezone.now(), **facts)
        except Invalid as refusal:
            show(form, refusal)
        except Conflict as refusal:
            show(form, refusal)
            theirs = queries.line_of(found, timezone.now().date())
            form.data = form.data.copy()
            form.data["expected_number"] = theirs.revision.number
        else:
            messages.success(request, f"Revision {made.number} is kept.")
            return redirect("registry:risk", slug=slug, number=number)
    return _writing(request, found.system, form, controls, risk=found, theirs=theirs)


@require_POST
def accept(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Accept what is left of a risk."""
    actor = actor_of(request)
    found = queries.risk_for(actor, slug, number)
    actor.need(Permission.RISK_ACCEPT)
    services.accept_risk(actor=actor, risk=found, now=timezone.now(), **cleaned(AcceptForm(request.POST)))
    messages.success(request, f"What is left of risk {number} is accepted, as it is written now.")
    return redirect("registry:risk", slug=slug, number=number)


@require_POST
def accept_all(request: HttpRequest, slug: str) -> HttpResponse:
    """Accept all that is left of a version's risks together."""
    actor = actor_of(request)
    queries.register_for(actor, slug)
    actor.need(Permission.RISK_ACCEPT)
    wanted = cleaned(AcceptAllForm(request.POST))
    version = version_for(actor, slug, wanted.pop("version"))
    services.accept_residual(actor=actor, version=version, now=timezone.now(), **wanted)
    messages.success(request, f"The overall residual risk of version {version.number} is accepted.")
    return redirect("registry:risks", slug=slug)


def _writing(
    request: HttpRequest,
    system: System,
    form: RiskForm,
    controls: Any,
    *,
    risk: Risk | None = None,
    theirs: queries.Line | None = None,
) -> HttpResponse:
    is_wrong = bool(form.errors) or (request.method == "POST" and not controls.is_valid())
    context = {"system": system, "form": form, "controls": controls, "risk": risk, "theirs": theirs}
    return render(request, "registry/write_risk.html", context, status=422 if is_wrong else 200)


def _matrix(lines: list[queries.Line]) -> list[dict[str, Any]]:
    rated = [
        (line.risk.number, line.revision.residual_severity, line.revision.residual_likelihood)
        for line in lines
        if line.state != "closed"
    ]
    return [
        {
            "severity": SEVERITY[5 - place],
            "cells": [{"rating": rating, "level": level_of(rating), "risks": numbers} for rating, numbers in row],
        }
        for place, row in enumerate(cells(rated))
    ]


def _accept_all_form(release: Any, lines: list[queries.Line]) -> AcceptAllForm:
    seen = queries.digest_of(queries.snapshot(lines))
    return AcceptAllForm(initial={"version": release.version.number, "expected": seen})
