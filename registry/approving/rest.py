"""The endpoints that move a version from state to state."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from portal.accounts.freshness import need_fresh
from portal.rest import Endpoint, valid
from registry import lifecycle, queries
from registry.approving import queries as approving
from registry.approving import services
from registry.bodies import ReasonBody, VersionSummary


class MoveBody(ReasonBody):
    """Why, and for a signature the password again, unless it was given within the last five minutes."""

    password = serializers.CharField(required=False, allow_blank=True, max_length=256, write_only=True)


class MovedVersion(VersionSummary):
    """A version after the move, and the signatures that are still missing, by role."""

    missing_signatures = serializers.SerializerMethodField()

    def get_missing_signatures(self, version: Any) -> dict[str, int]:
        return approving.progress_of(version).missing


class VersionMove(Endpoint):
    """A version moved to its next state: submit, approve, reject, withdraw, retire, reinstate.

    An approval is refused with 409 `gates_unsatisfied`, naming each, while required gates are neither passed nor
    waived; a version that needs more signatures stays `submitted`, and says which are missing.
    """

    move = ""

    @extend_schema(request=MoveBody, responses=MovedVersion)
    def post(self, request: Any, slug: str, number: int) -> Response:
        version = queries.version_for(self.actor, slug, number)
        sent = valid(MoveBody(data=request.data))
        if lifecycle.needs_password(self.move):
            need_fresh(request, sent.get("password"))
        moved = services.move_version(
            self.move, actor=self.actor, version=version, reason=sent["reason"], now=timezone.now()
        )
        return Response(MovedVersion(moved).data)
