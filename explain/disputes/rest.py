"""Endpoints of disputes."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

import audit.queries as trail
from explain.disputes import queries, services
from explain.disputes.forms import DisputeFilterForm
from portal.errors import Hidden, Invalid, Problem
from portal.rest import Endpoint


class DisputeBody(serializers.Serializer):
    """A dispute, in and out."""

    number = serializers.IntegerField(read_only=True)
    decision = serializers.UUIDField(source="decision_id")
    channel = serializers.CharField(max_length=16)
    claim = serializers.CharField(max_length=10_000)
    received_at = serializers.DateTimeField(required=False)
    system = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    due_at = serializers.DateTimeField(read_only=True)
    opened_by = serializers.CharField(read_only=True)
    explanation = serializers.UUIDField(source="explanation_id", read_only=True, allow_null=True)


class DisputeList(Endpoint):
    """Disputes, the most urgent first."""

    @extend_schema(
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR),
            OpenApiParameter("due_before", OpenApiTypes.DATETIME),
        ],
        responses=DisputeBody(many=True),
        operation_id="disputes_list",
    )
    def get(self, request: Any) -> Response:
        form = DisputeFilterForm(request.query_params)
        if not form.is_valid():
            details = [Problem(name, str(text[0])) for name, text in form.errors.items()]
            raise Invalid("A filter cannot be read.", details=details)
        found = queries.disputes_visible_to(self.actor)
        if form.cleaned_data["state"]:
            found = found.filter(state=form.cleaned_data["state"])
        if form.cleaned_data["due_before"]:
            found = found.filter(due_at__lt=form.cleaned_data["due_before"])
        return Response({"results": DisputeBody(found[:500], many=True).data, "next": None})

    @extend_schema(request=DisputeBody, responses={201: DisputeBody})
    def post(self, request: Any) -> Response:
        """Open a dispute about a decision."""
        body = DisputeBody(data=request.data)
        body.is_valid(raise_exception=True)
        facts = body.validated_data
        now = timezone.now()
        try:
            decision = trail.decision_for(self.actor, facts["decision_id"])
        except Hidden:
            raise Invalid("There is no such decision.", details=[Problem("decision", "is not in the trail")]) from None
        dispute = services.open_dispute(
            actor=self.actor,
            decision=decision,
            channel=facts["channel"],
            claim=facts["claim"],
            received_at=facts.get("received_at", now),
            now=now,
        )
        return Response(DisputeBody(dispute).data, status=status.HTTP_201_CREATED)


class DisputeOne(Endpoint):
    """One dispute."""

    @extend_schema(responses=DisputeBody, operation_id="disputes_retrieve")
    def get(self, request: Any, number: int) -> Response:
        return Response(DisputeBody(queries.dispute_for(self.actor, number)).data)
