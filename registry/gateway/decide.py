"""The way of one decision request: who, how much, what, which version, what score, the record, and then the answer."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from audit.encryption import Keys
from audit.identifiers import new_id
from audit.records import DecisionFacts, Draft, Mode, Status, decision_draft
from portal.errors import Invalid, Malformed, Problem, Refusal
from portal.strict_json import JsonRefused, parse
from registry.gateway import idempotency
from registry.gateway.counting import UNRECORDED, Counts
from registry.gateway.exchange import BodyRefused, header, read_body, send_json, send_refusal
from registry.gateway.idempotency import Answered, Answers, Slot
from registry.gateway.metrics import UNKNOWN, Metrics
from registry.gateway.receipts import Receipts
from registry.gateway.recorder import Recorder
from registry.gateway.refusals import ClientGone, Overloaded, RecordUnavailable, Unavailable
from registry.gateway.routes import Route, Routes
from registry.gateway.tokens import Tokens, need_decide
from registry.scoring.problems import ScoreInvalid

MAX_SUBJECT = 256
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_REQUEST_ID = re.compile(r"[!-~]{1,128}\Z")
_KEYS = ("subject", "inputs")
log = logging.getLogger(__name__)


class ModelFailed(Unavailable):
    """The model gave no score for this request."""

    code = "model_failed"


@dataclass(slots=True)
class Call:
    """One request on its way: what is known of it so far, for the answer and for the record of a refusal."""

    system: str
    caller: str
    started_ns: int
    request_id: str | None
    key: str
    body: bytes = b""
    subject: str | None = None
    inputs: Mapping[str, Any] | None = None
    route: Route | None = None
    # True for one that got the answer, and stands in the record, of an earlier one under its key.
    is_repeat: bool = False

    @property
    def record_name(self) -> str:
        """The system's name as its records have it."""
        return self.system if _SLUG.match(self.system) else UNKNOWN

    @property
    def version(self) -> int | None:
        """The version that was reached."""
        return self.route.version.number if self.route else None

    @property
    def elapsed_us(self) -> int:
        """Microseconds since the request came in."""
        return (time.perf_counter_ns() - self.started_ns) // 1000


class DecideEndpoint:
    """`POST /v1/systems/{system}/decide`.

    Every request with a valid token ends in one record, with three exceptions: a repeat under an idempotency key
    (its record is the first one's), a caller who hung up before the request was whole, and a refusal for overload.
    That one is counted in the metrics alone, since writing records is what the overloaded gateway cannot do.
    """

    def __init__(
        self,
        *,
        tokens: Tokens,
        routes: Routes,
        recorder: Recorder,
        answers: Answers,
        metrics: Metrics,
        counts: Counts,
        receipts: Receipts,
        subject_key: str,
        data_keys: Keys,
        most_in_flight: int,
    ) -> None:
        self._tokens = tokens
        self._routes = routes
        self._recorder = recorder
        self._answers = answers
        self._metrics = metrics
        self._counts = counts
        self._receipts = receipts
        self._subject_key = subject_key
        self._data_keys = data_keys
        self._most_in_flight = most_in_flight
        self._in_flight = 0
        metrics.in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if self._in_flight >= self._most_in_flight:
            refusal = Overloaded(f"{self._in_flight} requests are under way. Try again.")
            self._metrics.rejects.labels(refusal.code).inc()
            await send_refusal(send, refusal)
            return
        self._in_flight += 1
        try:
            await self._respond(scope, receive, send)
        except ClientGone:
            self._metrics.rejects.labels("client_gone").inc()
        finally:
            self._in_flight -= 1

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_ns = time.perf_counter_ns()
        try:
            caller = await self._tokens.caller(header(scope, b"authorization"))
        except Refusal as refusal:
            self._metrics.rejects.labels(refusal.code).inc()
            await send_refusal(send, refusal)
            return
        request_id = header(scope, b"x-request-id")
        call = Call(
            system=scope["path_params"]["system"],
            caller=caller.label,
            started_ns=started_ns,
            request_id=request_id if _REQUEST_ID.match(request_id) else None,
            key=header(scope, b"idempotency-key"),
        )
        try:
            need_decide(caller)
            call.body = await read_body(scope, receive)
            answered = await self._answer(call)
        except ClientGone:
            raise
        except RecordUnavailable as gone:
            await self._unrecorded(call, gone, send)
        except BodyRefused as refused:
            call.body = refused.start
            await self._refuse(call, refused.refusal, send)
        except Refusal as refusal:
            await self._refuse(call, refusal, send)
        except Exception:
            # The caller learns nothing of our insides, and the trail that we failed.
            log.exception("A decision request for %s failed", call.system[:64])
            await self._refuse(call, Unavailable("This failed on our side. Try again.", code="internal_error"), send)
        else:
            self._finish(call, Status.ANSWERED)
            if not call.is_repeat:
                self._counts.recorded(answered.id, call.record_name, call.version, Status.ANSWERED)
            await send_json(send, 200, answered.body(self._receipts.sign(answered.id, answered.leaf)))

    async def _answer(self, call: Call) -> Answered:
        call.subject, call.inputs = read_request(call.body)
        if not call.key:
            return await self._decide(call, None, b"")
        slot = idempotency.slot_of(self._subject_key, call.caller, call.system, call.key)
        fingerprint = idempotency.fingerprint_of(call.system, call.body)
        decide = partial(self._decide, call, slot, fingerprint)
        answered, call.is_repeat = await self._answers.once(slot, fingerprint, decide)
        return answered

    async def _decide(self, call: Call, slot: Slot | None, fingerprint: bytes) -> Answered:
        route = call.route = self._routes.serving(call.system)
        inputs = call.inputs
        assert inputs is not None
        if problems := route.version.problems_of(inputs):
            raise Invalid("The inputs do not fit the version's schema.", code="inputs_invalid", details=problems)
        try:
            score = await route.version.score(inputs)
        except ScoreInvalid as error:
            raise ModelFailed(f"The model gave no score: {error}.") from error
        answered = Answered(
            id=new_id(),
            system=call.system,
            version=route.version.number,
            release=route.release,
            mode=Mode.LIVE.value,
            output=route.version.output(score),
            latency_us=call.elapsed_us,
            fingerprint=fingerprint,
        )
        draft = self._draft(call, Status.ANSWERED, answered, slot)
        key = idempotency.key_row(slot, fingerprint, answered.id) if slot else None
        record = await self._recorder.write(draft, key)
        return replace(answered, leaf=record.leaf)

    async def _refuse(self, call: Call, refusal: Refusal, send: Send) -> None:
        """Record the refusal, then tell it: refused requests are decisions too."""
        status = Status.FAILED if refusal.status >= 500 else Status.REFUSED
        try:
            record = await self._recorder.write(self._draft(call, status, None, None, refusal))
        except RecordUnavailable as gone:
            await self._unrecorded(call, gone, send)
            return
        self._metrics.rejects.labels(refusal.code).inc()
        self._finish(call, status)
        self._counts.recorded(record.id, call.record_name, call.version, status)
        await send_refusal(send, refusal, str(record.id), self._receipts.sign(record.id, record.leaf))

    async def _unrecorded(self, call: Call, gone: RecordUnavailable, send: Send) -> None:
        self._metrics.rejects.labels(gone.code).inc()
        self._finish(call, UNRECORDED)
        self._counts.unrecorded(call.record_name, call.version)
        await send_refusal(send, gone)

    def _draft(
        self, call: Call, status: Status, answered: Answered | None, slot: Slot | None, refusal: Refusal | None = None
    ) -> Draft:
        route = call.route
        facts = DecisionFacts(
            system=call.record_name,
            status=status,
            mode=Mode.LIVE,
            caller=call.caller,
            latency_us=answered.latency_us if answered else call.elapsed_us,
            version=call.version,
            release=route.release if route else None,
            artifact_sha256=route.version.artifact_sha256 if route else None,
            subject=call.subject,
            inputs=call.inputs,
            features=route.version.features_of(call.inputs) if answered and route and call.inputs else None,
            output=answered.output if answered else None,
            body=call.body if call.inputs is None and call.body else None,
            error_code=refusal.code if refusal else None,
            request_id=call.request_id,
            idempotency_mac=slot.key_mac if slot else None,
        )
        keyring = self._data_keys.ring()
        identifier = answered.id if answered else None
        return decision_draft(facts, subject_key=self._subject_key, keyring=keyring, id=identifier)

    def _finish(self, call: Call, outcome: str) -> None:
        system = call.system if self._routes.known(call.system) else UNKNOWN
        self._metrics.finished(system, call.version, outcome, call.elapsed_us / 1_000_000)


def read_request(body: bytes) -> tuple[str, dict[str, Any]]:
    """Subject and inputs. `Malformed` for what is not strict JSON, `Invalid` for another shape."""
    try:
        value = parse(body)
    except JsonRefused as error:
        raise Malformed(str(error), code="json_malformed") from None
    if not isinstance(value, dict):
        raise Invalid("The body must be an object.", code="request_invalid", details=[Problem("", "must be an object")])
    problems = [Problem(key[:80], "is not a known key") for key in value if key not in _KEYS]
    problems += _subject_problems(value.get("subject"))
    if not isinstance(value.get("inputs"), dict):
        problems.append(Problem("inputs", "must be an object" if "inputs" in value else "is required"))
    if problems:
        raise Invalid("The request has another shape.", code="request_invalid", details=problems)
    return value["subject"], value["inputs"]


def _subject_problems(subject: Any) -> list[Problem]:
    if subject is None:
        return [Problem("subject", "is required")]
    if not isinstance(subject, str) or not subject.strip() or len(subject) > MAX_SUBJECT:
        return [Problem("subject", f"must be text of 1 to {MAX_SUBJECT} characters")]
    return []
