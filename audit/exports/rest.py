"""Endpoints of exports."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from audit.exports import files, queries, services
from audit.models import Job
from portal.accounts.access import Permission
from portal.rest import Endpoint


class ExportAsked(serializers.Serializer):
    """What to export. A purpose asks for the personal data too, where the caller may read it."""

    system = serializers.CharField(max_length=64)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(help_text="At most twelve months after `since`.")
    format = serializers.ChoiceField(choices=services.FORMATS)
    purpose = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class ExportStarted(serializers.Serializer):
    """Where to look for the export."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    state = serializers.CharField()


class ExportBody(serializers.Serializer):
    """How far an export is, and where its file is."""

    state = serializers.CharField()
    progress = serializers.FloatField()
    error = serializers.CharField(allow_null=True)
    download = serializers.URLField(allow_null=True, help_text="For seven days.")
    rows = serializers.IntegerField(allow_null=True)
    sha256 = serializers.CharField(allow_null=True)
    redaction = serializers.CharField(help_text="What is left out: “none” or “no personal data”.")


class ExportList(Endpoint):
    """Exports of the trail."""

    @extend_schema(request=ExportAsked, responses={202: ExportStarted})
    def post(self, request: Any) -> Response:
        """Have the entries of a system exported, with their proofs."""
        self.actor.need(Permission.TRAIL_EXPORT)
        body = ExportAsked(data=request.data)
        body.is_valid(raise_exception=True)
        facts = body.validated_data
        disclose = bool(facts["purpose"]) and self.actor.may(Permission.DECISION_READ)
        job = services.request_export(actor=self.actor, disclose=disclose, now=timezone.now(), **facts)
        url = request.build_absolute_uri(reverse("api:export", args=[job.id]))
        started = {"id": job.id, "url": url, "state": job.state}
        return Response(ExportStarted(started).data, status=status.HTTP_202_ACCEPTED)


class ExportOne(Endpoint):
    """One export of one's own."""

    @extend_schema(responses=ExportBody)
    def get(self, request: Any, identifier: uuid.UUID) -> Response:
        job = queries.export_for(self.actor, identifier)
        return Response(ExportBody(self._facts(job)).data)

    def _facts(self, job: Job) -> dict[str, Any]:
        result = job.result or {}
        address = self.request.build_absolute_uri(reverse("api:export-download", args=[job.id]))
        return {
            "state": job.state,
            "progress": job.progress,
            "error": job.error or result.get("withdrawn"),
            "download": address if result.get("file") else None,
            "rows": result.get("rows"),
            "sha256": result.get("sha256"),
            "redaction": job.parameters["redaction"],
        }


class ExportDownload(Endpoint):
    """The file of one's own export."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Any, identifier: uuid.UUID) -> FileResponse:
        return files.as_download(queries.file_for(self.actor, identifier))
