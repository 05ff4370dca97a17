"""The model card for machines."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from portal.rest import Endpoint
from registry import queries
from registry.cards.bom import bom_of
from registry.cards.markdown import markdown_of
from registry.cards.queries import card_of


class ModelCard(Endpoint):
    """A version's model card as Markdown."""

    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Any, slug: str, number: int) -> HttpResponse:
        found = card_of(queries.version_for(self.actor, slug, number))
        return HttpResponse(markdown_of(found), content_type="text/markdown; charset=utf-8")


class ModelBom(Endpoint):
    """A version's model card as a CycloneDX 1.6 ML-BOM."""

    @extend_schema(responses={200: OpenApiResponse(OpenApiTypes.OBJECT, description="CycloneDX 1.6, ECMA-424")})
    def get(self, request: Any, slug: str, number: int) -> Response:
        found = card_of(queries.version_for(self.actor, slug, number))
        return Response(bom_of(found, now=timezone.now()))
