"""Counted against recorded, for programs."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from audit.completeness import queries
from audit.completeness.forms import RangeForm
from portal.errors import Invalid, Problem
from portal.rest import Endpoint


class TallyBody(serializers.Serializer):
    """One hour of one version."""

    hour = serializers.DateTimeField()
    system = serializers.CharField()
    version = serializers.IntegerField(allow_null=True, help_text="Null where no version was reached.")
    counted = serializers.DictField(child=serializers.IntegerField(), help_text="By status.")
    recorded = serializers.DictField(child=serializers.IntegerField(), help_text="By status.")
    unrecorded = serializers.IntegerField(help_text="Requests answered with 503 for want of a record.")
    missing = serializers.IntegerField()
    surplus = serializers.IntegerField()
    is_running = serializers.BooleanField(help_text="Its last counts are not in yet.")


class VerdictBody(serializers.Serializer):
    """The verdict in one line."""

    state = serializers.ChoiceField(choices=["complete", "missing", "surplus", "nothing"])
    words = serializers.CharField()
    missing = serializers.IntegerField()
    surplus = serializers.IntegerField()


class CompletenessBody(serializers.Serializer):
    """What was counted beside what is recorded."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    verdict = VerdictBody()
    gaps = serializers.ListField(child=serializers.CharField())
    rows = TallyBody(source="tallies", many=True)
    reported = serializers.DictField(child=serializers.IntegerField(), help_text="Reported from elsewhere, by system.")
    dropped = serializers.ListField(child=serializers.DateTimeField(), help_text="Months dropped under retention.")


class CompletenessDoor(Endpoint):
    """Decisions that the gateways counted, beside those in the trail."""

    @extend_schema(
        parameters=[OpenApiParameter(name, OpenApiTypes.DATETIME) for name in ("since", "until")],
        responses=CompletenessBody,
        operation_id="completeness_retrieve",
    )
    def get(self, request: Any) -> Response:
        form, now = RangeForm(request.query_params), timezone.now()
        if not form.is_valid():
            details = [Problem(name, str(text[0])) for name, text in form.errors.items()]
            raise Invalid("The range cannot be read.", details=details)
        since, until = form.range(now)
        return Response(CompletenessBody(queries.completeness_for(self.actor, since, until, now)).data)
