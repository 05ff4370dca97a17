"""Pages of disputes: the queue, one case, what is done in it, and how a system's disputes are handled."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import audit.queries as trail
import registry.queries as registry
from explain.disputes import queries, services
from explain.disputes.forms import (
    AssignForm,
    DisputeForm,
    ExtendForm,
    FileForm,
    IdentityForm,
    MoveForm,
    NoteForm,
    PolicyForm,
    QueueForm,
    ReasonedMoveForm,
)
from explain.disputes.history import ageing_of
from explain.lifecycle import DisputeState
from explain.models import Dispute
from explain.queries import policy_of
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.addresses import number_in, page_by_deadline
from portal.errors import Conflict, Invalid
from portal.forms import cleaned, show
from portal.http import HTMX_STOP_POLLING, as_download, upload_refusal_of

MOST_AT_ONCE = 100


@require_GET
def disputes(request: HttpRequest) -> HttpResponse:
    """The queue by deadline, whose cases they are, and how much lies on each desk."""
    actor = actor_of(request)
    actor.need_sight(Permission.DISPUTE_LIST)
    now = timezone.now()
    form = QueueForm(request.GET)
    kept = request.GET.copy()
    cursor = (kept.pop("cursor", [""]) or [""])[0]
    page = page_by_deadline(queries.disputes_found(actor, form.wanted(), now), cursor) if form.is_valid() else None
    context = {
        "form": form,
        "rows": [(found, ageing_of(found, now)) for found in page.rows] if page else [],
        "next": page.next if page else "",
        "query": kept.urlencode(),
        "loads": queries.workload(actor, now),
        "systems": registry.systems_visible_to(actor),
        "may_explain": actor.may(Permission.DECISION_EXPLAIN),
        "may_manage_letters": actor.may(Permission.LETTER_MANAGE),
        "me": actor.label.removeprefix("user:"),
    }
    return render(request, "explain/disputes.html", context)


@require_POST
def explain_selected(request: HttpRequest) -> HttpResponse:
    """Ask for the explanations of the chosen cases, and go to where their progress is shown."""
    actor = actor_of(request)
    actor.need_sight(Permission.DECISION_EXPLAIN)
    chosen = _chosen(actor, request.POST.getlist("case"))
    if not chosen:
        messages.error(request, "Choose the cases first, by the boxes at their left.")
        return redirect("explain:disputes")
    for found in chosen:
        decision = trail.decision_for(actor, found.decision_id)
        try:
            services.explain_dispute(
                actor=actor, dispute=found, decision=decision, urgent=False, now=timezone.now()
            )
        except Conflict as refusal:
            messages.warning(request, f"Dispute {found.number}: {refusal.message}")
    numbers = "&".join(f"case={found.number}" for found in chosen)
    return redirect(f"{reverse('explain:explaining_selected')}?{numbers}")


@require_GET
def explaining_selected(request: HttpRequest) -> HttpResponse:
    """How far the explanations of the chosen cases are; the address can be kept and looked at again."""
    actor = actor_of(request)
    actor.need_sight(Permission.DECISION_EXPLAIN)
    chosen = _chosen(actor, request.GET.getlist("case"))
    rows = [(found, found.explanation) for found in chosen]
    finished = [found for found, explanation in rows if explanation is None or explanation.is_finished]
    context = {"rows": rows, "finished": len(finished), "is_waiting": len(finished) < len(rows)}
    if not request.htmx:
        return render(request, "explain/explaining.html", context)
    status = 200 if context["is_waiting"] else HTMX_STOP_POLLING
    return render(request, "explain/explaining.html#rows", context, status=status)


@require_GET
def dispute(request: HttpRequest, number: int) -> HttpResponse:
    """One case; the reading is recorded."""
    actor = actor_of(request)
    found = queries.dispute_for(actor, number)
    services.record_case_reading(actor=actor, disputes=[found])
    return render(request, "explain/dispute.html", _case(actor, found, timezone.now()))


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
            show(form, refusal)
        else:
            return redirect("explain:dispute", number=opened.number)
    context = {"decision": decision, "form": form, "days": policy_of(decision.system or "").days}
    return render(request, "explain/open_dispute.html", context)


@require_POST
def explain_dispute(request: HttpRequest, number: int) -> HttpResponse:
    """Ask for the explanation of a dispute's decision and go to its page."""
    actor = actor_of(request)
    found = queries.dispute_for(actor, number)
    decision = trail.decision_for(actor, found.decision_id)
    made = services.explain_dispute(actor=actor, dispute=found, decision=decision, now=timezone.now())
    return redirect("explain:explanation", identifier=made.id)


@require_POST
def assign(request: HttpRequest, number: int) -> HttpResponse:
    """Give the case to somebody."""
    return _act(request, number, services.assign_dispute, AssignForm(request.POST), "The case has its owner.")


@require_POST
def add_note(request: HttpRequest, number: int) -> HttpResponse:
    """Add a note."""
    return _act(request, number, services.add_note, NoteForm(request.POST), "The note is kept with the case.")


@require_POST
def check_identity(request: HttpRequest, number: int) -> HttpResponse:
    """Keep how the person proved who they are."""
    said = "It is kept that you made sure who contests."
    return _act(request, number, services.check_identity, IdentityForm(request.POST), said)


@require_POST
def add_file(request: HttpRequest, number: int) -> HttpResponse:
    """Add a file."""
    actor = actor_of(request)
    found = queries.dispute_for(actor, number)
    actor.need(Permission.DISPUTE_HANDLE)
    form = FileForm(request.POST, request.FILES)
    if refusal := upload_refusal_of(request):
        raise refusal
    file = cleaned(form)["file"]
    services.attach_file(actor=actor, dispute=found, name=file.name, content=file.read(), now=timezone.now())
    messages.success(request, "The file is kept with the case, encrypted.")
    return redirect("explain:dispute", number=number)


@require_GET
def file(request: HttpRequest, number: int, identifier: uuid.UUID) -> HttpResponse:
    """A copy of a file; the download is recorded."""
    actor = actor_of(request)
    found = queries.file_for(actor, number, identifier)
    services.record_download(actor=actor, attachment=found)
    name, content = queries.content_of(found)
    return as_download(content, name=name, media_type=found.media_type)


@require_POST
def extend(request: HttpRequest, number: int) -> HttpResponse:
    """Give the answer more time."""
    said = "The answer has more time. Tell the person why, before the first date."
    return _act(request, number, services.extend_dispute, ExtendForm(request.POST), said)


@require_POST
def close(request: HttpRequest, number: int) -> HttpResponse:
    """End the answered case."""
    return _act(request, number, services.close_dispute, MoveForm(request.POST), "The case is closed.")


@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """End the case without an answer."""
    return _act(request, number, services.withdraw_dispute, ReasonedMoveForm(request.POST), "The case has ended.")


@require_POST
def reopen(request: HttpRequest, number: int) -> HttpResponse:
    """Have the case reviewed anew."""
    said = "The case is open again, and waits for a reviewer."
    return _act(request, number, services.reopen_dispute, ReasonedMoveForm(request.POST), said)


@require_http_methods(["GET", "POST"])
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    """How disputes about a system are handled; compliance officers change it."""
    actor = actor_of(request)
    actor.need_sight(Permission.DISPUTE_LIST)
    system = registry.system_for(actor, slug)
    present = policy_of(slug)
    may_change = actor.may(Permission.DISPUTE_POLICY_MANAGE)
    initial = {name: getattr(present, name) for name in services.POLICY_FIELDS}
    form = PolicyForm(request.POST or None, initial=initial)
    if request.method == "POST":
        actor.need(Permission.DISPUTE_POLICY_MANAGE)
        if form.is_valid():
            wanted = {name: form.cleaned_data[name] for name in services.POLICY_FIELDS}
            facts = {"policy": wanted, "reason": form.cleaned_data["reason"]}
            services.set_policy(actor=actor, system=slug, now=timezone.now(), **facts)
            messages.success(request, "The policy holds from now on; open cases keep their dates.")
            return redirect("explain:dispute_policy", slug=slug)
    context = {"system": system, "policy": present, "form": form if may_change else None}
    return render(request, "explain/dispute_policy.html", context, status=422 if form.errors else 200)


def _act(
    request: HttpRequest, number: int, service: Callable[..., Any], form: forms.Form, said: str
) -> HttpResponse:
    """Have the service do what the form says, and show the case again."""
    actor = actor_of(request)
    found = queries.dispute_for(actor, number)
    service(actor=actor, dispute=found, now=timezone.now(), **cleaned(form))
    messages.success(request, said)
    return redirect("explain:dispute", number=number)


def _chosen(actor: Actor, numbers: list[str]) -> list[Dispute]:
    wanted = [number for text in numbers[:MOST_AT_ONCE] if (number := number_in(text)) is not None]
    return list(queries.disputes_visible_to(actor).filter(pk__in=wanted))


def _case(actor: Actor, found: Dispute, now: datetime) -> dict[str, Any]:
    moves = queries.moves_of(actor, found)
    is_blind = queries.must_not_see_answer(actor, found)
    decision = trail.decision_for(actor, found.decision_id)
    due = found.due_at.date()
    return {
        "dispute": found,
        "claim": queries.claim_of(found),
        "ageing": ageing_of(found, now),
        "decision": decision,
        "output": None if is_blind else trail.output_of(found.decision_id),
        "is_blind": is_blind,
        "erased_on": found.erased_on or trail.erased_on(found.decision_id),
        "steps": queries.steps_of(found),
        "files": queries.files_of(found),
        "related": queries.related_to(actor, found),
        "rulings": found.rulings.all(),
        "letters": found.letters.all(),
        "moves": moves,
        "is_reviewer": found.reviewer == actor.label and found.state == DisputeState.IN_REVIEW,
        "may_handle": actor.may(Permission.DISPUTE_HANDLE),
        "may_explain": actor.may(Permission.DECISION_EXPLAIN),
        "may_extend": found.is_open and not found.extended_at and found.due_at > now,
        "move_form": MoveForm(initial={"expected_state": found.state}, auto_id=False),
        "reason_form": ReasonedMoveForm(initial={"expected_state": found.state}, auto_id="move_%s"),
        "assign_form": AssignForm(initial=_owner(found), auto_id="assign_%s"),
        "note_form": NoteForm(auto_id="note_%s"),
        "identity_form": IdentityForm(auto_id="identity_%s"),
        "file_form": FileForm(auto_id="file_%s"),
        "extend_form": ExtendForm(initial={"due_at": due}, auto_id="extend_%s"),
        "media_types": {"application/pdf": "PDF", "image/png": "PNG", "image/jpeg": "JPEG", "text/plain": "text"},
    }


def _owner(found: Dispute) -> dict[str, str]:
    owner = (found.owner or "").removeprefix("user:")
    return {"username": owner, "expected_owner": owner}
