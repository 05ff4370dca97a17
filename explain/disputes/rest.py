"""Endpoints of disputes."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

import audit.queries as trail
from explain.disputes import bodies, queries, services
from explain.disputes.forms import DisputeFilterForm
from portal.accounts.access import Actor
from portal.addresses import page_by_deadline
from portal.errors import Hidden, Invalid, Problem
from portal.rest import Endpoint, valid

_FILTERS = [
    OpenApiParameter("state", OpenApiTypes.STR, description="A state, or `open` for all that wait"),
    OpenApiParameter("due_before", OpenApiTypes.DATETIME),
    OpenApiParameter("owner", OpenApiTypes.STR, description="A username, `me` or `nobody`"),
    OpenApiParameter("system", OpenApiTypes.STR),
    OpenApiParameter("overdue", OpenApiTypes.BOOL),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` of the page before"),
]


class DisputeList(Endpoint):
    """Disputes, the most urgent first."""

    @extend_schema(parameters=_FILTERS, responses=bodies.DisputePage, operation_id="disputes_list")
    def get(self, request: Any) -> Response:
        """One page; the reading of what people say is recorded."""
        form = DisputeFilterForm(request.query_params)
        if not form.is_valid():
            details = [Problem(name, str(text[0])) for name, text in form.errors.items()]
            raise Invalid("A filter cannot be read.", details=details)
        found = queries.disputes_found(self.actor, form.wanted(), timezone.now())
        page = page_by_deadline(found.prefetch_related("rulings", "letters"), request.query_params.get("cursor", ""))
        services.record_case_reading(actor=self.actor, disputes=page.rows)
        results = bodies.DisputeBody(page.rows, many=True, context=_sight(self.actor)).data
        return Response({"results": results, "next": _next(request, page.next)})

    @extend_schema(request=bodies.DisputeBody, responses={201: bodies.DisputeBody})
    def post(self, request: Any) -> Response:
        """Open a dispute about a decision."""
        facts = valid(bodies.DisputeBody(data=request.data))
        now = timezone.now()
        try:
            decision = trail.decision_for(self.actor, facts["decision_id"])
        except Hidden:
            raise Invalid("There is no such decision.", details=[Problem("decision", "is not in the trail")]) from None
        dispute = services.open_dispute(
            actor=self.actor,
            decision=decision,
            channel=facts["channel"],
            claim=facts["claim"],
            received_at=facts.get("received_at", now),
            identity=facts.get("identity", ""),
            now=now,
        )
        body = bodies.DisputeBody(dispute, context=_sight(self.actor)).data
        return Response(body, status=status.HTTP_201_CREATED)


class DisputeOne(Endpoint):
    """One dispute."""

    @extend_schema(responses=bodies.DisputeBody, operation_id="disputes_retrieve")
    def get(self, request: Any, number: int) -> Response:
        """The case; the reading is recorded."""
        dispute = queries.dispute_for(self.actor, number)
        services.record_case_reading(actor=self.actor, disputes=[dispute])
        return Response(bodies.DisputeBody(dispute, context=_sight(self.actor)).data)


class Act(Endpoint):
    """One act on a case: its body goes to the service as it is, and the case comes back without the person's words."""

    def act(self, number: int, service: Any, **facts: Any) -> Response:
        dispute = queries.dispute_for(self.actor, number)
        service(actor=self.actor, dispute=dispute, now=timezone.now(), **facts)
        dispute.refresh_from_db()
        return Response(bodies.DisputeSummary(dispute, context=_sight(self.actor)).data)


class DisputeClose(Act):
    """The answered case ends."""

    @extend_schema(request=bodies.CaseMoveBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.close_dispute, **valid(bodies.CaseMoveBody(data=request.data or {})))


class DisputeWithdraw(Act):
    """The case ends without an answer."""

    @extend_schema(request=bodies.ReasonedCaseMoveBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.withdraw_dispute, **valid(bodies.ReasonedCaseMoveBody(data=request.data)))


class DisputeReopen(Act):
    """The case is reviewed anew, with a new clock."""

    @extend_schema(request=bodies.ReasonedCaseMoveBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.reopen_dispute, **valid(bodies.ReasonedCaseMoveBody(data=request.data)))


class DisputeAssign(Act):
    """The case is given to a person, or back to all."""

    @extend_schema(request=bodies.AssignBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        sent = valid(bodies.AssignBody(data=request.data))
        return self.act(
            number, services.assign_dispute, username=sent["owner"], expected_owner=sent["expected_owner"]
        )


class DisputeNotes(Act):
    """A note for the file of the case; it is sealed, and stays."""

    @extend_schema(request=bodies.WordsBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.add_note, **valid(bodies.WordsBody(data=request.data)))


class DisputeIdentity(Act):
    """Somebody made sure who contests."""

    @extend_schema(request=bodies.IdentityBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.check_identity, **valid(bodies.IdentityBody(data=request.data)))


class DisputeExtend(Act):
    """The answer gets more time, once."""

    @extend_schema(request=bodies.ExtendBody, responses=bodies.DisputeSummary)
    def post(self, request: Any, number: int) -> Response:
        return self.act(number, services.extend_dispute, **valid(bodies.ExtendBody(data=request.data)))


def _sight(actor: Actor) -> dict[str, Any]:
    return {"withheld": queries.withheld_answers(actor)}


def _next(request: Any, cursor: str) -> str | None:
    if not cursor:
        return None
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return request.build_absolute_uri(f"{reverse('api:disputes')}?{urlencode({**kept, 'cursor': cursor})}")
