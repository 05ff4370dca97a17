"""The registry's endpoints."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from portal.errors import Invalid, Problem
from portal.rest import Endpoint, valid
from registry import queries, services
from registry.bodies import VersionSummary
from registry.checking import queries as checklist
from registry.intake import Upload
from registry.models import RiskClass, Version


class SystemBody(serializers.Serializer):
    """A system, in and out."""

    slug = serializers.RegexField(r"^[a-z0-9][a-z0-9-]{0,63}\Z")
    name = serializers.CharField(max_length=160)
    purpose = serializers.CharField(max_length=10_000)
    owner = serializers.CharField(max_length=160)
    risk_class = serializers.ChoiceField(choices=RiskClass.values)
    annex_iii_point = serializers.CharField(max_length=16, allow_null=True, required=False)


class EvidenceBody(serializers.Serializer):
    """One checked fact, in and out."""

    kind = serializers.RegexField(r"^[a-z][a-z0-9_]{0,63}\Z")
    verdict = serializers.CharField(max_length=16)
    summary = serializers.CharField(max_length=500)
    source_url = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    payload = serializers.DictField(required=False, default=dict)
    recorded_by = serializers.CharField(read_only=True)
    recorded_at = serializers.DateTimeField(read_only=True)


class GateBody(serializers.Serializer):
    """One gate of the checklist."""

    gate = serializers.CharField(source="kind")
    title = serializers.CharField()
    verdict = serializers.CharField()
    evidence = EvidenceBody(many=True)


class VersionDetail(VersionSummary):
    """A version with its manifest and gates."""

    manifest = serializers.SerializerMethodField()
    gates = serializers.SerializerMethodField()

    def get_manifest(self, version: Version) -> dict[str, Any]:
        return json.loads(version.manifest)

    def get_gates(self, version: Version) -> list[dict[str, Any]]:
        return GateBody(checklist.gates_of(version), many=True).data


class VersionUpload(serializers.Serializer):
    """The parts of a new version."""

    manifest = serializers.CharField(help_text="JSON, as text or as a file part.")
    artifact = serializers.FileField()
    background = serializers.FileField(help_text="CSV or Parquet, a sample of the training rows, at most 1,000.")
    evaluation = serializers.FileField(required=False)


class SystemList(Endpoint):
    """Systems."""

    @extend_schema(responses=SystemBody(many=True), operation_id="systems_list")
    def get(self, request: Any) -> Response:
        return Response(SystemBody(queries.systems_visible_to(self.actor), many=True).data)

    @extend_schema(request=SystemBody, responses={201: SystemBody})
    def post(self, request: Any) -> Response:
        """Add a system."""
        facts = {"annex_iii_point": None, **valid(SystemBody(data=request.data))}
        system = services.create_system(actor=self.actor, now=timezone.now(), **facts)
        return Response(SystemBody(system).data, status=status.HTTP_201_CREATED)


class SystemOne(Endpoint):
    """One system."""

    @extend_schema(responses=SystemBody, operation_id="systems_retrieve")
    def get(self, request: Any, slug: str) -> Response:
        return Response(SystemBody(queries.system_for(self.actor, slug)).data)


class VersionList(Endpoint):
    """Versions of a system, newest first."""

    parser_classes = [MultiPartParser]

    @extend_schema(responses=VersionSummary(many=True), operation_id="versions_list")
    def get(self, request: Any, slug: str) -> Response:
        versions = queries.system_for(self.actor, slug).versions.select_related("system")
        return Response(VersionSummary(versions, many=True).data)

    @extend_schema(request={"multipart/form-data": VersionUpload}, responses={201: VersionDetail})
    def post(self, request: Any, slug: str) -> Response:
        """Register a version; every part is checked, and the artifact opened in a sandbox only."""
        system = queries.system_for(self.actor, slug)
        upload = _upload(request)
        version = services.register_version(actor=self.actor, system=system, upload=upload, now=timezone.now())
        return Response(VersionDetail(version).data, status=status.HTTP_201_CREATED)


class VersionOne(Endpoint):
    """One version."""

    @extend_schema(responses=VersionDetail, operation_id="versions_retrieve")
    def get(self, request: Any, slug: str, number: int) -> Response:
        return Response(VersionDetail(queries.version_for(self.actor, slug, number)).data)


class EvidenceList(Endpoint):
    """Evidence of a version."""

    @extend_schema(request=EvidenceBody, responses={201: EvidenceBody})
    def post(self, request: Any, slug: str, number: int) -> Response:
        version = queries.version_for(self.actor, slug, number)
        facts = valid(EvidenceBody(data=request.data))
        evidence = services.attach_evidence(actor=self.actor, version=version, now=timezone.now(), **facts)
        return Response(EvidenceBody(evidence).data, status=status.HTTP_201_CREATED)


def _upload(request: Any) -> Upload:
    missing = [name for name in ("artifact", "background") if name not in request.FILES]
    manifest = request.FILES["manifest"].read() if "manifest" in request.FILES else request.data.get("manifest")
    if manifest is None:
        missing.insert(0, "manifest")
    if missing:
        details = [Problem(name, "is required") for name in missing]
        raise Invalid("Parts of the version are missing.", details=details)
    raw = manifest if isinstance(manifest, bytes) else str(manifest).encode()
    files = request.FILES
    return Upload(raw, files["artifact"].file, files["background"].file, _open(files.get("evaluation")))


def _open(file: Any) -> Any:
    return file.file if file else None
