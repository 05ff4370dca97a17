"""The pages on which a dossier is frozen, read, signed or ended, and compared with what came after."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import is_fresh, need_fresh
from portal.addresses import number_in
from portal.errors import Conflict, Hidden, Refusal
from portal.forms import show
from registry import queries as registry
from registry.dossier.freezing import queries, services
from registry.dossier.freezing.forms import EndForm, FreezeForm, SignForm
from registry.dossier.queries import dossier_of, version_for
from registry.dossier.states import PointState
from registry.models import FrozenDossier


@require_GET
def dossiers(request: HttpRequest, slug: str) -> HttpResponse:
    """Every dossier of the system that was frozen, and what changed since the last one was signed."""
    actor = actor_of(request)
    actor.need_sight(Permission.DOSSIER_VIEW)
    system = registry.system_for(actor, slug)
    found = list(queries.dossiers_visible_to(actor, system))
    older, newer = (number_in(request.GET.get(name, "")) for name in ("older", "newer"))
    if older is not None and newer is not None:
        return redirect("registry:compare_dossiers", slug=slug, older=older, newer=newer)
    context = {
        "system": system,
        "dossiers": [(each, queries.places_of(each)) for each in found],
        "waiting": any(each.is_open for each in found),
        "has_version": system.versions.exists(),
        "may_freeze": actor.may(Permission.DOSSIER_FREEZE),
    }
    return render(request, "registry/dossiers.html", context)


@require_http_methods(["GET", "POST"])
def freeze(request: HttpRequest, slug: str) -> HttpResponse:
    """What is missing, by name; then who signs, and why in spite of it."""
    actor = actor_of(request)
    actor.need_sight(Permission.DOSSIER_FREEZE)
    system, version = version_for(actor, slug, _number(request))
    if version is None:
        raise Conflict("There is no version yet, so there is nothing to sign for.", code="no_version")
    live = dossier_of(system, version, timezone.now())
    gaps = queries.gaps_of(live)
    people = queries.people_who_could_sign()
    form = FreezeForm(request.POST or None, people=people, needs_reason=bool(gaps))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = services.freeze_dossier(actor=actor, version=version, now=timezone.now(), **form.cleaned_data)
            except Refusal as refusal:
                show(form, refusal)
                status = refusal.status
            else:
                messages.success(request, f"Dossier {made.number} is frozen, and waits for its signatures.")
                return redirect("registry:frozen_dossier", slug=slug, number=made.number)
    states = (PointState.MISSING, PointState.STALE, PointState.EVIDENCE)
    context = {
        "system": system,
        "version": version,
        "dossier": live,
        "gaps": [(state, [point for point in gaps if point.state == state]) for state in states],
        "open": len(gaps),
        "seen": queries.states_digest(live),
        "waiting": queries.open_proposal(system),
        "form": form,
    }
    return render(request, "registry/freeze_dossier.html", context, status=status)


@require_GET
def dossier(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A frozen dossier: what was signed by whom, where it is sealed, and what is otherwise today."""
    actor = actor_of(request)
    return _page(request, actor, queries.frozen_for(actor, slug, number))


@require_POST
def sign(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Sign what was frozen, with a fresh password."""
    actor = actor_of(request)
    found = queries.frozen_for(actor, slug, number)
    form = SignForm(request.POST)
    if not form.is_valid():
        return _page(request, actor, found, sign_form=form, status=422)
    sent = form.cleaned_data
    try:
        need_fresh(request, sent["password"])
        signed = services.sign_dossier(
            actor=actor,
            dossier=found,
            content_sha256=sent["content_sha256"],
            statement=sent["statement"],
            now=timezone.now(),
        )
    except Refusal as refusal:
        if not request.user.is_authenticated:
            raise
        return _refused(request, actor, found, refusal, sign_form=form)
    missing = len([place for place in queries.places_of(signed) if place.signature is None])
    words = f"You signed dossier {number}; {missing} more to come." if missing else f"Dossier {number} is complete."
    messages.success(request, words)
    return redirect("registry:frozen_dossier", slug=slug, number=number)


@require_POST
def decline(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Refuse to sign; the dossier ends with that."""
    return _ended(request, slug, number, services.decline_dossier, "declined", "decline_form")


@require_POST
def withdraw(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take the dossier back before everybody has signed."""
    return _ended(request, slug, number, services.withdraw_dossier, "withdrawn", "withdraw_form")


@require_GET
def content(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The very bytes that were frozen."""
    found = queries.frozen_for(actor_of(request), slug, number)
    headers = {"Content-Disposition": f'attachment; filename="{slug}-dossier-{number}.json"'}
    return HttpResponse(queries.content_bytes(found), content_type="application/json", headers=headers)


@require_GET
def pdf(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The PDF: once everybody has signed the bytes that were kept, before that a print of what was frozen."""
    found = queries.frozen_for(actor_of(request), slug, number)
    headers = {"Content-Disposition": f'inline; filename="{slug}-dossier-{number}.pdf"'}
    return HttpResponse(queries.pdf_bytes(found), content_type="application/pdf", headers=headers)


@require_GET
def compare(request: HttpRequest, slug: str, older: int, newer: int) -> HttpResponse:
    """What two frozen dossiers differ in."""
    actor = actor_of(request)
    one, other = (queries.frozen_for(actor, slug, number) for number in (older, newer))
    context = {"system": one.system, "older": one, "newer": other, "difference": queries.compared(one, other)}
    return render(request, "registry/compare_dossiers.html", context)


def _page(request: HttpRequest, actor: Actor, found: FrozenDossier, *, status: int = 200, **forms: Any) -> HttpResponse:
    frozen = queries.frozen_content(found)
    places = queries.places_of(found)
    mine = next((place for place in places if place.person == actor.label), None)
    today = dossier_of(found.system, found.version, timezone.now())
    may_answer = found.is_open and actor.may(Permission.DOSSIER_SIGN)
    context = {
        "system": found.system,
        "dossier": found,
        "counts": {state: frozen["counts"][state] for state in PointState},
        "places": places,
        "gaps": {state: points for state in PointState if (points := queries.gaps_in(found, state))},
        "kept": queries.kept(found),
        "seals": queries.seals_of(found),
        "may_see_trail": actor.may(Permission.TRAIL_VIEW),
        "since": queries.difference(frozen, queries.content_of(today)),
        "may_sign": may_answer and bool(mine and not mine.signature),
        "may_decline": may_answer and mine is not None,
        "may_withdraw": found.is_open and actor.may(Permission.DOSSIER_FREEZE),
        "is_fresh": is_fresh(request),
        "sign_form": SignForm(auto_id="sign_%s", initial={"content_sha256": found.content_sha256}),
        "decline_form": EndForm(auto_id="decline_%s"),
        "withdraw_form": EndForm(auto_id="withdraw_%s"),
        **forms,
    }
    return render(request, "registry/frozen_dossier.html", context, status=status)


def _ended(request: HttpRequest, slug: str, number: int, service: Any, said: str, name: str) -> HttpResponse:
    actor = actor_of(request)
    found = queries.frozen_for(actor, slug, number)
    form = EndForm(request.POST)
    if not form.is_valid():
        return _page(request, actor, found, status=422, **{name: form})
    try:
        service(actor=actor, dossier=found, reason=form.cleaned_data["reason"], now=timezone.now())
    except Refusal as refusal:
        return _refused(request, actor, found, refusal, **{name: form})
    messages.success(request, f"Dossier {number} is {said}. It stays on record; a new one can be frozen.")
    return redirect("registry:frozen_dossier", slug=slug, number=number)


def _refused(
    request: HttpRequest, actor: Actor, found: FrozenDossier, refusal: Refusal, **forms: Any
) -> HttpResponse:
    """The page again, with the refusal at the form and what was typed still in it."""
    for form in forms.values():
        show(form, refusal)
    return _page(request, actor, found, status=refusal.status, **forms)


def _number(request: HttpRequest) -> int | None:
    """The version that is asked for; `Hidden` for what is no number."""
    asked = request.GET.get("version", "")
    if not asked:
        return None
    number = number_in(asked)
    if number is None:
        raise Hidden
    return number
