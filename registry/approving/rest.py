"""The endpoints that move a version from state to state."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from portal.rest import Endpoint, valid
from registry import queries
from registry.approving import services
from registry.bodies import ReasonBody, VersionSummary


class VersionMove(Endpoint):
    """A version moved to its next state: submit, approve, reject, retire, reinstate."""

    move = ""

    @extend_schema(request=ReasonBody, responses=VersionSummary)
    def post(self, request: Any, slug: str, number: int) -> Response:
        version = queries.version_for(self.actor, slug, number)
        reason = valid(ReasonBody(data=request.data))["reason"]
        moved = services.move_version(self.move, actor=self.actor, version=version, reason=reason, now=timezone.now())
        return Response(VersionSummary(moved).data)
