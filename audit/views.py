"""The trail's pages: decisions, one decision, and the acts of people."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import proofs, queries, services
from audit.forms import CursorForm, DecisionPageForm, PurposeForm
from audit.models import Entry
from audit.withholding import withhold
from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Malformed
from portal.http import part
from portal.queue import after_commit


@require_GET
def decisions(request: HttpRequest) -> HttpResponse:
    """Decisions, newest first, narrowed by the filters in the address."""
    actor = actor_of(request)
    actor.need_sight(Permission.DECISION_LIST)
    form = DecisionPageForm(request.GET)
    if not actor.may(Permission.DECISION_READ):
        # Who may not read a person's data may not learn either which decisions are about a person.
        del form.fields["subject"]
    found = queries.decisions_visible_to(actor).none()
    if form.is_valid():
        found = queries.decisions_found(actor, form.wanted())
    narrowing = [name for name in form.fields if name != "period"]
    context = {
        "form": form,
        "is_filtered": any(form.data.get(name) for name in narrowing),
        "may_export": actor.may(Permission.TRAIL_EXPORT),
        "may_search": actor.may(Permission.DECISION_READ),
    }
    try:
        with queries.bounded():
            context |= {**_page(request, found), "about": queries.about(found)}
    except queries.TooMuch as refusal:
        context["refusal"] = refusal.message
    return part(request, "audit/decisions.html", "rows", context)


@require_http_methods(["GET", "POST"])
def decision(request: HttpRequest, identifier: uuid.UUID) -> HttpResponse:
    """One decision; by POST with a purpose also the person's data, and that reading is recorded."""
    actor = actor_of(request)
    entry = queries.decision_for(actor, identifier)
    form = PurposeForm(request.POST or None)
    context = {
        "entry": entry,
        "facts": queries.facts_of(entry),
        "check": queries.check_entry(entry),
        "leaf": bytes(entry.leaf_hash).hex(),
        "output": queries.output_for(actor, entry.id),
        "form": form,
        "erased_on": queries.erased_on(entry.id),
        "place": proofs.place_of(entry.id),
        "may_read": actor.may(Permission.DECISION_READ),
        "may_request_erasure": actor.may(Permission.ERASURE_REQUEST),
        "may_open_incident": actor.may(Permission.INCIDENT_OPEN),
        "may_explain": actor.may(Permission.DECISION_EXPLAIN) and entry.status == "answered",
    }
    if request.method == "POST" and form.is_valid():
        context["read"] = _read(request, entry, form)
    return render(request, "audit/decision.html", context)


@require_GET
def trail(request: HttpRequest) -> HttpResponse:
    """Acts of people and processes, newest first."""
    actor = actor_of(request)
    actor.need_sight(Permission.TRAIL_VIEW)
    heartbeats = "heartbeats" in request.GET
    context = {"heartbeats": heartbeats, **_page(request, queries.acts_visible_to(actor, heartbeats=heartbeats))}
    texts = queries.texts_of(entry.id for entry in context["page"].entries)
    for entry in context["page"].entries:
        entry.text = texts.get(entry.id, "")
    context["may_export"] = actor.may(Permission.TRAIL_EXPORT)
    return part(request, "audit/trail.html", "rows", context)


@require_GET
def integrity(request: HttpRequest) -> HttpResponse:
    """Whether the record is whole, as far as it was checked, and who else says so."""
    actor = actor_of(request)
    actor.need_sight(Permission.TRAIL_VIEW)
    state, now = proofs.state(), timezone.now()
    verifications = list(proofs.verifications()[:5])
    context = {
        "state": state,
        "problems": state.problems(now),
        "checkpoints": proofs.checkpoints()[:20],
        "origin": settings.LOG_ORIGIN,
        "key_id": proofs.log_signer().key_id.hex(),
        "witnesses": proofs.witnesses(),
        "stamps": proofs.stamps()[:5],
        "contradicted": proofs.contradiction(),
        "verifications": verifications,
        "latest": verifications[0] if verifications else None,
        "may_verify": actor.may(Permission.TRAIL_VERIFY),
        "tsa": settings.TSA_URL,
    }
    return part(request, "audit/integrity.html", "state", context)


@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Have the whole trail checked now, in the background; the result appears on the integrity page."""
    actor_of(request).need(Permission.TRAIL_VERIFY)
    with transaction.atomic():
        after_commit("audit.verifying.tasks.verify")
    messages.success(request, "The check has begun. Its result appears here when it is done.")
    return redirect("audit:integrity")


@transaction.atomic
def _read(request: HttpRequest, entry: Entry, form: PurposeForm) -> dict[str, Any]:
    services.record_reading(actor=actor_of(request), entry=entry, purpose=form.words())
    content = queries.inputs_of(entry.id) or {"subject": None, "inputs": None}
    return {**content, "body": queries.body_of(entry.id)}


def _page(request: HttpRequest, entries: Any) -> dict[str, Any]:
    cursor = CursorForm(request.GET)
    if not cursor.is_valid():
        raise Malformed("This page's address is not one of ours; start from the first page.")
    page = queries.page_of(entries, before=cursor.cleaned_data["before"], after=cursor.cleaned_data["after"])
    withhold(actor_of(request), page.entries)
    parameters = request.GET.copy()
    for name in ("before", "after"):
        parameters.pop(name, None)
    return {"page": page, "query": parameters.urlencode()}
