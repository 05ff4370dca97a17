"""The page on which the wording of a system's inputs is kept."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

import registry.queries as registry
from explain.wording import queries, services
from explain.wording.forms import LanguageForm, WordingForm
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.errors import Hidden, Invalid
from portal.forms import show
from registry.models import System


@require_GET
def wording(request: HttpRequest, slug: str) -> HttpResponse:
    """How every input is told in one language."""
    actor = actor_of(request)
    system = _system(actor, slug)
    form = LanguageForm({"language": request.GET.get("language", queries.FIRST_LANGUAGE)})
    language = form.cleaned_data["language"] if form.is_valid() else queries.FIRST_LANGUAGE
    return render(request, "explain/wording.html", _context(system, language))


@require_POST
def set_wording(request: HttpRequest, slug: str, language: str, feature: str) -> HttpResponse:
    """Say how one input is told."""
    actor = actor_of(request)
    system = _system(actor, slug)
    if feature not in {each.name for each in queries.features_of(system)}:
        raise Hidden
    form = WordingForm(request.POST, auto_id=f"{feature}-%s")
    if form.is_valid():
        facts = {"system": slug, "feature": feature, "language": language, **form.cleaned_data}
        try:
            services.set_wording(actor=actor, now=timezone.now(), **facts)
        except Invalid as refusal:
            show(form, refusal)
        else:
            messages.success(request, f"“{facts['title']}” is used in letters from now on.")
            return redirect(f"{reverse('explain:wording', args=[slug])}?language={language}#{feature}")
    context = _context(system, language)
    context["rows"] = [(each, form if each.feature.name == feature else other) for each, other in context["rows"]]
    return render(request, "explain/wording.html", context, status=422)


def _system(actor: Actor, slug: str) -> System:
    actor.need_sight(Permission.LETTER_MANAGE)
    return registry.system_for(actor, slug)


def _context(system: System, language: str) -> dict[str, Any]:
    rows = queries.told(system, language)
    return {
        "system": system,
        "language": language,
        "language_form": LanguageForm(initial={"language": language}),
        "rows": [(each, _form(each)) for each in rows],
        "history": queries.history_of(system.slug, language),
    }


def _form(each: queries.Told) -> WordingForm:
    kept = each.wording
    initial = {"title": kept.title, "sentence": kept.sentence} if kept else {"title": each.feature.title}
    return WordingForm(initial=initial, auto_id=f"{each.feature.name}-%s")
