"""Endpoints of a case's files."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from explain.disputes import queries, services
from explain.models import Attachment
from portal.accounts.access import Permission
from portal.http import as_download, upload_refusal_of
from portal.rest import Endpoint, valid


class FileWanted(serializers.Serializer):
    """A file: PDF, PNG, JPEG or plain text by its content, at most 5 MiB."""

    file = serializers.FileField()


class FileBody(serializers.Serializer):
    """A file of a case; its content is at `url`."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    added_by = serializers.CharField()
    added_at = serializers.DateTimeField()
    url = serializers.URLField()


class FileList(serializers.Serializer):
    """The files of a case, the oldest first."""

    results = FileBody(many=True)


class DisputeFiles(Endpoint):
    """The files of a case. Their names are personal data, so reading the list is recorded."""

    parser_classes = [MultiPartParser]

    @extend_schema(responses=FileList, operation_id="dispute_files_list")
    def get(self, request: Any, number: int) -> Response:
        dispute = queries.dispute_for(self.actor, number)
        self.actor.need_sight(Permission.DECISION_READ)
        services.record_case_reading(actor=self.actor, disputes=[dispute])
        rows = [_body(request, item["file"], item["name"]) for item in queries.files_of(dispute)]
        return Response(FileList({"results": rows}).data)

    @extend_schema(
        request={"multipart/form-data": FileWanted}, responses={201: FileBody}, operation_id="dispute_files_create"
    )
    def post(self, request: Any, number: int) -> Response:
        """Keep a file with the case, encrypted. Its content says what it is, not its name or the type that was sent."""
        dispute = queries.dispute_for(self.actor, number)
        sent = request.data
        if refusal := upload_refusal_of(request):
            raise refusal
        file = valid(FileWanted(data=sent))["file"]
        facts = {"name": file.name, "content": file.read(), "now": timezone.now()}
        kept = services.attach_file(actor=self.actor, dispute=dispute, **facts)
        body = _body(request, kept, queries.name_of(kept))
        return Response(FileBody(body).data, status=status.HTTP_201_CREATED)


class DisputeFile(Endpoint):
    """The content of a file, as a download; that is recorded."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, operation_id="dispute_file")
    def get(self, request: Any, number: int, identifier: uuid.UUID) -> HttpResponse:
        found = queries.file_for(self.actor, number, identifier)
        services.record_download(actor=self.actor, attachment=found)
        name, content = queries.content_of(found)
        return as_download(content, name=name, media_type=found.media_type)


def _body(request: Any, kept: Attachment, name: str) -> dict[str, Any]:
    url = reverse("api:dispute-file", args=[kept.dispute_id, kept.id])
    facts = {field: getattr(kept, field) for field in ("id", "media_type", "size", "added_by", "added_at")}
    return {**facts, "name": name, "url": request.build_absolute_uri(url)}
