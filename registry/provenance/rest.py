"""The endpoints about trusted sources."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from portal.rest import Endpoint, valid
from registry import queries as registry
from registry.bodies import ReasonBody
from registry.provenance import queries, services


class SourceBody(serializers.Serializer):
    """A repository whose CI may vouch for the system's commits, and the claims that its tokens must carry."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=160)
    issuer = serializers.CharField(max_length=255)
    claims = serializers.DictField(
        child=serializers.CharField(max_length=255),
        help_text='GitHub: {"repository_id", "repository_owner_id", "ref"?, "workflow_ref"?, "job_workflow_ref"?,'
        ' "event_name"?, "environment"?}; GitLab: {"project_id", "namespace_id", "ref"?, …}. Ids as text.',
    )
    trusted_by = serializers.CharField(read_only=True)
    trusted_at = serializers.DateTimeField(read_only=True)
    removed_by = serializers.CharField(read_only=True, allow_null=True)
    removed_at = serializers.DateTimeField(read_only=True, allow_null=True)


class NewSource(SourceBody, ReasonBody):
    """A source to be trusted, and why."""


class SourceList(Endpoint):
    """Sources that the system trusts."""

    @extend_schema(responses=SourceBody(many=True), operation_id="trusted_sources_list")
    def get(self, request: Any, slug: str) -> Response:
        system = registry.system_for(self.actor, slug)
        return Response(SourceBody(queries.sources_of(system), many=True).data)

    @extend_schema(request=NewSource, responses={201: SourceBody})
    def post(self, request: Any, slug: str) -> Response:
        """Trust one more; for compliance officers."""
        system = registry.system_for(self.actor, slug)
        source = services.trust_source(
            actor=self.actor, system=system, now=timezone.now(), **valid(NewSource(data=request.data))
        )
        return Response(SourceBody(source).data, status=status.HTTP_201_CREATED)


class SourceRemoval(Endpoint):
    """A source trusted no longer."""

    @extend_schema(request=ReasonBody, responses=SourceBody)
    def post(self, request: Any, slug: str, identifier: int) -> Response:
        source = queries.source_of(registry.system_for(self.actor, slug), identifier)
        reason = valid(ReasonBody(data=request.data))["reason"]
        removed = services.remove_source(actor=self.actor, source=source, reason=reason, now=timezone.now())
        return Response(SourceBody(removed).data)
