"""The shapes of incidents in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.incidents.clocks import Judged
from registry.incidents.queries import Standing
from registry.models import Causality, IncidentRole, Kind


class ClockBody(serializers.Serializer):
    """One date by which an authority must know."""

    article = serializers.CharField()
    days = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    why = serializers.CharField()


class JudgedBody(serializers.Serializer):
    """How a case is judged; its clock follows from that."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    is_death = serializers.BooleanField(default=False)
    is_widespread = serializers.BooleanField(default=False)
    role = serializers.ChoiceField(choices=IncidentRole.choices)
    aware_at = serializers.DateTimeField()
    causality = serializers.ChoiceField(choices=Causality.choices, default=Causality.UNKNOWN.value)
    causality_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    sector_rule = serializers.CharField(required=False, allow_blank=True, default="", max_length=2_000)

    @staticmethod
    def judged(sent: dict[str, Any]) -> Judged:
        """What was sent, as the services take it."""
        return Judged(**{name: sent[name] for name in Judged.__dataclass_fields__})


class NewIncidentBody(JudgedBody):
    """A new case, with what it is about from the beginning."""

    system = serializers.SlugField(max_length=64)
    versions = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=100, default=list)
    description = serializers.CharField()
    decisions = serializers.ListField(child=serializers.UUIDField(), max_length=100, default=list)
    disputes = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=100, default=list)


class LinkBody(serializers.Serializer):
    """Something that the case is tied to."""

    what = serializers.CharField()
    value = serializers.CharField()


class FilingBody(serializers.Serializer):
    """A report as it went to an authority, by the SHA-256 of its PDF."""

    report = serializers.IntegerField(source="report.number")
    stage = serializers.CharField(source="report.stage")
    authority = serializers.CharField()
    reference = serializers.CharField()
    sent_at = serializers.DateTimeField()
    pdf_sha256 = serializers.CharField()


class IncidentBody(serializers.Serializer):
    """A case: how it is judged, which clocks run, what it holds."""

    number = serializers.IntegerField()
    system = serializers.CharField(source="system.slug")
    state = serializers.CharField()
    description = serializers.CharField()
    versions = serializers.SerializerMethodField()
    due_at = serializers.DateTimeField()
    opened_by = serializers.CharField()
    opened_at = serializers.DateTimeField()
    links = LinkBody(many=True)
    filings = FilingBody(many=True)
    judged = serializers.SerializerMethodField()
    clocks = serializers.SerializerMethodField()
    hold = serializers.SerializerMethodField()

    def get_versions(self, incident: Any) -> list[int]:
        return sorted(held.version.number for held in incident.held_versions.all())

    @extend_schema_field(JudgedBody)
    def get_judged(self, incident: Any) -> dict[str, Any]:
        return JudgedBody(self._standing(incident).assessment).data

    @extend_schema_field(ClockBody(many=True))
    def get_clocks(self, incident: Any) -> list[dict[str, Any]]:
        return ClockBody(self._standing(incident).clocks, many=True).data

    def get_hold(self, incident: Any) -> bool:
        """Whether its versions and the system's part of the trail are held."""
        return any(hold.released_at is None for hold in incident.holds.all())

    def _standing(self, incident: Any) -> Standing:
        return self.context["standing"](incident)


class IncidentPage(serializers.Serializer):
    """One page of cases, and the address of the next."""

    results = IncidentBody(many=True)
    next = serializers.URLField(allow_null=True)
