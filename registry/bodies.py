"""The shapes that more than one room's endpoints take or give."""

from __future__ import annotations

from rest_framework import serializers


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


class ReasonBody(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(max_length=2_000)
