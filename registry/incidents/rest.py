"""Endpoints of incidents."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

import registry.queries as registry
from portal.addresses import page_by_deadline
from portal.errors import Hidden, Invalid, Problem
from portal.rest import Endpoint, valid
from registry.incidents import bodies, queries, services
from registry.incidents.forms import FilterForm
from registry.models import Incident, Version

_FILTERS = [
    OpenApiParameter("state", OpenApiTypes.STR, description="A state, or `open` for all that wait"),
    OpenApiParameter("system", OpenApiTypes.STR),
    OpenApiParameter("overdue", OpenApiTypes.BOOL, description="Late ones of which no authority knows"),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` of the page before"),
]


class IncidentList(Endpoint):
    """Possible serious incidents (AI Act Art. 73), the most urgent first."""

    @extend_schema(parameters=_FILTERS, responses=bodies.IncidentPage, operation_id="incidents_list")
    def get(self, request: Any) -> Response:
        """One page, by the date by which an authority must know."""
        form = FilterForm(request.query_params)
        if not form.is_valid():
            details = [Problem(name, str(text[0])) for name, text in form.errors.items()]
            raise Invalid("A filter cannot be read.", details=details)
        found = queries.incidents_found(self.actor, form.wanted(), timezone.now())
        found = found.prefetch_related("held_versions__version", "links", "filings__report", "holds")
        page = page_by_deadline(found, request.query_params.get("cursor", ""))
        results = [_body(incident) for incident in page.rows]
        return Response({"results": results, "next": _next(request, page.next)})

    @extend_schema(request=bodies.NewIncidentBody, responses={201: bodies.IncidentBody})
    def post(self, request: Any) -> Response:
        """Open a case; from then on its versions are held, and no decision of the system is erased or dropped."""
        sent = valid(bodies.NewIncidentBody(data=request.data))
        links = [("decision", str(each)) for each in sent["decisions"]]
        links += [("dispute", str(each)) for each in sent["disputes"]]
        made = services.open_incident(
            actor=self.actor,
            system=registry.system_for(self.actor, sent["system"]),
            versions=self._versions(sent["system"], sent["versions"]),
            description=sent["description"],
            judged=bodies.JudgedBody.judged(sent),
            links=links,
            now=timezone.now(),
        )
        return Response(_body(queries.incident_for(self.actor, made.number)), status=status.HTTP_201_CREATED)

    def _versions(self, slug: str, numbers: list[int]) -> list[Version]:
        try:
            return [registry.version_for(self.actor, slug, number) for number in dict.fromkeys(numbers)]
        except Hidden:
            problem = Problem("versions", "names one that the system does not have")
            raise Invalid("There is no such version.", details=[problem]) from None


class IncidentOne(Endpoint):
    """One case."""

    @extend_schema(responses=bodies.IncidentBody, operation_id="incidents_retrieve")
    def get(self, request: Any, number: int) -> Response:
        """The case as it stands."""
        return Response(_body(queries.incident_for(self.actor, number)))


def _body(incident: Incident) -> dict[str, Any]:
    standing = partial(queries.standing_of, now=timezone.now())
    return bodies.IncidentBody(incident, context={"standing": standing}).data


def _next(request: Any, cursor: str) -> str | None:
    if not cursor:
        return None
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return request.build_absolute_uri(f"{reverse('api:incidents')}?{urlencode({**kept, 'cursor': cursor})}")
