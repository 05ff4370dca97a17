"""Endpoints of the review."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

import audit.queries as trail
from explain.disputes.bodies import CaseMoveBody, DisputeSummary, WordsBody
from explain.disputes.queries import dispute_for
from explain.disputes.rest import Act
from explain.models import Correction
from explain.reviewing import queries, services
from portal.rest import Endpoint, valid


class DecideBody(CaseMoveBody):
    """The ruling; `answer` is the one in force after overturning, by default the other label."""

    outcome = serializers.CharField(max_length=16)
    reason_code = serializers.CharField(max_length=32)
    grounds = serializers.CharField(max_length=20_000)
    answer = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)


class CorrectionWanted(serializers.Serializer):
    """The inputs that were wrong, with their right values; null takes one away."""

    inputs = serializers.DictField()


class CorrectionBody(serializers.Serializer):
    """How far a correction is, and what the version that decided answers to it."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    state = serializers.CharField()
    changed = serializers.ListField(child=serializers.CharField())
    result = serializers.DictField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class DisputeReview(Act):
    """The caller reviews the case from now on. 409 `under_review` while another does, unless the caller saw it so."""

    @extend_schema(request=CaseMoveBody, responses=DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.start_review, **valid(CaseMoveBody(data=request.data or {})))


class DisputeFirstView(Act):
    """What the reviewer thinks before seeing what the model answered, where the policy asks for it."""

    @extend_schema(request=WordsBody, responses=DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.write_first_view, **valid(WordsBody(data=request.data)))


class DisputeDecide(Act):
    """The reviewer's decision: upheld, overturned or corrected."""

    @extend_schema(request=DecideBody, responses=DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        decision = trail.decision_for(self.actor, dispute_for(self.actor, number).decision_id)
        return self.act(number, services.decide_dispute, decision=decision, **valid(DecideBody(data=request.data)))


class Corrections(Endpoint):
    """Corrected inputs, to be scored by the version that decided."""

    @extend_schema(request=CorrectionWanted, responses={202: CorrectionBody}, operation_id="dispute_corrections_create")
    def post(self, request: Any, number: int) -> Response:
        dispute = dispute_for(self.actor, number)
        made = services.correct_inputs(
            actor=self.actor,
            dispute=dispute,
            decision=trail.decision_for(self.actor, dispute.decision_id),
            changes=valid(CorrectionWanted(data=request.data))["inputs"],
            now=timezone.now(),
        )
        return Response(_body(request, made), status=status.HTTP_202_ACCEPTED)


class CorrectionOne(Endpoint):
    """How far a correction is."""

    @extend_schema(responses=CorrectionBody, operation_id="dispute_corrections_retrieve")
    def get(self, request: Any, number: int, identifier: uuid.UUID) -> Response:
        return Response(_body(request, queries.correction_for(self.actor, number, identifier)))


def _body(request: Any, correction: Correction) -> dict[str, Any]:
    url = reverse("api:dispute-correction", args=[correction.dispute_id, correction.id])
    return {
        "id": correction.id,
        "url": request.build_absolute_uri(url),
        "state": correction.state,
        "changed": correction.changed,
        "result": queries.result_of(correction),
        "error": correction.error or None,
    }
