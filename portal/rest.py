"""What every endpoint shares: an actor, and one error shape."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView, exception_handler

from portal.accounts.access import Actor
from portal.accounts.authentication import actor_of_rest
from portal.errors import Hidden, Problem, Refusal, error_body

log = logging.getLogger(__name__)


class BearerScheme(OpenApiAuthenticationExtension):
    """How the API's document speaks of service tokens."""

    target_class = "portal.accounts.authentication.BearerTokenAuthentication"
    name = "serviceToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "Made by `manage.py issue_token`."}


class Endpoint(APIView):
    """An API view that knows its actor."""

    request: Request

    @property
    def actor(self) -> Actor:
        """Who asks, with what they may do."""
        return actor_of_rest(self.request)


def valid(serializer: Serializer) -> dict[str, Any]:
    """What the serializer made of the request's body; refused with every problem in it."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def refusal_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every error of the API in the contract's shape; None for a fault of ours, which becomes a plain 500."""
    if isinstance(error, Refusal):
        return Response(error.body(), status=error.status)
    if isinstance(error, Http404):
        return Response(Hidden().body(), status=404)
    if isinstance(error, PermissionDenied):
        return Response(error_body("forbidden", "You may not do this."), status=403)
    if isinstance(error, RequestDataTooBig):
        return Response(error_body("too_large", "The body is larger than 2 MiB."), status=413)
    response = exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return response
    if isinstance(error, exceptions.ValidationError):
        body = error_body("invalid", "The request breaks a rule.", _problems(error.detail))
        return Response(body, status=status.HTTP_422_UNPROCESSABLE_ENTITY)
    codes = {400: "malformed", 401: "unauthenticated", 403: "forbidden"}
    code = codes.get(response.status_code, str(error.default_code))
    response.data = error_body(code, str(error.detail))
    return response


def _problems(detail: Any, path: str = "") -> list[Problem]:
    if isinstance(detail, dict):
        return [problem for key, item in detail.items() for problem in _problems(item, f"{path}.{key}".strip("."))]
    if isinstance(detail, list):
        return [problem for item in detail for problem in _problems(item, path)]
    return [Problem(path, str(detail))]
