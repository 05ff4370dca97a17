"""The papers for machines."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from portal.forms import cleaned
from portal.rest import Endpoint
from registry.dossier.papers.definitions import BY_ID, WHOLE
from registry.dossier.papers.files import paper_response
from registry.dossier.papers.forms import PaperForm
from registry.dossier.papers.wording import LANGUAGES

_SOURCE = [
    OpenApiParameter("version", OpenApiTypes.INT, description="By default the live version, else the newest"),
    OpenApiParameter("dossier", OpenApiTypes.INT, description="A frozen dossier, instead of a version as it is now"),
]
_SHAPE = [
    OpenApiParameter("paper", OpenApiTypes.STR, enum=[WHOLE.id, *BY_ID], description="By default all in one"),
    OpenApiParameter("lang", OpenApiTypes.STR, enum=list(LANGUAGES), description="By default English"),
]


class PaperPdf(Endpoint):
    """A paper of the dossier, or all of them, as PDF/A-3 with the content embedded as JSON."""

    @extend_schema(parameters=[*_SHAPE, *_SOURCE], responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Any, slug: str) -> HttpResponse:
        """409 `not_printed` where it cannot be set within its limits."""
        return paper_response(self.actor, slug, cleaned(PaperForm(request.query_params)), "pdf")


class PaperText(Endpoint):
    """The same as Markdown, for editing."""

    @extend_schema(parameters=[*_SHAPE, *_SOURCE], responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Any, slug: str) -> HttpResponse:
        """CommonMark with tables; statements stand in it as they were written."""
        return paper_response(self.actor, slug, cleaned(PaperForm(request.query_params)), "md")


class PaperContent(Endpoint):
    """What the papers are made from."""

    @extend_schema(parameters=_SOURCE, responses=OpenApiTypes.OBJECT)
    def get(self, request: Any, slug: str) -> HttpResponse:
        """Every point with state, facts and statement; sentences as msgid and values. The bytes are canonical."""
        return paper_response(self.actor, slug, cleaned(PaperForm(request.query_params)), "json")
