"""Pages of letters: writing and sending one, reading what was sent, and the templates."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

import audit.queries as trail
from explain.disputes.queries import check_not_blind, dispute_for
from explain.disputes.services import record_case_reading
from explain.letters import queries, services
from explain.letters.forms import LetterForm, NewTemplateForm, TemplateForm
from explain.letters.previewing import Preview, examples_for, preview_of
from explain.letters.templating import BLOCKS, FLAGS, INLINE
from explain.models import Dispute, LetterTemplate
from explain.queries import policy_of
from explain.services import record_reading
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Hidden, Invalid
from portal.forms import show


@require_http_methods(["GET", "POST"])
def compose_letter(request: HttpRequest, number: int) -> HttpResponse:
    """What the letter of a decided case will say; sent by the second button, exactly as it was shown."""
    actor = actor_of(request)
    found = dispute_for(actor, number)
    actor.need_sight(Permission.DISPUTE_ANSWER)
    check_not_blind(actor, found.decision_id)
    if found.state != "decided":
        return redirect("explain:dispute", number=number)
    decision = trail.decision_for(actor, found.decision_id)
    languages = queries.languages_for(policy_of(found.system).jurisdiction)
    sending = request.POST if request.POST.get("act") == "send" else None
    # What is only looked at need not be whole.
    initial = {**_initial(found, languages), **request.POST.dict()}
    form = LetterForm(sending, initial=initial, languages=languages)
    status = 422 if form.is_bound and not form.is_valid() else 200
    if form.is_bound and form.is_valid():
        try:
            sent = services.send_letter(
                actor=actor, dispute=found, decision=decision, now=timezone.now(), **form.cleaned_data
            )
        except (Conflict, Invalid) as refusal:
            if refusal.code == "wrong_state":
                raise
            form.add_error(None, refusal.message)
            status = 409
        else:
            messages.success(request, "The letter is frozen, and its digest is in the trail. Now download and send it.")
            return redirect("explain:letter", number=number, identifier=sent.id)
    record_case_reading(actor=actor, disputes=[found])
    if found.explanation and found.explanation.completeness:
        # The letter's reasons are those of the report.
        record_reading(actor=actor, explanation=found.explanation)
    language, recipient = _wanted(form)
    draft = queries.draft_of(found, decision, language=language, recipient=recipient, now=timezone.now())
    context = {"dispute": found, "draft": draft, "sheet": draft.content, "form": form, "languages": languages}
    return render(request, "explain/compose_letter.html", context, status=status)


@require_GET
def letter(request: HttpRequest, number: int, identifier: uuid.UUID) -> HttpResponse:
    """A letter as it was sent; the reading is recorded."""
    actor = actor_of(request)
    found = queries.letter_for(actor, number, identifier)
    services.record_letter_reading(actor=actor, letter=found)
    context = {
        "letter": found,
        "dispute": found.dispute,
        "sheet": queries.content_of(found),
        "entry": queries.entry_of(found),
    }
    return render(request, "explain/letter.html", context)


@require_GET
def letter_pdf(request: HttpRequest, number: int, identifier: uuid.UUID) -> HttpResponse:
    """The very bytes that were sent; the reading is recorded."""
    actor = actor_of(request)
    found = queries.letter_for(actor, number, identifier)
    services.record_letter_reading(actor=actor, letter=found)
    name = f"letter-{found.dispute_id}-{found.sent_at:%Y-%m-%d}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(queries.pdf_of(found), content_type="application/pdf", headers=headers)


@require_GET
def templates(request: HttpRequest) -> HttpResponse:
    """Every template in force."""
    actor_of(request).need_sight(Permission.LETTER_MANAGE)
    form = NewTemplateForm(request.GET or None)
    if form.is_valid():
        return redirect("explain:letter_template", **form.cleaned_data)
    context = {"templates": queries.templates(), "kinds": queries.KINDS, "form": form}
    return render(request, "explain/letter_templates.html", context)


@require_http_methods(["GET", "POST"])
def template(request: HttpRequest, jurisdiction: str, language: str, kind: str) -> HttpResponse:
    """One template: its text, how a letter made of it looks, what may stand in it, and its versions."""
    actor = actor_of(request)
    actor.need_sight(Permission.LETTER_MANAGE)
    if kind not in queries.KINDS:
        raise Hidden
    where = {"jurisdiction": jurisdiction, "language": language, "kind": kind}
    present = queries.template_for(**where)
    examples = examples_for(actor, kind)
    saving = request.POST if request.method == "POST" and request.POST.get("act") != "look" else None
    initial = request.POST.dict() or _start(present, kind, examples)
    form = TemplateForm(saving, initial=initial, examples=examples)
    status = 422 if form.is_bound and not form.is_valid() else 200
    if form.is_bound and form.is_valid():
        wanted = {name: value for name, value in form.cleaned_data.items() if name != "example"}
        try:
            saved = services.save_template(actor=actor, now=timezone.now(), **where, **wanted)
        except (Conflict, Invalid) as refusal:
            # Whatever is wrong, the words that were typed stay in the form; who has seen why may save them after all.
            show(form, refusal)
            form.data = {**form.data.dict(), "expected_number": queries.number_of(**where)}
            status = refusal.status
        else:
            messages.success(request, f"Version {saved.number} is used from now on. Letters that were sent stay.")
            return redirect(reverse("explain:letter_template", kwargs=where))
    context = {
        **where,
        "preview": _preview(actor, initial, kind, language, examples) if request.method == "POST" else None,
        "kind_words": queries.KINDS[kind],
        "form": form,
        "present": present,
        "versions": queries.versions_of(**where),
        "inline": INLINE,
        "blocks": BLOCKS,
        "flags": FLAGS,
    }
    return render(request, "explain/letter_template.html", context, status=status)


def _start(present: LetterTemplate | None, kind: str, examples: list[Dispute]) -> dict[str, Any]:
    """What the form begins with: the version in force or the English text, and the newest case as its example."""
    start = present or queries.template_for("EU", "en", kind)
    text = {"title": start.title, "body": start.body} if start else {}
    example = str(examples[0].number) if examples else ""
    return {**text, "expected_number": present.number if present else 0, "example": example}


def _preview(actor: Actor, typed: dict[str, Any], kind: str, language: str, examples: list[Dispute]) -> Preview:
    """What the typed text would make of the chosen case; reading that is recorded."""
    chosen = next((found for found in examples if str(found.number) == typed.get("example")), None)
    if chosen:
        record_case_reading(actor=actor, disputes=[chosen])
        if chosen.explanation and chosen.explanation.completeness:
            record_reading(actor=actor, explanation=chosen.explanation)
    title, body = (typed.get(name, "") for name in ("title", "body"))
    return preview_of(actor, title, body, kind=kind, language=language, dispute=chosen, now=timezone.now())


def _initial(found: Dispute, languages: list[str]) -> dict[str, Any]:
    wanted = policy_of(found.system).language
    language = wanted if wanted in languages else next(iter(languages), "")
    return {"language": language, "delivery": "post", "expected_state": found.state}


def _wanted(form: LetterForm) -> tuple[str, str]:
    """The language and the address of the form, sent or not."""
    typed = form.data if form.is_bound else form.initial
    return str(typed.get("language") or ""), str(typed.get("recipient") or "")
