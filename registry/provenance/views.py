"""The page on which compliance officers say whose CI may vouch for a system's commits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.errors import Conflict, Invalid
from registry import queries as registry
from registry.forms import ReasonForm, reason_of
from registry.provenance import queries, services
from registry.provenance.claims import KINDS
from registry.provenance.forms import SourceForm
from registry.provenance.issuers import known_issuers


@require_http_methods(["GET", "POST"])
def trusted_sources(request: HttpRequest, slug: str) -> HttpResponse:
    """The sources that the system trusts, and a form for one more."""
    actor = actor_of(request)
    system = registry.system_for(actor, slug)
    form = SourceForm(request.POST or None)
    if request.method == "POST":
        actor.need(Permission.SOURCE_TRUST)
        if form.is_valid():
            try:
                source = services.trust_source(actor=actor, system=system, now=timezone.now(), **form.source)
            except (Conflict, Invalid) as refusal:
                form.add_error(None, " ".join([refusal.message, *(item.problem for item in refusal.details)]))
            else:
                messages.success(request, f"CI of {source.name} may vouch for the commits of {system.name}.")
                return redirect("registry:trusted_sources", slug=slug)
    issuers = known_issuers()
    rows = [
        (source, KINDS[issuers[source.issuer].kind].name if source.issuer in issuers else "no longer known")
        for source in queries.sources_of(system)
    ]
    context = {"system": system, "rows": rows, "form": form, "may_trust": actor.may(Permission.SOURCE_TRUST)}
    return render(request, "registry/trusted_sources.html", context, status=422 if form.errors else 200)


@require_POST
def remove_source(request: HttpRequest, slug: str, identifier: int) -> HttpResponse:
    """Trust a source no longer."""
    actor = actor_of(request)
    source = queries.source_of(registry.system_for(actor, slug), identifier)
    actor.need(Permission.SOURCE_TRUST)
    reason = reason_of(ReasonForm(request.POST))
    services.remove_source(actor=actor, source=source, reason=reason, now=timezone.now())
    messages.success(request, f"CI of {source.name} vouches for nothing more. What it vouched for before stands.")
    return redirect("registry:trusted_sources", slug=slug)
