"""The endpoints about gates: waiving one, and the policy that says how each binds."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from portal.accounts.access import Permission
from portal.errors import Hidden
from portal.rest import Endpoint, valid
from registry import queries
from registry.checking import services
from registry.checking.findings import SUMMARY_LENGTH
from registry.checking.gates import Level
from registry.checking.policies import policies_for
from registry.checking.queries import newest_run
from registry.models import RiskClass


class WaiverBody(serializers.Serializer):
    """Why a gate may pass; it stands on the version's page."""

    reason = serializers.CharField(max_length=SUMMARY_LENGTH)


class WaiverMade(serializers.Serializer):
    """The waiver, which is evidence like any other."""

    kind = serializers.CharField()
    verdict = serializers.CharField()
    summary = serializers.CharField()
    recorded_by = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class PolicyBody(serializers.Serializer):
    """How one gate binds the versions of a risk class."""

    gate = serializers.CharField(source="gate.kind", read_only=True)
    title = serializers.CharField(source="gate.title", read_only=True)
    level = serializers.ChoiceField(choices=list(Level))
    thresholds = serializers.DictField(child=serializers.FloatField(), required=False, default=dict)
    reason = serializers.CharField(max_length=2_000)
    changed_by = serializers.CharField(read_only=True, allow_null=True)
    changed_at = serializers.DateTimeField(read_only=True, allow_null=True)


class CheckRunBody(serializers.Serializer):
    """A run of the checks: queued, running, done or failed; its findings are the version's evidence."""

    state = serializers.CharField()
    stage = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    error = serializers.CharField()
    elapsed_ms = serializers.IntegerField()


class Checks(Endpoint):
    """The newest run of a version's checks, and a new one."""

    @extend_schema(responses=CheckRunBody)
    def get(self, request: Any, slug: str, number: int) -> Response:
        run = newest_run(queries.version_for(self.actor, slug, number))
        if run is None:
            raise Hidden("This version was never checked.")
        return Response(CheckRunBody(run).data)

    @extend_schema(request=None, responses={202: CheckRunBody})
    def post(self, request: Any, slug: str, number: int) -> Response:
        """Have the checks run again; the run that is under way or waits, if there is one."""
        version = queries.version_for(self.actor, slug, number)
        run = services.request_checks(actor=self.actor, version=version, now=timezone.now())
        return Response(CheckRunBody(run).data, status=status.HTTP_202_ACCEPTED)


class GateWaiver(Endpoint):
    """A gate of a version, waived by a person who may."""

    @extend_schema(request=WaiverBody, responses={201: WaiverMade})
    def post(self, request: Any, slug: str, number: int, gate: str) -> Response:
        version = queries.version_for(self.actor, slug, number)
        reason = valid(WaiverBody(data=request.data))["reason"]
        waiver = services.waive_gate(
            actor=self.actor, version=version, gate=gate, reason=reason, now=timezone.now()
        )
        return Response(WaiverMade(waiver).data, status=status.HTTP_201_CREATED)


class GatePolicies(Endpoint):
    """How every gate binds the versions of a risk class."""

    @extend_schema(responses=PolicyBody(many=True), operation_id="gate_policies_list")
    def get(self, request: Any, risk_class: str) -> Response:
        self.actor.need_sight(Permission.SYSTEM_VIEW)
        return Response(PolicyBody(policies_for(_known(risk_class)).values(), many=True).data)


class GatePolicyOne(Endpoint):
    """How one gate binds the versions of a risk class, from now on."""

    @extend_schema(request=PolicyBody, responses=PolicyBody)
    def put(self, request: Any, risk_class: str, gate: str) -> Response:
        self.actor.need_sight(Permission.SYSTEM_VIEW)
        if gate not in policies_for(_known(risk_class)):
            raise Hidden
        wanted = valid(PolicyBody(data=request.data))
        services.set_policy(actor=self.actor, risk_class=risk_class, gate=gate, now=timezone.now(), **wanted)
        return Response(PolicyBody(policies_for(risk_class)[gate]).data)


def _known(risk_class: str) -> str:
    if risk_class not in RiskClass.values:
        raise Hidden
    return risk_class
