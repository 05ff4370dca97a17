"""Pages of reports about incidents: the editor, the PDF, what was sent, and what is written with authorities."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Invalid
from portal.forms import cleaned, show
from portal.http import upload_refusal_of
from registry.incidents.forms import now_to_the_minute
from registry.incidents.queries import incident_for
from registry.incidents.reporting import queries, services
from registry.incidents.reporting.forms import MessageForm, ReportForm, SendForm
from registry.models import Incident, IncidentReport


@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, number: int) -> HttpResponse:
    """The editor; each saving is a version. Where somebody saved one in between, theirs stands beside yours."""
    actor = actor_of(request)
    found = incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    form = ReportForm(request.POST or None, initial=_begin_with(found))
    theirs: IncidentReport | None = None
    if request.method == "POST" and form.is_valid():
        facts = {"stage": form.cleaned_data["stage"], "sections": form.sections}
        facts["expected_number"] = form.cleaned_data["expected_number"]
        try:
            made = services.save_report(actor=actor, incident=found, now=timezone.now(), **facts)
        except Invalid as refusal:
            show(form, refusal)
        except Conflict as refusal:
            show(form, refusal)
            theirs = queries.latest_report(found)
            form.data = form.data.copy()
            form.data["expected_number"] = theirs.number if theirs else 0
        else:
            messages.success(request, f"Version {made.number} of the report is saved.")
            return redirect("registry:incident_report", number=number)
    newest = queries.latest_report(found)
    context = {
        "incident": found,
        "form": form,
        "theirs": theirs,
        "newest": newest,
        "is_sent": newest is not None and hasattr(newest, "filing"),
        "is_behind": newest is not None and queries.is_behind(found, newest),
        "send_form": _send_form(newest),
    }
    return render(request, "registry/incident_report.html", context, status=422 if form.errors else 200)


@require_GET
def pdf(request: HttpRequest, number: int, version: int) -> HttpResponse:
    """A saved version as PDF/A; of one that was sent, the very bytes."""
    found = queries.report_for(actor_of(request), number, version)
    headers = {"Content-Disposition": f'inline; filename="incident-{number}-report-{version}.pdf"'}
    return HttpResponse(queries.pdf_of(found), content_type="application/pdf", headers=headers)


@require_POST
def send(request: HttpRequest, number: int) -> HttpResponse:
    """Note down that the report was sent."""
    actor = actor_of(request)
    found = incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    wanted = cleaned(SendForm(request.POST))
    filing = services.send_report(actor=actor, incident=found, now=timezone.now(), **wanted)
    messages.success(request, f"Noted down: version {filing.report.number} is with {filing.authority}, and frozen.")
    return redirect("registry:incident", number=number)


@require_POST
def keep_message(request: HttpRequest, number: int) -> HttpResponse:
    """Keep what was written with an authority, with a file where there is one."""
    actor = actor_of(request)
    found = incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    form = MessageForm(request.POST, request.FILES)
    if refusal := upload_refusal_of(request):
        raise refusal
    wanted = cleaned(form)
    if file := wanted["file"]:
        wanted["file"] = file.name, file.read()
    services.keep_message(actor=actor, incident=found, now=timezone.now(), **wanted)
    messages.success(request, "The message is kept with the case.")
    return redirect("registry:incident", number=number)


def _begin_with(found: Incident) -> dict[str, object]:
    newest = queries.latest_report(found)
    facts = {"stage": newest.stage, "expected_number": newest.number} if newest else {"expected_number": 0}
    return {**queries.sections_to_start_from(found), **facts}


def _send_form(newest: IncidentReport | None) -> SendForm | None:
    if newest is None or hasattr(newest, "filing"):
        return None
    return SendForm(initial={"number": newest.number, "sent_at": now_to_the_minute()}, auto_id="send_%s")
