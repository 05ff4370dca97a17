"""The pages that say what a system is under the AI Act and what follows, who provides it, and how it is registered."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.addresses import number_in
from portal.errors import Conflict, Hidden, Invalid
from portal.forms import show
from registry import queries
from registry.classification import queries as classifying
from registry.classification import registering, services
from registry.classification.dates import calendar, is_legacy
from registry.classification.duties import risk_reason
from registry.classification.facts import MEMBER_STATES
from registry.classification.forms import (
    ClassificationForm,
    OrganisationForm,
    RegistrationForm,
    RevisedForm,
    answered,
    described,
    registered,
)
from registry.classification.overview import duties_of
from registry.models import System, SystemClassification

FILES = {
    "json": (registering.as_json, "application/json"),
    "csv": (registering.as_csv, "text/csv; charset=utf-8"),
    "md": (registering.as_markdown, "text/markdown; charset=utf-8"),
}


@require_GET
def classification(request: HttpRequest, slug: str) -> HttpResponse:
    """What the system is, why, what follows and when; every revision, and what changed between two."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    revisions = list(system.classifications.all())
    context: dict[str, Any] = {
        "system": system,
        "revisions": revisions,
        "may_classify": actor.may(Permission.SYSTEM_CLASSIFY),
        "us": classifying.organisation(),
    }
    if revisions:
        context |= _what_follows(system, revisions[0]) | _compared(revisions, request.GET)
    return render(request, "registry/classification.html", context)


def _what_follows(system: System, row: SystemClassification) -> dict[str, Any]:
    about = classifying.classification_of(system)
    assert about is not None
    today = timezone.now().date()
    duties = list(duties_of(about))
    return {
        "row": row,
        "about": about,
        "reason": risk_reason(about),
        "answers": classifying.answers_of(row),
        "prohibited": classifying.prohibited_in(system, today),
        "binding": [duty for duty in duties if duty.said.applies],
        "others": [duty for duty in duties if not duty.said.applies],
        "calendar": calendar(about, today),
        "is_legacy": is_legacy(about),
        "today": today,
    }


def _compared(revisions: list[SystemClassification], asked: Any) -> dict[str, Any]:
    """What two revisions say otherwise: those that were asked for, else the newest two."""
    by_number = {row.revision: row for row in revisions}
    given = (number_in(asked.get(name, "")) for name in ("older", "newer"))
    numbers = [number for number in given if number in by_number]
    if len(numbers) != 2:
        numbers = sorted(by_number)[-2:]
    if len(numbers) < 2:
        return {}
    older, newer = (by_number[number] for number in numbers)
    return {"older": older, "newer": newer, "differences": classifying.differences(older, newer)}


@require_http_methods(["GET", "POST"])
def classify(request: HttpRequest, slug: str) -> HttpResponse:
    """The questions; where the answers move the system to another risk class, what that changes comes first."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    actor.need_sight(Permission.SYSTEM_CLASSIFY)
    newest = classifying.newest_of(system)
    form = ClassificationForm(request.POST or None, initial=answered(newest, system.annex_iii_point))
    context: dict[str, Any] = {"system": system, "form": form, "us": classifying.organisation(), "newest": newest}
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = services.classify_system(
                actor=actor,
                system=system,
                answers=form.answers,
                expected_revision=said["expected_revision"],
                accepted_risk_class=said["accepted_risk_class"],
                reason=said["reason"],
                now=timezone.now(),
            )
        except Invalid as refusal:
            if refusal.code == services.RISK_CLASS_CHANGES:
                context["moving"] = classifying.moving_to(system, refusal.details[0].problem)
            else:
                show(form, refusal)
        except Conflict as refusal:
            _show_conflict(form, refusal, newest)
        else:
            messages.success(request, f"{system.name} is classified: {made.get_risk_class_display()}.")
            return redirect("registry:classification", slug=slug)
    status = 422 if form.errors or "moving" in context else 200
    return render(request, "registry/classify.html", context, status=status)


@require_http_methods(["GET", "POST"])
def describe_us(request: HttpRequest) -> HttpResponse:
    """Who we are; a compliance officer changes it."""
    actor = actor_of(request)
    actor.need_sight(Permission.SYSTEM_VIEW)
    if request.method == "POST":
        actor.need(Permission.SYSTEM_CLASSIFY)
    newest = classifying.organisation()
    form = OrganisationForm(request.POST or None, initial=described(newest))
    if request.method == "POST" and form.is_valid():
        try:
            services.describe_organisation(actor=actor, facts=form.facts, now=timezone.now(), **_asked(form))
        except Conflict as refusal:
            _show_conflict(form, refusal, newest)
        else:
            messages.success(request, "The organisation is described; every paper says so from now on.")
            return redirect("registry:organisation")
    context = {
        "us": newest,
        "states": [MEMBER_STATES.get(code, code) for code in newest.member_states] if newest else [],
        "revisions": classifying.organisation_revisions(),
        "form": form if actor.may(Permission.SYSTEM_CLASSIFY) else None,
    }
    return render(request, "registry/organisation.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def registration(request: HttpRequest, slug: str) -> HttpResponse:
    """The sections of Annex VIII that are for us, filled, and what is missing; a compliance officer adds to it."""
    actor = actor_of(request)
    system = queries.system_for(actor, slug)
    if request.method == "POST":
        actor.need(Permission.SYSTEM_CLASSIFY)
    about, newest = classifying.classification_of(system), classifying.registration_of(system)
    form = RegistrationForm(request.POST or None, initial=registered(newest), about=about)
    if request.method == "POST" and form.is_valid():
        try:
            services.describe_registration(
                actor=actor, system=system, facts=form.facts, now=timezone.now(), **_asked(form)
            )
        except Conflict as refusal:
            _show_conflict(form, refusal, newest)
        else:
            messages.success(request, "The registration data are kept.")
            return redirect("registry:registration", slug=slug)
    sections = registering.sections_of(system, about)
    context = {
        "system": system,
        "sections": sections,
        "missing": sum(section.missing for section in sections if section.said.applies),
        "about": about,
        "newest": newest,
        "revisions": system.registrations.all(),
        "form": form if actor.may(Permission.SYSTEM_CLASSIFY) else None,
    }
    return render(request, "registry/registration.html", context, status=422 if form.errors else 200)


@require_GET
def registration_file(request: HttpRequest, slug: str, form: str) -> HttpResponse:
    """The registration data as a file: `json`, `csv` or `md`."""
    system = queries.system_for(actor_of(request), slug)
    if form not in FILES:
        raise Hidden
    write, content_type = FILES[form]
    sections = registering.sections_of(system, classifying.classification_of(system))
    headers = {"Content-Disposition": f'attachment; filename="{slug}-registration.{form}"'}
    return HttpResponse(write(system, sections, timezone.now()), content_type, headers=headers)


def _asked(form: RevisedForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("expected_revision", "reason")}


def _show_conflict(form: RevisedForm, refusal: Conflict, newest: Any) -> None:
    """The form with what was written, about the newest revision from now on."""
    show(form, refusal)
    form.see_newest(newest.revision if newest else 0)
