"""What every page shares: a request id, and refusals turned into the page or the JSON that says so."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header

from portal.errors import Hidden, Refusal, error_body

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
HTMX_STOP_POLLING = 286


class RequestIdMiddleware:
    """Gives each request an id (the caller's, where it is well formed) and returns it in `X-Request-ID`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id
        return response


class RefusalMiddleware:
    """Turns a `Refusal` raised by a view into the page for its status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        return refusal_page(request, exception)


def refusal_page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The error page for a refusal; a 422 or 413 uses the page of 400, whose words are general."""
    template = {403: "403", 404: "404", 409: "409"}.get(refusal.status, "400")
    context = {"message": refusal.message, "details": refusal.details, "request_id": request.request_id}
    return render(request, f"errors/{template}.html", context, status=refusal.status)


def upload_refusal_of(request: Any) -> Refusal | None:
    """Why files in the request were not taken whole; for views, once the body was read."""
    return getattr(request, "upload_refusal", None)


def part(request: HttpRequest, template: str, name: str, context: dict[str, Any]) -> HttpResponse:
    """The named part of a page for an htmx request, the whole page for any other (same URL, same context)."""
    is_part = request.htmx and not request.htmx.boosted
    return render(request, f"{template}#{name}" if is_part else template, context)


def as_download(content: bytes, *, name: str, media_type: str) -> HttpResponse:
    """A file as a download, never as a page of ours: what came from outside could be one."""
    disposition = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 404 of addresses that lead nowhere: JSON under /api/, the page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse(Hidden().body(), status=404)
    return refusal_page(request, Hidden())


def fault(request: HttpRequest) -> HttpResponse:
    """The 500 of a fault of ours: no trace, and no template that could fail again."""
    if request.path.startswith("/api/"):
        return JsonResponse(error_body("fault", "This failed through a fault of ours; it is logged."), status=500)
    return HttpResponse(render_to_string("errors/500.html"), status=500)
