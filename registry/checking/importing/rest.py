"""The endpoint that compares features at training and at serving time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from portal.accounts.access import Permission
from portal.errors import Invalid, Problem
from portal.rest import Endpoint, valid
from registry import queries
from registry.checking.findings import Finding
from registry.checking.importing import parity
from registry.checking.importing.services import attach_finding
from registry.checking.importing.tables import MAX_BYTES, read_table
from registry.checking.policies import policies_for
from registry.models import Version


class ParityFiles(serializers.Serializer):
    """The two tables to compare, and how their rows belong together."""

    training = serializers.FileField(help_text="CSV or Parquet, at most 16 MiB and 100,000 rows.")
    serving = serializers.FileField(help_text="The same keys' features as the model gets them when it decides.")
    keys = serializers.CharField(max_length=1_000, help_text="Key columns, separated by commas.")
    timestamp = serializers.CharField(
        max_length=255, required=False, default="", help_text="Column with each row's own time, if there is one."
    )


class ParityEvidence(serializers.Serializer):
    """The evidence that came of it."""

    kind = serializers.CharField()
    verdict = serializers.CharField()
    summary = serializers.CharField()
    payload = serializers.JSONField(help_text="The comparison, feature by feature; no row's values.")
    recorded_by = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class FeatureParityCheck(Endpoint):
    """Features at training time against those at serving time."""

    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": ParityFiles}, responses={201: ParityEvidence})
    def post(self, request: Any, slug: str, number: int) -> Response:
        """Compare two tables key by key; the result becomes evidence of the version."""
        version = queries.version_for(self.actor, slug, number)
        self.actor.need(Permission.VERSION_REGISTER)
        now = timezone.now()
        finding = compared(version, valid(ParityFiles(data=request.data)), now)
        evidence = attach_finding(actor=self.actor, version=version, finding=finding, now=now)
        return Response(ParityEvidence(evidence).data, status=status.HTTP_201_CREATED)


def compared(version: Version, files: dict[str, Any], now: datetime) -> Finding:
    """What the comparison of the two files says; `Invalid` for what cannot be compared."""
    thresholds = policies_for(version.system.risk_class)[parity.GATE].thresholds
    try:
        found = parity.compare(
            read_table(files["training"].read(MAX_BYTES + 1), "training"),
            read_table(files["serving"].read(MAX_BYTES + 1), "serving"),
            [key.strip() for key in files["keys"].split(",") if key.strip()],
            relative_tolerance=thresholds["relative_tolerance"],
            timestamp=files["timestamp"] or None,
            at=now,
            source="files",
        )
    except parity.ParityInvalid as error:
        side = str(error).partition(" ")[0]
        path = side if side in ("training", "serving") else "keys"
        raise Invalid(
            "The features cannot be compared.", code="parity_invalid", details=[Problem(path, str(error))]
        ) from None
    return parity.judge(found, version.spec.inputs.names, thresholds)
