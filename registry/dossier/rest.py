"""The endpoints of the dossier: every point with its state and evidence, and statements on them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from portal.accounts.freshness import need_fresh
from portal.addresses import number_in
from portal.errors import Invalid, Problem
from portal.rest import Endpoint, valid
from registry import queries as registry
from registry.dossier import queries, services
from registry.models import StatementKind

MOST_REVISIONS = 2**31 - 1
_VERSION = OpenApiParameter("version", OpenApiTypes.INT, description="By default the live version, else the newest")


class FactBody(serializers.Serializer):
    """One thing that is so, and where it is kept."""

    key = serializers.CharField()
    sentence = serializers.CharField()
    url = serializers.CharField()
    as_of = serializers.DateTimeField()
    source = serializers.CharField()
    digest = serializers.CharField()


class DatesBody(serializers.Serializer):
    """From when a point binds: the day, the day by the letter where it is another one, and on what basis."""

    date = serializers.DateField(source="applies_from", allow_null=True)
    formal_from = serializers.DateField(allow_null=True)
    basis = serializers.CharField()


class StatementBody(serializers.Serializer):
    """What a person signed."""

    revision = serializers.IntegerField()
    kind = serializers.CharField()
    text = serializers.CharField()
    reason = serializers.CharField()
    author = serializers.CharField()
    signed_at = serializers.DateTimeField()
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)


class PointBody(serializers.Serializer):
    """A point of the law for a system and version. `state` is one of auto, evidence, statement, stale, missing,
    not_applicable; `why` says so in words."""

    id = serializers.CharField(source="item")
    ref = serializers.CharField(source="requirement.ref")
    title = serializers.CharField(source="requirement.title")
    asks = serializers.CharField(source="requirement.asks")
    written_by = serializers.CharField(source="requirement.written_by")
    mandatory = serializers.BooleanField(source="requirement.mandatory")
    state = serializers.CharField()
    why = serializers.CharField(source="standing.why")
    evidence = FactBody(source="facts", many=True)
    statement = StatementBody(allow_null=True)
    applies_from = DatesBody(source="bound")


class DossierBody(serializers.Serializer):
    """Every point; never one score."""

    system = serializers.CharField(source="system.slug")
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    regulation_version = serializers.CharField(source="regulation.version")
    counts = serializers.DictField(child=serializers.IntegerField())
    items = PointBody(source="points", many=True)


class WritingBody(serializers.Serializer):
    """A text to sign, after the revision that was read; for one version, or for all.

    Long texts are refused by the service, which says how long they are.
    """

    text = serializers.CharField(required=False, allow_blank=True, default="", trim_whitespace=False)
    kind = serializers.CharField(
        required=False, default=StatementKind.STATEMENT.value, help_text=f"One of {', '.join(StatementKind.values)}"
    )
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=2_000)
    expected_revision = serializers.IntegerField(min_value=0, max_value=MOST_REVISIONS)
    version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    password = serializers.CharField(required=False, allow_blank=True, max_length=256, write_only=True)


class DossierOne(Endpoint):
    """The dossier of a system."""

    @extend_schema(parameters=[_VERSION], responses=DossierBody)
    def get(self, request: Any, slug: str) -> Response:
        """Every point of the law in force, with its state, its evidence and its dates."""
        system, version = queries.version_for(self.actor, slug, _number(request.query_params.get("version", "")))
        return Response(DossierBody(queries.dossier_of(system, version, timezone.now())).data)


class StatementOne(Endpoint):
    """What people state on a point."""

    @extend_schema(request=WritingBody, responses=StatementBody)
    def put(self, request: Any, slug: str, item: str) -> Response:
        """Sign a text on the point, on the evidence as it stands.

        People only. 409 `statement_changed` when another revision stands than the one that was read; the text is then
        kept as the writer's draft. On a point that is filled automatically a statement is kept as a comment.
        """
        sent = valid(WritingBody(data=request.data))
        system, seen = queries.version_for(self.actor, slug, sent["version"])
        need_fresh(request, sent.get("password"))
        writing = services.Writing(
            text=sent["text"],
            kind=sent["kind"],
            reason=sent["reason"],
            version=registry.version_for(self.actor, slug, sent["version"]) if sent["version"] else None,
            expected_revision=sent["expected_revision"],
        )
        about: dict[str, Any] = {"actor": self.actor, "system": system, "item": item, "now": timezone.now()}
        services.save_draft(text=writing.text, based_on=writing.expected_revision, **about)
        signed = services.sign_statement(seen=seen, writing=writing, **about)
        return Response(StatementBody(signed).data)


def _number(text: str) -> int | None:
    if not text:
        return None
    number = number_in(text)
    if not number:
        raise Invalid("The version cannot be read.", details=[Problem("version", "must be the number of a version")])
    return number
