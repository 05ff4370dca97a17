"""Frozen dossiers for machines."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from portal.accounts.access import Permission
from portal.rest import Endpoint
from portal.templatetags.portal_tags import who
from registry import queries as registry
from registry.dossier.freezing import queries
from registry.models import FrozenDossier


class SignatureBody(serializers.Serializer):
    """Somebody who was named to sign, and what they signed; `signed_at` is null while they have not."""

    name = serializers.CharField()
    role = serializers.CharField()
    statement = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)


class SealBody(serializers.Serializer):
    """An act on the dossier, and its proof (C2SP tlog-proof); `index` is null for the seconds before it is sealed."""

    act = serializers.CharField(source="words")
    index = serializers.IntegerField(source="place.index", allow_null=True, default=None)
    proof = serializers.SerializerMethodField()

    def get_proof(self, seal: queries.Seal) -> str:
        return reverse("api:act-proof", args=[seal.entry])


class FrozenBody(serializers.Serializer):
    """A frozen dossier; `state` is one of proposed, complete, declined, withdrawn."""

    number = serializers.IntegerField()
    state = serializers.CharField()
    version = serializers.IntegerField(source="version.number")
    regulation_version = serializers.CharField(source="regulation.version")
    content_sha256 = serializers.CharField()
    pdf_sha256 = serializers.CharField(allow_null=True)
    gaps = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    reason = serializers.CharField()
    proposed_by = serializers.SerializerMethodField()
    proposed_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.CharField()
    signatures = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_proposed_by(self, dossier: FrozenDossier) -> str:
        return who(dossier.proposed_by)

    @extend_schema_field(SignatureBody(many=True))
    def get_signatures(self, dossier: FrozenDossier) -> list[dict[str, Any]]:
        return [queries.signature_said(place) for place in queries.places_of(dossier)]

    def get_url(self, dossier: FrozenDossier) -> str:
        return reverse("api:frozen-dossier", args=[dossier.system.slug, dossier.number])


class WholeFrozenBody(FrozenBody):
    """The same with what was frozen, where it is sealed, and until when it is kept at least."""

    kept_until = serializers.SerializerMethodField()
    sealed = serializers.SerializerMethodField()
    content = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_kept_until(self, dossier: FrozenDossier) -> Any:
        kept = queries.kept(dossier)
        return kept.until if kept else None

    @extend_schema_field(SealBody(many=True))
    def get_sealed(self, dossier: FrozenDossier) -> Any:
        return SealBody(queries.seals_of(dossier), many=True).data

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_content(self, dossier: FrozenDossier) -> dict[str, Any]:
        return queries.frozen_content(dossier)


class FrozenListBody(serializers.Serializer):
    """Every frozen dossier of a system."""

    results = FrozenBody(many=True)


class FrozenList(Endpoint):
    """The dossiers of a system that were frozen."""

    @extend_schema(operation_id="systems_dossiers_list", responses=FrozenListBody)
    def get(self, request: Any, slug: str) -> Response:
        """Newest first."""
        self.actor.need_sight(Permission.DOSSIER_VIEW)
        found = queries.dossiers_visible_to(self.actor, registry.system_for(self.actor, slug))
        return Response(FrozenListBody({"results": found}).data)


class FrozenOne(Endpoint):
    """A dossier as it was frozen."""

    @extend_schema(responses=WholeFrozenBody)
    def get(self, request: Any, slug: str, number: int) -> Response:
        """What was frozen, who signed it, and where that is sealed."""
        return Response(WholeFrozenBody(queries.frozen_for(self.actor, slug, number)).data)
