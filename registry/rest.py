"""The registry's endpoints."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from portal.errors import Hidden, Invalid, Problem
from portal.rest import Endpoint
from portal.times import rfc3339
from registry import queries, services
from registry.intake import Upload
from registry.models import Release, RiskClass, Strategy, System, Version


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


class VersionSummary(serializers.Serializer):
    """A version, without its manifest."""

    system = serializers.CharField(source="system.slug")
    version = serializers.IntegerField(source="number")
    state = serializers.CharField()
    artifact_sha256 = serializers.CharField()
    artifact_format = serializers.CharField()
    artifact_bytes = serializers.IntegerField()
    background_sha256 = serializers.CharField()
    background_rows = serializers.IntegerField()
    registered_by = serializers.CharField()
    registered_at = serializers.DateTimeField()
    submitted_by = serializers.CharField(allow_null=True)


class VersionDetail(VersionSummary):
    """A version with its manifest and gates."""

    manifest = serializers.SerializerMethodField()
    gates = serializers.SerializerMethodField()

    def get_manifest(self, version: Version) -> dict[str, Any]:
        return json.loads(version.manifest)

    def get_gates(self, version: Version) -> list[dict[str, Any]]:
        return GateBody(queries.gates_of(version), many=True).data


class VersionUpload(serializers.Serializer):
    """The parts of a new version."""

    manifest = serializers.CharField(help_text="JSON, as text or as a file part.")
    artifact = serializers.FileField()
    background = serializers.FileField(help_text="CSV or Parquet, a sample of the training rows, at most 1,000.")
    evaluation = serializers.FileField(required=False)


class ReasonBody(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(max_length=2_000)


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


def _valid(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


class SystemList(Endpoint):
    """Systems."""

    @extend_schema(responses=SystemBody(many=True), operation_id="systems_list")
    def get(self, request: Any) -> Response:
        return Response(SystemBody(queries.systems_visible_to(self.actor), many=True).data)

    @extend_schema(request=SystemBody, responses={201: SystemBody})
    def post(self, request: Any) -> Response:
        """Add a system."""
        facts = {"annex_iii_point": None, **_valid(SystemBody(data=request.data))}
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
        facts = _valid(EvidenceBody(data=request.data))
        evidence = services.attach_evidence(actor=self.actor, version=version, now=timezone.now(), **facts)
        return Response(EvidenceBody(evidence).data, status=status.HTTP_201_CREATED)


class VersionMove(Endpoint):
    """A version moved to its next state: submit, approve, reject, retire, reinstate."""

    move = ""

    @extend_schema(request=ReasonBody, responses=VersionSummary)
    def post(self, request: Any, slug: str, number: int) -> Response:
        version = queries.version_for(self.actor, slug, number)
        reason = _valid(ReasonBody(data=request.data))["reason"]
        moved = services.move_version(self.move, actor=self.actor, version=version, reason=reason, now=timezone.now())
        return Response(VersionSummary(moved).data)


class ReleaseList(Endpoint):
    """Releases of a system."""

    @extend_schema(request=ReleaseBody, responses={201: ReleaseMade})
    def post(self, request: Any, slug: str) -> Response:
        system = queries.system_for(self.actor, slug)
        wanted = _valid(ReleaseBody(data=request.data))
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
        wanted = _valid(RollbackBody(data=request.data))
        release, replaced = services.roll_back(actor=self.actor, system=system, now=timezone.now(), **wanted)
        made = {"release": release.number, "version": release.version.number, "replaced_version": replaced.number}
        return Response(made)


class RollbackPreview(Endpoint):
    """What a rollback would do."""

    @extend_schema(responses=Preview)
    def get(self, request: Any, slug: str) -> Response:
        found = queries.rollback_of(queries.system_for(self.actor, slug))
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
