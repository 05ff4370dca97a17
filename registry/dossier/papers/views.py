"""The page of the papers that leave the house, and the papers themselves as files."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from portal.accounts.authentication import actor_of
from portal.forms import cleaned
from registry import queries as registry
from registry.dossier.freezing.queries import dossiers_visible_to
from registry.dossier.papers import queries
from registry.dossier.papers.files import paper_response
from registry.dossier.papers.forms import PaperForm
from registry.dossier.papers.wording import LANGUAGES


@require_GET
def papers(request: HttpRequest, slug: str) -> HttpResponse:
    """Which papers there are, for whom, and how their points stand."""
    actor, sent = actor_of(request), cleaned(PaperForm(request.GET))
    asked = {name: sent[name] for name in ("version", "dossier") if sent[name]}
    said, signing = queries.content_for(
        actor, slug, version=sent["version"], dossier=sent["dossier"], now=timezone.now()
    )
    system, content = registry.system_for(actor, slug), json.loads(said)
    context = {
        "system": system,
        "content": content,
        "signing": signing,
        "standings": queries.standings_of(content["items"]),
        "languages": LANGUAGES,
        "versions": system.versions.order_by("-number").values_list("number", flat=True),
        "frozen": dossiers_visible_to(actor, system),
        "sent": sent,
        "query": "".join(f"&{name}={number}" for name, number in asked.items()),
    }
    return render(request, "registry/papers.html", context)


@require_GET
def paper(request: HttpRequest, slug: str, ending: str) -> HttpResponse:
    """A paper as a PDF, as Markdown for editing, or the content that it is made from as JSON."""
    return paper_response(actor_of(request), slug, cleaned(PaperForm(request.GET)), ending)
