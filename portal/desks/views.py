"""The home desks, one per role, and signing in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET

import audit.erasure.queries as erasing
import audit.proofs as log
import audit.queries as trail
import explain.disputes.queries as disputing
import registry.approving.queries as approving
import registry.classification.queries as classifying
import registry.dossier.freezing.queries as freezing
import registry.incidents.queries as incidents
import registry.queries as registry
import registry.releasing.readiness as readiness
import registry.risks.queries as risks
from explain.disputes.history import ageing_of
from portal.accounts.access import Actor, Permission, Role
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import mark_fresh
from portal.demo.people import PEOPLE
from portal.desks import services


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What waits for this person: a part for each role that they hold."""
    actor = actor_of(request)
    now = timezone.now()
    context: dict[str, Any] = {"now": now}
    if actor.may(Permission.SYSTEM_VIEW) and Role.ML_LEAD in actor.roles:
        context["production"] = [_production(system) for system in registry.systems_visible_to(actor)]
    if actor.may(Permission.INCIDENT_OPEN) or actor.may(Permission.INCIDENT_VIEW):
        context["incidents"] = _incidents(actor, now)
    if actor.may(Permission.RISK_WRITE):
        context["late_risks"] = risks.late_reviews(actor, now.date())[:10]
    if actor.may(Permission.VERSION_APPROVE):
        context["awaiting"] = approving.versions_awaiting(actor, registry.versions_awaiting_approval(actor))
    context["dossiers"] = freezing.awaiting_signature(actor)
    if actor.may(Permission.DISPUTE_LIST):
        context["disputes"] = _disputes(actor, now)
    if actor.may(Permission.SYSTEM_CLASSIFY):
        context["unclassified"] = classifying.unclassified(actor)
    if actor.may(Permission.ERASURE_DECIDE):
        context["erasures"] = erasing.erasures_to_decide(actor)[:10]
    if actor.may(Permission.TRAIL_VIEW):
        context["trail"] = _trail(actor, now)
    context["may_see_dossiers"] = actor.may(Permission.DOSSIER_WRITE)
    context["may_find"] = actor.may(Permission.DECISION_READ)
    return render(request, "desks/home.html", context)


@method_decorator(login_not_required, name="dispatch")
class SignIn(auth.LoginView):
    """Signing in; in the demo the page says who is who."""

    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Signing in is an act: where it cannot be recorded, nobody is signed in."""
        with transaction.atomic():
            answer = super().form_valid(form)
            services.record_sign_in(actor=form.get_user().actor)
            mark_fresh(self.request)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        accounts = PEOPLE if settings.DEMO_MODE else ()
        return super().get_context_data(**kwargs, demo_accounts=accounts)


@require_GET
def api_docs(request: HttpRequest) -> HttpResponse:
    """The API in words, made from the same schema that `/api/v1/schema/` gives to machines."""
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator().get_schema(request=None, public=True)
    return render(request, "desks/api_docs.html", {"groups": _grouped(schema)})


def _grouped(schema: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["api"])[0]
            groups.setdefault(tag, []).append({"path": path, "method": method.upper(), **operation})
    return [{"name": name, "operations": items} for name, items in sorted(groups.items())]


def _production(system: Any) -> dict[str, Any]:
    release = registry.current_release(system)
    return {"system": system, "release": release, "rollback": readiness.rollback_of(system)}


def _disputes(actor: Actor, now: datetime) -> dict[str, Any]:
    """What waits for this person, by what they would do, and the other open cases by deadline."""
    waiting = disputing.waiting_for(actor)
    mine = {found.pk for cases in waiting.values() for found in cases}
    others = [found for found in disputing.open_disputes(actor)[:20] if found.pk not in mine][:10]
    groups = [(DISPUTE_WORDS[name], cases) for name, cases in waiting.items() if cases]
    ageing = {found.pk: ageing_of(found, now) for found in (*others, *(each for _, some in groups for each in some))}
    return {"groups": groups, "others": others, "ageing": ageing, "count": disputing.open_disputes(actor).count()}


def _incidents(actor: Actor, now: datetime) -> list[tuple[Any, Any]]:
    """Open cases with how their deadlines stand, those of which no authority knows first."""
    found = list(incidents.open_incidents(actor)[:10])
    ageing = incidents.ageing_by_number(found, now)
    return [(incident, ageing[incident.number]) for incident in found]


DISPUTE_WORDS = {
    "review": "To be looked at again",
    "decide": "You review: to be decided",
    "answer": "Decided: the letter is next",
    "explain": "To be explained",
}


def _trail(actor: Actor, now: Any) -> dict[str, Any]:
    counts = trail.decisions_since(actor, now - timedelta(hours=24))
    latest = trail.page_of(trail.decisions_visible_to(actor), size=1).entries
    acts = trail.page_of(trail.acts_visible_to(actor, heartbeats=False), size=8).entries
    total = sum(count.number for count in counts.values())
    return {
        **{"counts": counts, "total": total, "latest": latest[0] if latest else None, "acts": acts},
        "sealing": {"state": log.state(), "verdict": log.verdict(), "doubt": log.doubt(now)},
    }
