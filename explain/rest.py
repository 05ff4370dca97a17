"""Endpoints of explanations."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.response import Response

import audit.queries as trail
from explain import queries, services
from explain.disputes.queries import check_not_blind
from explain.expert import report_pdf
from explain.letters.languages import language_of
from explain.models import Explanation
from explain.wording.queries import FIRST_LANGUAGE, reasons_of
from portal.rest import Endpoint


class ExplainBody(serializers.Serializer):
    """Why an explanation is asked for, and whether a partial one shall be made again."""

    reason = serializers.CharField(max_length=2_000, required=False, default="", allow_blank=True)
    again = serializers.BooleanField(required=False, default=False)


class ExplanationStarted(serializers.Serializer):
    """Where to look for the explanation."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    state = serializers.CharField()


class ExplanationBody(serializers.Serializer):
    """How far an explanation is, and its report."""

    state = serializers.CharField()
    progress = serializers.FloatField()
    stage = serializers.CharField()
    elapsed_ms = serializers.IntegerField()
    report = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    @extend_schema_field(serializers.JSONField(allow_null=True))
    def get_report(self, explanation: Explanation) -> dict[str, Any] | None:
        return self.context["report"]

    def get_error(self, explanation: Explanation) -> str | None:
        return explanation.error or None


class DecisionExplanations(Endpoint):
    """The explanation of a decision; asking twice gives the same one."""

    @extend_schema(request=ExplainBody, responses={202: ExplanationStarted})
    def post(self, request: Any, identifier: uuid.UUID) -> Response:
        decision = trail.decision_for(self.actor, identifier)
        body = ExplainBody(data=request.data or {})
        body.is_valid(raise_exception=True)
        explanation = services.request_explanation(
            actor=self.actor, decision=decision, now=timezone.now(), **body.validated_data
        )
        url = request.build_absolute_uri(reverse("api:explanation", args=[explanation.id]))
        started = {"id": explanation.id, "url": url, "state": explanation.state}
        return Response(ExplanationStarted(started).data, status=status.HTTP_202_ACCEPTED)


class ExplanationPdf(Endpoint):
    """A finished explanation as an expert report (PDF/A-3, the report embedded); the reading is recorded."""

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Any, identifier: uuid.UUID) -> HttpResponse:
        explanation = queries.explanation_for(self.actor, identifier)
        check_not_blind(self.actor, explanation.decision_id)
        report = services.read_report(actor=self.actor, explanation=explanation)
        tell = partial(reasons_of, explanation.system, language_of(FIRST_LANGUAGE).value)
        pdf = report_pdf(explanation, report, tell=tell, now=timezone.now())
        name = f"explanation-{str(explanation.decision_id)[:13]}.pdf"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return HttpResponse(pdf, content_type="application/pdf", headers=headers)


class ExplanationOne(Endpoint):
    """One explanation; handing out its report is a reading of personal data, and recorded."""

    @extend_schema(responses=ExplanationBody)
    def get(self, request: Any, identifier: uuid.UUID) -> Response:
        explanation = queries.explanation_for(self.actor, identifier)
        check_not_blind(self.actor, explanation.decision_id)
        report = services.read_report(actor=self.actor, explanation=explanation)
        return Response(ExplanationBody(explanation, context={"report": report}).data)
