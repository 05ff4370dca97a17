"""A paper as a file: PDF, Markdown or JSON; for pages and for the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from portal.accounts.access import Actor
from registry.dossier.papers.forms import file_name
from registry.dossier.papers.printing import pdf_of, text_of
from registry.dossier.papers.queries import content_for

TYPES = {"pdf": "application/pdf", "md": "text/markdown; charset=utf-8", "json": "application/json"}


def paper_response(actor: Actor, slug: str, sent: dict[str, Any], ending: str) -> HttpResponse:
    """What was asked for by a `PaperForm`, as a file of that ending."""
    said, signing = content_for(actor, slug, version=sent["version"], dossier=sent["dossier"], now=timezone.now())
    shape = {"paper": sent["paper"], "language": sent["lang"], "signing": signing}
    body = {"pdf": pdf_of, "md": text_of}[ending](said, **shape) if ending != "json" else said
    place = "inline" if ending == "pdf" else "attachment"
    headers = {
        "Content-Disposition": f'{place}; filename="{file_name(slug, sent, ending)}"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(body, content_type=TYPES[ending], headers=headers)
