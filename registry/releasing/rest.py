"""The endpoints about production: releases, rollback, and what is live."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from portal.errors import Hidden, Invalid, Problem
from portal.rest import Endpoint, valid
from portal.times import rfc3339
from registry import queries
from registry.bodies import ReasonBody
from registry.models import Release, Strategy, System
from registry.releasing import services
from registry.releasing.readiness import rollback_of


class ReleaseBody(ReasonBody):
    """A release to be made."""

    version = serializers.IntegerField(min_value=1)
    strategy = serializers.ChoiceField(choices=Strategy.values, default=Strategy.DIRECT.value)
    weight_bp = serializers.IntegerField(min_value=0, max_value=10_000, required=False)
    expected_release = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)


class RollbackBody(ReasonBody):
    """A rollback to be made."""

    expected_release = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)


class ReleaseMade(serializers.Serializer):
    """A release as it was made."""

    release = serializers.IntegerField()
    version = serializers.IntegerField()
    strategy = serializers.CharField(required=False)
    replaced_version = serializers.IntegerField(required=False, allow_null=True)


class Production(serializers.Serializer):
    """The production pointer."""

    release = serializers.IntegerField()
    version = serializers.IntegerField()
    artifact_sha256 = serializers.CharField()
    since = serializers.DateTimeField()
    strategy = serializers.CharField()
    candidate = serializers.JSONField(allow_null=True)


class Preview(serializers.Serializer):
    """Whether a rollback would work now, and where it would go."""

    target_version = serializers.IntegerField(allow_null=True)
    armed = serializers.BooleanField()
    problems = serializers.ListField(child=serializers.CharField())


class ReleaseList(Endpoint):
    """Releases of a system."""

    @extend_schema(request=ReleaseBody, responses={201: ReleaseMade})
    def post(self, request: Any, slug: str) -> Response:
        system = queries.system_for(self.actor, slug)
        wanted = valid(ReleaseBody(data=request.data))
        release = services.create_release(
            actor=self.actor,
            system=system,
            version=queries.version_for(self.actor, slug, wanted["version"]),
            strategy=wanted["strategy"],
            reason=wanted["reason"],
            expected_release=wanted["expected_release"],
            now=timezone.now(),
        )
        made = {"release": release.number, "version": release.version.number, "strategy": release.strategy}
        return Response(made, status=status.HTTP_201_CREATED)


class Rollback(Endpoint):
    """Production returned to the last stable version."""

    @extend_schema(request=RollbackBody, responses=ReleaseMade)
    def post(self, request: Any, slug: str) -> Response:
        system = queries.system_for(self.actor, slug)
        wanted = valid(RollbackBody(data=request.data))
        release, replaced = services.roll_back(actor=self.actor, system=system, now=timezone.now(), **wanted)
        made = {"release": release.number, "version": release.version.number, "replaced_version": replaced.number}
        return Response(made)


class RollbackPreview(Endpoint):
    """What a rollback would do."""

    @extend_schema(responses=Preview)
    def get(self, request: Any, slug: str) -> Response:
        found = rollback_of(queries.system_for(self.actor, slug))
        target = found.target.number if found.target else None
        return Response({"target_version": target, "armed": found.armed, "problems": list(found.problems)})


class ProductionPointer(Endpoint):
    """What is live, or was live at a moment."""

    @extend_schema(parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME)], responses=Production)
    def get(self, request: Any, slug: str) -> Response:
        system = queries.system_for(self.actor, slug)
        release = self._release(system, request.query_params.get("at", ""))
        body = _production(release)
        etag = f'"{hashlib.sha256(json.dumps(body, default=str).encode()).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == etag:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
        return Response(body, headers={"ETag": etag})

    def _release(self, system: System, at: str) -> Release:
        moment = rfc3339(at)
        if at and moment is None:
            problem = Problem("at", "must be an RFC 3339 time with an offset")
            raise Invalid("The time cannot be read.", details=[problem])
        release = queries.release_at(system, moment) if moment else queries.current_release(system)
        if release is None:
            raise Hidden("Nothing was live then." if moment else "Nothing is live.")
        return release


def _production(release: Release) -> dict[str, Any]:
    candidate = release.candidate
    return {
        "release": release.number,
        "version": release.version.number,
        "artifact_sha256": release.version.artifact_sha256,
        "since": release.released_at,
        "strategy": release.strategy,
        "candidate": {"version": candidate.number, "weight_bp": release.weight_bp} if candidate else None,
    }
