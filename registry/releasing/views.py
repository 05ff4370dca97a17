"""The production page: what is live, the rollback button (armed or not, and why), and every release before."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from audit.withholding import withheld_from
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import is_fresh, need_fresh
from portal.errors import Conflict
from portal.forms import cleaned
from portal.http import part
from registry import queries
from registry.forms import ReleaseForm, RollbackForm
from registry.models import Release
from registry.practices import PRACTICES
from registry.releasing import services
from registry.releasing.access import ratification_barred
from registry.releasing.affected import AffectedLines
from registry.releasing.forms import BreakGlassForm, RatifyForm, TimelineForm
from registry.releasing.gateways import standings
from registry.releasing.preview import preview_of
from registry.releasing.readiness import readiness_of, rollback_of
from registry.releasing.timeline import in_words, interval_at, plot_of, timeline_of

MOST_LISTED = 500
RELEASES_SHOWN = 20


@require_GET
def production(request: HttpRequest, slug: str) -> HttpResponse:
    """What is live, the rollback button (armed or not, and why), the gateways, and every release before."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    release, today = queries.current_release(found), timezone.now().date()
    context = {
        "system": found,
        "release": release,
        "releases": found.releases.select_related("version", "ratification")[:RELEASES_SHOWN],
        "gateways": standings(found, release),
        "rollback": rollback_of(found),
        "readiness": readiness_of(found),
        "may_roll_back": actor.may(Permission.RELEASE_ROLL_BACK),
        "form": RollbackForm(initial={"expected_release": release.number if release else 0}),
        "unratified": [_to_ratify(actor, item) for item in queries.unratified_releases().filter(system=found)],
        "is_fresh": is_fresh(request),
        "prohibited": [(letter, PRACTICES[letter], "now") for letter in queries.prohibited_practices(found, today)],
        "holding": queries.incidents_holding(found),
        "may_see_incidents": actor.may(Permission.INCIDENT_VIEW),
    }
    return render(request, "registry/production.html", context)


@require_GET
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """What a rollback would change, on decisions made since the release: a part of the production page, or a page."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    seen = preview_of(found)
    services.record_preview(actor=actor, system=found, preview=seen)
    context = {"system": found, "preview": seen, "may_list": actor.may(Permission.DECISION_LIST)}
    return part(request, "registry/preview.html", "preview", context)


@require_GET
def affected(request: HttpRequest, slug: str) -> HttpResponse:
    """The sampled decisions that a rollback's target would make otherwise, for review."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    actor.need_sight(Permission.DECISION_LIST)
    seen = preview_of(found)
    services.record_preview(actor=actor, system=found, preview=seen, list="sample")
    kept = withheld_from(actor)
    flips = [flip for flip in (seen.tally.flips if seen.tally else []) if flip.decision not in kept]
    context = {"system": found, "preview": seen, "flips": flips[:MOST_LISTED], "unlisted": len(flips[MOST_LISTED:])}
    return render(request, "registry/affected.html", context)


@require_GET
def affected_csv(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    """All of them since the release, as CSV, made while it is sent."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    actor.need_sight(Permission.DECISION_LIST)
    seen = preview_of(found, sampled=0)
    if seen.release is None or seen.target is None:
        raise Conflict(" ".join(seen.found.problems), code="no_target")
    lines = AffectedLines(seen.release, seen.target, without=frozenset(withheld_from(actor)))
    services.record_preview(actor=actor, system=found, preview=seen, list="all")
    name = f"{slug}-release-{seen.release.number}-under-version-{seen.target.number}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
def timeline(request: HttpRequest, slug: str) -> HttpResponse:
    """What was live when, as a plot and a table; and what was live at one moment."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    form = TimelineForm(request.GET)
    context: dict[str, Any] = {"system": found, "form": form}
    if form.is_valid():
        asked = form.cleaned_data
        seen = timeline_of(found, since=asked["since"], until=asked["until"], before=asked["before"])
        at = interval_at(found, asked["at"]) if asked["at"] else None
        context |= {"timeline": seen, "at": at, "moment": asked["at"]}
        context |= {"words": in_words(at, asked["at"]) if at else "", "query": _without(request, "before")}
        context |= {"plot": plot_of(seen.intervals) if seen.intervals else None}
    return render(request, "registry/timeline.html", context, status=200 if form.is_valid() else 422)


@require_POST
def release(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a version live."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    wanted = cleaned(ReleaseForm(request.POST))
    made = services.create_release(
        actor=actor,
        system=found,
        version=queries.version_for(actor, slug, wanted["version"]),
        strategy=wanted["strategy"],
        reason=wanted["reason"],
        expected_release=wanted["expected_release"],
        now=timezone.now(),
    )
    messages.success(request, f"Release {made.number}: version {made.version.number} is live.")
    return redirect("registry:production", slug=slug)


@require_POST
def break_glass(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a version live that nobody has approved."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    wanted = cleaned(BreakGlassForm(request.POST))
    need_fresh(request, wanted["password"])
    made = services.release_unapproved(
        actor=actor,
        system=found,
        version=queries.version_for(actor, slug, wanted["version"]),
        reason=wanted["reason"],
        expected_release=wanted["expected_release"],
        now=timezone.now(),
    )
    text = f"Release {made.number}: version {made.version.number} is live without approval."
    messages.warning(request, f"{text} Somebody else must ratify it.")
    return redirect("registry:production", slug=slug)


@require_POST
def ratify(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer, after the fact, for a release that nobody had approved."""
    actor = actor_of(request)
    queries.system_for(actor, slug)
    wanted = cleaned(RatifyForm(request.POST))
    need_fresh(request, wanted["password"])
    made = queries.release_for(actor, slug, wanted["release"])
    services.ratify_release(actor=actor, release=made, reason=wanted["reason"], now=timezone.now())
    messages.success(request, f"Release {made.number} is ratified.")
    return redirect("registry:production", slug=slug)


@require_POST
def roll_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Return production to the last stable version."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    wanted = cleaned(RollbackForm(request.POST))
    made, replaced = services.roll_back(actor=actor, system=found, now=timezone.now(), **wanted)
    text = f"Production is back on version {made.version.number}; version {replaced.number} is quarantined."
    messages.success(request, text)
    return redirect("registry:production", slug=slug)


def _without(request: HttpRequest, name: str) -> str:
    """The address's query without that field."""
    kept = request.GET.copy()
    kept.pop(name, None)
    return kept.urlencode()


def _to_ratify(actor: Actor, release: Release) -> dict[str, Any]:
    """A release that waits, with the form for whoever may ratify it, or why this person may not."""
    may = actor.may(Permission.VERSION_APPROVE)
    barred = ratification_barred(actor, release) if may else ""
    form = RatifyForm(initial={"release": release.number}, auto_id=f"ratify-{release.number}-%s")
    return {"release": release, "barred": barred, "form": form if may and not barred else None}
