"""The trail's endpoints."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from audit import proofs, queries, services
from audit.forms import CursorForm, DecisionFilterForm
from audit.models import Entry
from audit.withholding import check_not_withheld, withheld_from, withhold
from portal.accounts.access import Permission
from portal.errors import Conflict, Hidden, Invalid, Problem
from portal.rest import Endpoint

_FILTERS = [
    OpenApiParameter(name, kind)
    for name, kind in {
        "system": OpenApiTypes.STR,
        "version": OpenApiTypes.INT,
        "label": OpenApiTypes.STR,
        "status": OpenApiTypes.STR,
        "mode": OpenApiTypes.STR,
        "since": OpenApiTypes.DATETIME,
        "until": OpenApiTypes.DATETIME,
        "subject": OpenApiTypes.STR,
        "request_id": OpenApiTypes.STR,
        "feature": OpenApiTypes.STR,
        "cursor": OpenApiTypes.UUID,
    }.items()
]


class DecisionSummary(serializers.Serializer):
    """A decision without personal data."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    system = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    release = serializers.IntegerField(allow_null=True)
    status = serializers.CharField()
    mode = serializers.CharField()
    label = serializers.CharField(allow_null=True)
    score = serializers.FloatField(allow_null=True, help_text="Probability of the adverse label, to a millionth.")
    latency_us = serializers.IntegerField(allow_null=True, help_text="Null where a reported one did not say.")
    caller = serializers.CharField(source="actor")
    request_id = serializers.CharField(allow_null=True)
    withheld = serializers.CharField(
        allow_blank=True, help_text="Why label, score and output are kept from the caller for now; empty if not."
    )


class DecisionPage(serializers.Serializer):
    """One keyset page, newest first."""

    results = DecisionSummary(many=True)
    next = serializers.URLField(allow_null=True)


class Leaf(serializers.Serializer):
    """Where the entry stands in the tree; without an index it waits to be sealed."""

    index = serializers.IntegerField(allow_null=True)
    hash = serializers.CharField()


class DecisionDetail(DecisionSummary):
    """A decision with what was asked and answered; personal data only where a purpose was given."""

    inputs = serializers.JSONField(allow_null=True)
    subject = serializers.CharField(allow_null=True)
    output = serializers.JSONField(allow_null=True)
    leaf = Leaf(allow_null=True)


class DecisionList(Endpoint):
    """Decisions, newest first."""

    @extend_schema(parameters=_FILTERS, responses=DecisionPage, operation_id="decisions_list")
    def get(self, request: Any) -> Response:
        form, cursor = DecisionFilterForm(request.query_params), CursorForm(request.query_params)
        problems = [Problem(name, str(text[0])) for name, text in {**form.errors, **cursor.errors}.items()]
        if problems:
            raise Invalid("A filter cannot be read.", details=problems)
        found = queries.decisions_found(self.actor, form.wanted())
        with queries.bounded():
            page = queries.page_of(found, before=cursor.cleaned_data["cursor"])
            withhold(self.actor, page.entries)
        return Response({"results": DecisionSummary(page.entries, many=True).data, "next": self._next(page)})

    def _next(self, page: queries.Page) -> str | None:
        if page.older is None:
            return None
        parameters = self.request.query_params.copy()
        parameters["cursor"] = str(page.older)
        return self.request.build_absolute_uri(f"?{parameters.urlencode()}")


class DecisionOne(Endpoint):
    """One decision. With `?purpose=` also its inputs and subject, and the reading is recorded."""

    @extend_schema(
        parameters=[OpenApiParameter("purpose", OpenApiTypes.STR)],
        responses=DecisionDetail,
        operation_id="decisions_retrieve",
    )
    def get(self, request: Any, identifier: uuid.UUID) -> Response:
        entry = queries.decision_for(self.actor, identifier)
        purpose = request.query_params.get("purpose", "").strip()
        return Response({**DecisionSummary(entry).data, **self._content(entry, purpose)})

    def _content(self, entry: Entry, purpose: str) -> dict[str, Any]:
        place = proofs.place_of(entry.id)
        leaf = {"index": place.index if place else None, "hash": bytes(entry.leaf_hash).hex()}
        output = queries.output_for(self.actor, entry.id)
        if not purpose:
            return {"inputs": None, "subject": None, "output": output, "leaf": leaf}
        if len(purpose) > 500:
            raise Invalid("The purpose is longer than 500 characters.", details=[Problem("purpose", "is too long")])
        with transaction.atomic():
            services.record_reading(actor=self.actor, entry=entry, purpose=purpose)
            read = queries.inputs_of(entry.id) or {"inputs": None, "subject": None}
        return {**read, "output": output, "leaf": leaf}


class DecisionEntry(Endpoint):
    """The exact bytes that were hashed."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Any, identifier: uuid.UUID) -> HttpResponse:
        entry = queries.decision_for(self.actor, identifier)
        # The bytes say the label.
        check_not_withheld(self.actor, entry.pk)
        return HttpResponse(bytes(entry.entry), content_type="application/octet-stream")


class DecisionProof(Endpoint):
    """The proof that the decision is in the log (C2SP tlog-proof), against a signed checkpoint."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Any, identifier: uuid.UUID) -> HttpResponse:
        entry = queries.decision_for(self.actor, identifier)
        return _proof_file(entry.id)


class ActProof(Endpoint):
    """The proof that an act of a person or process is in the log."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Any, identifier: uuid.UUID) -> HttpResponse:
        entry = queries.act_for(self.actor, identifier)
        return _proof_file(entry.id)


class LogCheckpoint(Endpoint):
    """The newest signed tree head, with the cosignatures that it has (C2SP checkpoint)."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Any) -> HttpResponse:
        self.actor.need_sight(Permission.TRAIL_VIEW)
        newest = proofs.newest_checkpoint()
        if newest is None:
            raise Hidden("Nothing has been sealed yet.")
        return _text(proofs.note_of(newest), "no-cache")


class LogTile(Endpoint):
    """A tile of hashes, or a bundle of entries (C2SP tlog-tiles). What is there never changes."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Any, path: str) -> HttpResponse:
        self.actor.need_sight(Permission.TRAIL_VIEW)
        if path.startswith("entries/") and (kept := withheld_from(self.actor)):
            # A bundle holds whole entries, and nobody would think of looking which.
            raise Conflict(next(iter(kept.values())), code="withheld")
        answer = HttpResponse(proofs.served(f"tile/{path}"), content_type="application/octet-stream")
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer


class LogKeys(Endpoint):
    """The verifier keys of the log, of the gateways' receipts and of the witnesses, one a line."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Any) -> HttpResponse:
        self.actor.need_sight(Permission.TRAIL_VIEW)
        return _text(proofs.vkeys(), "no-cache")


def _proof_file(entry: uuid.UUID) -> HttpResponse:
    answer = _text(proofs.proof_of(entry), "no-cache")
    answer["Content-Disposition"] = f'attachment; filename="{entry}.tlog-proof"'
    return answer


def _text(text: str, caching: str) -> HttpResponse:
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = caching
    return answer
