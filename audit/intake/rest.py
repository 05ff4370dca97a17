"""The doors for decisions made elsewhere: reports, a decision a line, and events of model servers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

import orjson
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType

from audit.intake import services
from audit.intake.bodies import MAX_BODY, CutOff, Line, lines_of, pieces_of
from audit.intake.events import MAX_DATA, Event, binary_event, structured_event
from audit.intake.lines import Refused, Reported, read_line
from audit.intake.services import Outcome, Verdict
from audit.rest import DecisionList
from portal.accounts.access import Permission
from portal.errors import Conflict, Invalid, Malformed, Problem, Refusal, TooLarge
from portal.rest import Endpoint
from portal.strict_json import JsonRefused, parse

# So much is written in one transaction: lines, and bytes of them.
CHUNK_LINES, CHUNK_BYTES = 2_000, 8 * 1024 * 1024
MAX_EVENTS = 1_000
LINES = ("application/x-ndjson", "application/jsonl", "application/json")
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
# The number of a line, and what it reports or why nothing.
Read = tuple[int, Reported | Outcome]
_TAKEN = (Verdict.RECORDED, Verdict.WAITING)
log = logging.getLogger(__name__)


class NotKept(Refusal):
    """Nothing more could be written; what was reported as recorded stands, and a repeat of the rest is safe."""

    status = 503
    code = "record_unavailable"


class ReportResult(serializers.Serializer):
    """What became of one line or event."""

    line = serializers.IntegerField(help_text="Number of the line, or of the event in its batch, from 1.")
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    decision_id = serializers.UUIDField(required=False)
    problem = serializers.CharField(required=False)


class ReportAnswer(serializers.Serializer):
    """What became of a report."""

    accepted = serializers.IntegerField()
    repeated = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = ReportResult(many=True)


class EventAnswer(serializers.Serializer):
    """What became of one event."""

    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    decision_id = serializers.UUIDField(required=False)
    waits_for = serializers.CharField(required=False, help_text="Which half is still missing: request or response.")


class ReportDoor(Endpoint):
    """An endpoint that reads its body itself, as it arrives."""

    def perform_content_negotiation(self, request: Any, force: bool = False) -> Any:
        """Senders of logs say nothing useful of what they want back: they get JSON."""
        return super().perform_content_negotiation(request, force=True)


class Decisions(DecisionList, ReportDoor):
    """Decisions: the list of those made, and the door for those made elsewhere."""

    @extend_schema(
        request={"application/x-ndjson": OpenApiTypes.STR},
        responses=ReportAnswer,
        operation_id="decisions_report",
        description="One decision a line (NDJSON, also packed with gzip), at most 100,000 lines and 64 MiB a request."
        " Every line gets a verdict; a bad one takes no good one with it. The same system and request_id again is"
        " repeated, or a conflict when it says something else. The answer comes after the commit.",
    )
    def post(self, request: Any) -> HttpResponse:
        self.actor.need(Permission.DECISION_REPORT)
        if _media(request) not in LINES:
            raise UnsupportedMediaType(request.content_type or "")
        chunks = _chunks(lines_of(_pieces(request)), self.actor.label)
        results = [result for chunk in chunks for result in self._recorded(chunk)]
        if not results:
            raise Malformed("The body holds no line.")
        return _answer(results)

    def _recorded(self, chunk: Sequence[Read]) -> list[dict[str, Any]]:
        good = [one for _, one in chunk if isinstance(one, Reported)]
        outcomes = iter(_kept(lambda: services.report_decisions(actor=self.actor, reported=good)) if good else ())
        return [_result(number, next(outcomes) if isinstance(one, Reported) else one) for number, one in chunk]


class CloudEvents(ReportDoor):
    """Requests and responses of model servers, paired into decisions by their id."""

    @extend_schema(
        request={STRUCTURED: OpenApiTypes.OBJECT, BATCH: OpenApiTypes.OBJECT, "application/json": OpenApiTypes.OBJECT},
        parameters=[
            OpenApiParameter(
                "system", OpenApiTypes.STR, description="Whose decisions these are, whatever the event says."
            )
        ],
        responses={200: EventAnswer, 202: EventAnswer},
        operation_id="cloudevents_ingest",
        description="CloudEvents of KServe, Seldon Core and MLServer, in binary mode (`ce-` headers), structured mode"
        " or as a batch, answered like a report of decisions. 202: kept, encrypted, until the other half comes."
        " 200: recorded, or repeated.",
    )
    def post(self, request: Any) -> HttpResponse:
        self.actor.need(Permission.DECISION_REPORT)
        media, system = _media(request), request.query_params.get("system", "")
        if media == BATCH:
            return self._batch(_whole(request, MAX_BODY), system)
        if media == STRUCTURED:
            # Base64 takes a third more, and the attributes something.
            body = _json(_whole(request, 2 * MAX_DATA))
            event = _refusing(lambda: structured_event(body, system=system, now=timezone.now()))
        else:
            data = _whole(request, MAX_DATA)
            event = _refusing(lambda: binary_event(request.headers, data, system=system, now=timezone.now()))
        return self._one(event)

    def _one(self, event: Event) -> HttpResponse:
        outcome = self._taken(event)
        if outcome.verdict is Verdict.CONFLICT:
            raise Conflict(outcome.problem, code="report_conflict")
        waits = {"waits_for": event.half.other.value} if outcome.verdict is Verdict.WAITING else {}
        named = {"decision_id": outcome.decision} if outcome.decision else {}
        status = 202 if outcome.verdict is Verdict.WAITING else 200
        return _json_answer({"verdict": outcome.verdict, **named, **waits}, status)

    def _batch(self, body: bytes, system: str) -> HttpResponse:
        events = _json(body)
        if not isinstance(events, list) or not 0 < len(events) <= MAX_EVENTS:
            raise Invalid(f"A batch is a list of 1 to {MAX_EVENTS:,} events.")
        return _answer([_result(number, self._outcome(said, system)) for number, said in enumerate(events, 1)])

    def _outcome(self, said: Any, system: str) -> Outcome:
        try:
            return self._taken(structured_event(said, system=system, now=timezone.now()))
        except Refused as refused:
            return Outcome(Verdict.INVALID, None, str(refused))

    def _taken(self, event: Event) -> Outcome:
        return _kept(lambda: services.take_event(actor=self.actor, event=event, now=timezone.now()))


def _media(request: Any) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def _pieces(request: Any) -> Iterator[bytes]:
    """The body as it arrives. `TooLarge` for one that says so beforehand, `Malformed` when it breaks off."""
    plain: HttpRequest = request._request
    announced = plain.META.get("CONTENT_LENGTH") or ""
    length = int(announced) if announced.isdigit() else None
    if length is not None and length > MAX_BODY:
        raise TooLarge(f"The body is larger than {MAX_BODY // 1024**2} MiB, so nothing of it was read.")
    encoding = plain.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise UnsupportedMediaType(encoding, "The body may be packed with gzip, and no other way.")
    # Django reads nothing where no length was announced; the server knows where a chunked body ends.
    is_chunked = length is None and plain.META.get("wsgi.input_terminated")
    read: Callable[[int], bytes] = plain.META["wsgi.input"].read if is_chunked else plain.read
    try:
        yield from pieces_of(read, length=length, is_packed=encoding == "gzip")
    except CutOff as error:
        raise Malformed(f"{error} What was recorded before stands; send it all again.", code="body_cut_off") from None


def _whole(request: Any, most: int) -> bytes:
    body = bytearray()
    for piece in _pieces(request):
        body += piece
        if len(body) > most:
            raise TooLarge(f"The body is larger than {most // 1024**2} MiB.")
    return bytes(body)


def _chunks(lines: Iterator[Line], caller: str) -> Iterator[list[Read]]:
    """The lines, each with its number and what it reports or why not, as many as are written at once."""
    chunk: list[Read] = []
    size = 0
    for line in lines:
        chunk.append((line.number, _read(line, caller, timezone.now())))
        size += len(line.content or b"")
        if len(chunk) >= CHUNK_LINES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _read(line: Line, caller: str, now: datetime) -> Reported | Outcome:
    if line.content is None:
        return Outcome(Verdict.INVALID, None, line.problem)
    try:
        return read_line(line.content, caller=caller, now=now)
    except Refused as refused:
        return Outcome(Verdict.INVALID, None, str(refused))


def _kept(write: Callable[[], Any]) -> Any:
    try:
        return write()
    except DatabaseError as error:
        log.error("A report could not be written: %s", error)
        raise NotKept("This could not be written just now. Send all of it again.") from error


def _refusing(read: Callable[[], Event]) -> Event:
    try:
        return read()
    except Refused as refused:
        _invalid(str(refused))


def _invalid(problem: str) -> NoReturn:
    raise Invalid("The event cannot be kept.", code="event_invalid", details=[Problem("", problem)])


def _json(body: bytes) -> Any:
    try:
        # An event wraps what a model server may nest itself.
        return parse(body, max_depth=40)
    except JsonRefused as error:
        raise Malformed(str(error), code="json_malformed") from None


def _result(number: int, outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {"line": number, "verdict": outcome.verdict}
    if outcome.decision:
        result["decision_id"] = outcome.decision
    if outcome.problem:
        result["problem"] = outcome.problem
    return result


def _answer(results: list[dict[str, Any]]) -> HttpResponse:
    accepted = sum(result["verdict"] in _TAKEN for result in results)
    repeated = sum(result["verdict"] is Verdict.REPEATED for result in results)
    counts = {"accepted": accepted, "repeated": repeated, "rejected": len(results) - accepted - repeated}
    return _json_answer({**counts, "results": results}, 200)


def _json_answer(said: dict[str, Any], status: int) -> HttpResponse:
    return HttpResponse(orjson.dumps(said), status=status, content_type="application/json")
