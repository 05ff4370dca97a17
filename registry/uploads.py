"""How much an upload may bring: refused by the size that it says before a byte is read, and part by part on its way.

Placed before the check of the form's token, which reads the whole body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.exceptions import ParseError

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_if_any
from portal.errors import Hidden, Malformed, Refusal, TooLarge
from portal.http import refusal_page, upload_refusal_of
from registry import queries
from registry.dossier.services import MAX_DOCUMENT_BYTES
from registry.intake import MAX_MANIFEST_BYTES, MAX_SAMPLE_BYTES, Upload
from registry.services import record_refusal

FILES = ("artifact", "background", "evaluation", "golden")
# What other rooms' pages take, by the address's name: the most bytes of each file.
OTHERS = {
    "api:feature-parity": dict.fromkeys(("training", "serving"), MAX_SAMPLE_BYTES),
    "api:dispute-files": {"file": 5 * 1024 * 1024},
    "explain:add_file": {"file": 5 * 1024 * 1024},
    "registry:attach_document": {"file": MAX_DOCUMENT_BYTES},
    "registry:add_incident_file": {"file": 5 * 1024 * 1024},
    "registry:keep_incident_message": {"file": 5 * 1024 * 1024},
}
VERSION_PAGES = ("api:versions", "registry:new_version")
# What surrounds the parts, and all of a form without files.
FRAME_BYTES = 4 * 1024 * 1024


class LengthRequired(Refusal):
    """How large a body is must be known before it is taken."""

    status = 411
    code = "length_required"


class UploadMiddleware:
    """Looks at each form with files before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        if request.method != "POST" or request.content_type != "multipart/form-data":
            return None
        name = request.resolver_match.view_name
        limits = limits_of(name)
        refusal = _refusal(request, limits)
        if refusal is None:
            request.upload_handlers.insert(0, PartLimits(request, limits))
            return None
        if name in VERSION_PAGES:
            _record(request, kwargs["slug"], refusal)
        if name.startswith("api:"):
            return JsonResponse(refusal.body(), status=refusal.status)
        return refusal_page(request, refusal)


class PartLimits(FileUploadHandler):
    """Passes each file on to the next handler, as long as it keeps to its limit; unknown ones go nowhere."""

    def __init__(self, request: HttpRequest, limits: Mapping[str, int]) -> None:
        super().__init__(request)
        self._limits = limits
        self._taken = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name not in self._limits:
            raise SkipFile
        self._taken = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._taken += len(raw_data)
        limit = self._limits[self.field_name]
        if self._taken > limit:
            words = f"The {self.field_name} is larger than {limit // (1024 * 1024)} MiB."
            self.request.upload_refusal = TooLarge(words, code=f"{self.field_name}_too_large")
            # The rest is not even read.
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The next handler makes the file."""


def limits_of(name: str) -> dict[str, int]:
    """The most bytes of each file that an address takes, by the address's name; files that are not here go nowhere."""
    if name in VERSION_PAGES:
        samples = dict.fromkeys(FILES[1:], MAX_SAMPLE_BYTES)
        manifest = dict.fromkeys(("manifest", "manifest_file"), MAX_MANIFEST_BYTES)
        return {**manifest, "artifact": settings.ARTIFACT_MAX_BYTES, **samples}
    return OTHERS.get(name, {})


def upload_of(request: Any) -> Upload:
    """The parts of a version in a request to the API, or the refusal of what cannot be read."""
    try:
        data, files = request.data, request.FILES
    except RequestDataTooBig:
        return Upload(refusal=TooLarge("The manifest is larger than 1 MiB.", code="manifest_too_large"))
    except ParseError as error:
        return Upload(refusal=Malformed(str(error.detail)))
    text = files["manifest"].read() if "manifest" in files else data.get("manifest")
    manifest = text if isinstance(text, bytes) or text is None else str(text).encode()
    return Upload(manifest, **files_of(files), refusal=upload_refusal_of(request))


def files_of(files: Mapping[str, Any]) -> dict[str, Any]:
    """The open files of a version's parts."""
    return {name: files[name].file for name in FILES if name in files}


def _refusal(request: HttpRequest, limits: Mapping[str, int]) -> Refusal | None:
    most = sum(limits.values()) + FRAME_BYTES
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return LengthRequired("Say how large the upload is (Content-Length); it cannot be sent in chunks.")
    if _length(request) > most:
        return TooLarge(f"The upload is larger than {most // (1024 * 1024)} MiB; nothing of it was read.")
    return None


def _length(request: HttpRequest) -> int:
    with suppress(ValueError):
        return int(request.META.get("CONTENT_LENGTH") or 0)
    return 0


def _record(request: HttpRequest, slug: str, refusal: Refusal) -> None:
    actor = actor_if_any(request)
    if actor is None or not actor.may(Permission.VERSION_REGISTER):
        return
    with suppress(Hidden):
        system = queries.system_for(actor, slug)
        facts = {"bytes": {"request": _length(request)}}
        record_refusal(actor=actor, system=system, refusal=refusal, facts=facts)
