"""Pages of exports and searches."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.exports import files, queries, services
from audit.exports.forms import ExportForm, SearchForm, initial_of
from audit.models import Job
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Invalid, Refusal
from portal.http import part


@require_http_methods(["GET", "POST"])
def exports(request: HttpRequest) -> HttpResponse:
    """Ask for an export, and see how far one's own are."""
    actor = actor_of(request)
    actor.need_sight(Permission.TRAIL_EXPORT)
    form = ExportForm(request.POST or None, actor=actor, initial=initial_of(request.GET, timezone.now()))
    if request.method == "POST" and form.is_valid():
        try:
            services.request_export(actor=actor, now=timezone.now(), **form.cleaned_data)
        except (Conflict, Invalid) as refusal:
            _show(form, refusal)
        else:
            messages.success(request, "The export is being made. You find it below.")
            return redirect("audit:exports")
    context = {"form": form, **_jobs(queries.jobs_visible_to(actor, Job.Kind.EXPORT))}
    if form.errors:
        return render(request, "audit/exports.html", context, status=422)
    return part(request, "audit/exports.html", "jobs", context)


@require_GET
def download(request: HttpRequest, identifier: uuid.UUID) -> HttpResponseBase:
    """The file of one's own export."""
    return files.as_download(queries.file_for(actor_of(request), identifier))


@require_POST
def cancel(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """Stop one's own export or search."""
    actor = actor_of(request)
    job = queries.job_for(actor, identifier)
    services.cancel_job(actor=actor, job=job, now=timezone.now())
    messages.success(request, "Cancelled. Nothing of it is kept.")
    return redirect("audit:exports" if job.kind == Job.Kind.EXPORT else "audit:searches")


@require_http_methods(["GET", "POST"])
def searches(request: HttpRequest) -> HttpResponse:
    """Ask for a search, and find one's own."""
    actor = actor_of(request)
    actor.need_sight(Permission.DECISION_READ)
    form = SearchForm(request.POST or None, initial=initial_of(request.GET, timezone.now()))
    if request.method == "POST" and form.is_valid():
        facts = {name: form.cleaned_data[name] for name in ("system", "since", "until", "purpose")}
        try:
            job = services.request_search(actor=actor, sought=form.sought(), now=timezone.now(), **facts)
        except (Conflict, Invalid) as refusal:
            _show(form, refusal)
        else:
            return redirect("audit:search", identifier=job.id)
    context = {"form": form, **_jobs(queries.jobs_visible_to(actor, Job.Kind.SEARCH))}
    return render(request, "audit/searches.html", context, status=422 if form.errors else 200)


@require_GET
def search(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """One search: how far it is, then the decisions that it found."""
    actor = actor_of(request)
    job = queries.search_for(actor, identifier)
    context = {"job": job, "hits": queries.hits_of(actor, job)}
    return part(request, "audit/search.html", "state", context)


def _jobs(found: Any) -> dict[str, Any]:
    jobs = list(found[: queries.MOST_LISTED])
    return {"jobs": jobs, "is_waiting": any(not job.is_finished for job in jobs)}


def _show(form: Form, refusal: Refusal) -> None:
    """The refusal in the form, each part at its field where it has one here."""
    for problem in refusal.details:
        form.add_error(problem.path if problem.path in form.fields else None, f"It {problem.problem}.")
    if not refusal.details:
        form.add_error(None, refusal.message)
