"""The registry's endpoints."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from portal.accounts.access import Permission
from portal.errors import Invalid, Problem
from portal.rest import Endpoint, valid
from registry import queries, services
from registry.bodies import VersionSummary
from registry.checking import queries as checklist
from registry.checking import services as checking
from registry.checking.importing.sent import WORD_OF_SENDER, is_judged
from registry.checking.importing.services import import_evidence
from registry.models import Evidence, RiskClass, Version
from registry.provenance import services as provenance
from registry.releasing.waiting import wait_for
from registry.uploads import upload_of

_DRY_RUN = {"1": True, "true": True, "0": False, "false": False}


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
    verdict = serializers.CharField(max_length=16, default="claimed")
    summary = serializers.CharField(max_length=500, default="", allow_blank=True)
    # A link on the version's page: nothing but the web.
    source_url = serializers.RegexField(
        r"^(https?://\S+)?\Z", max_length=500, required=False, default="", allow_blank=True
    )
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
    checks = serializers.SerializerMethodField(help_text="The newest run of the checks: queued, running, done, failed.")

    def get_checks(self, version: Version) -> str | None:
        run = checklist.newest_run(version)
        return run.state if run else None

    def get_manifest(self, version: Version) -> dict[str, Any]:
        return json.loads(version.manifest)

    def get_gates(self, version: Version) -> list[dict[str, Any]]:
        return GateBody(checklist.gates_of(version), many=True).data


class TriedGate(serializers.Serializer):
    """How one gate would stand."""

    gate = serializers.CharField(source="kind")
    title = serializers.CharField()
    level = serializers.CharField()
    verdict = serializers.CharField()
    summary = serializers.CharField()
    satisfied = serializers.BooleanField(source="is_satisfied")


class TriedBody(serializers.Serializer):
    """How the checklist of a version would stand."""

    ok = serializers.BooleanField()
    gates = TriedGate(many=True)
    took_ms = serializers.IntegerField()


class VersionUpload(serializers.Serializer):
    """The parts of a new version."""

    manifest = serializers.CharField(help_text="JSON, as text or as a file part.")
    artifact = serializers.FileField(required=False, help_text="The model; none for one that is served elsewhere.")
    background = serializers.FileField(help_text="CSV or Parquet, a sample of the training rows, at most 1,000.")
    evaluation = serializers.FileField(required=False, help_text="Rows with a column `label`, at most 100,000.")
    golden = serializers.FileField(
        required=False, help_text="Rows with a column `score`, as the trainer's own environment scored them."
    )
    identity_token = serializers.CharField(
        required=False, help_text="The CI job's OIDC token, of a source that the system trusts; or header X-CI-Token."
    )


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

    @extend_schema(
        request={"multipart/form-data": VersionUpload},
        parameters=[OpenApiParameter("dry_run", bool, description="Only say how the gates would stand.")],
        responses={200: TriedBody, 201: VersionDetail},
    )
    def post(self, request: Any, slug: str) -> Response:
        """Register a version; every part is checked, and the artifact opened in a sandbox only.

        Workers then check the gates; the answer waits for them, up to 20 s. `checks` says whether they are done.

        With `?dry_run=1` all gates are checked at once, which takes some seconds, and nothing is stored: 200 with `ok`,
        false when a required gate would stand in the way of approval.
        """
        system = queries.system_for(self.actor, slug)
        self.actor.need(Permission.VERSION_REGISTER)
        now, upload = timezone.now(), upload_of(request)
        token = ci_token(request, request.data)
        voucher = provenance.admit_identity(actor=self.actor, system=system, token=token, now=now) if token else None
        sent: dict[str, Any] = {"actor": self.actor, "system": system, "upload": upload, "voucher": voucher, "now": now}
        if _is_dry_run(request):
            return Response(TriedBody(checking.try_version(**sent)).data)
        version = services.register_version(**sent)
        wait_for(lambda: checklist.open_run(version), lambda run: run is None, settings.CHECKS_WAIT_SECONDS)
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
        """Add evidence; what we can judge gets our verdict, whatever was sent (docs/integrations/evidence.md).

        A commit with {"identity_token": …} is proven by the CI job's OIDC token.
        """
        version = queries.version_for(self.actor, slug, number)
        facts = valid(EvidenceBody(data=request.data))
        token = ci_token(request, facts["payload"])
        facts["payload"].pop("identity_token", None)
        evidence = self._attach(version, token, facts)
        return Response(EvidenceBody(evidence).data, status=status.HTTP_201_CREATED)

    def _attach(self, version: Version, token: str, facts: dict[str, Any]) -> Evidence:
        about: dict[str, Any] = {"actor": self.actor, "version": version, "now": timezone.now()}
        kind, payload, url = facts["kind"], facts["payload"], facts["source_url"]
        if kind == "commit" and token:
            return provenance.vouch_for_version(token=token, **about)
        if not is_judged(kind, payload):
            return services.attach_evidence(**facts, **about)
        self.actor.need(Permission.VERSION_REGISTER)
        voucher = None
        if token and kind in WORD_OF_SENDER:
            asked = {"actor": self.actor, "system": version.system, "version": version.number, "now": about["now"]}
            voucher = provenance.admit_identity(token=token, **asked)
        return import_evidence(kind=kind, payload=payload, source_url=url, voucher=voucher, **about)


def _is_dry_run(request: Any) -> bool:
    word = request.query_params.get("dry_run", "0")
    if word not in _DRY_RUN:
        raise Invalid("What is asked for is unclear.", details=[Problem("dry_run", "must be 1 or 0")])
    return _DRY_RUN[word]


def ci_token(request: Any, given: Any) -> str:
    """The CI job's identity token, by header or among what was given; empty where there is none."""
    token = request.headers.get("X-CI-Token") or given.get("identity_token", "")
    return token.strip() if isinstance(token, str) else ""
