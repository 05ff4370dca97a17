"""CloudEvents of model servers: one half of a decision each, a request or its response. Pure.

KServe sends `org.kubeflow.serving.inference.request` and `….response` (CloudEvents 1.0), whose `id` is the same in
both; Seldon Core and MLServer send `io.seldon.serving.inference.request` and `….response` (0.3 or 1.0), which belong
together by `requestid`, since there each event has an `id` of its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import unquote

from audit.intake.lines import (
    KEY_BYTES,
    Refused,
    digest_of,
    fingerprint_of,
    moment_of,
    number_of,
    request_of,
    subject_of,
    system_of,
)
from audit.intake.payloads import inputs_of, output_of
from audit.records import DecisionFacts, Mode, Part, Status
from portal.strict_json import JsonRefused, parse

MAX_DATA = 1024 * 1024
_HALF_MARK = KEY_BYTES // 2
_TYPE = re.compile(r"(?:org\.kubeflow|io\.seldon)\.serving\.inference\.(request|response)\Z")
# How MLServer says where it is from, and what it says where it does not know.
_SELDON_SOURCE = re.compile(r"io\.seldon\.serving\.deployment\.([a-z0-9-]{1,64})(?:\.|\Z)")
_VERSIONS = ("0.3", "1.0")
_MAX_SOURCE = 2_048
_STATUS_CODE = re.compile(r"[1-5][0-9]{2}\Z")


class Half(StrEnum):
    """Which half of a decision an event tells."""

    REQUEST = "request"
    RESPONSE = "response"

    @property
    def other(self) -> Half:
        """The one that belongs to it."""
        return Half.RESPONSE if self is Half.REQUEST else Half.REQUEST

    @property
    def part(self) -> int:
        """The part of an entry that it is encrypted as."""
        return Part.INPUTS.value if self is Half.REQUEST else Part.OUTPUT.value

    def mark_in(self, fingerprint: bytes) -> bytes:
        """Its half of a decision's fingerprint."""
        return fingerprint[:_HALF_MARK] if self is Half.REQUEST else fingerprint[_HALF_MARK:]


class Kept(NamedTuple):
    """What one half says, as it is kept until the other half is there."""

    at: datetime
    data: bytes
    status_code: int | None = None
    subject: str | None = None
    version: int | None = None
    artifact_sha256: str | None = None
    # True for one whose stored bytes could not be opened any more.
    is_lost: bool = False

    @property
    def mark(self) -> bytes:
        """Eight bytes of SHA-256 over what the data means, or over its bytes where they are no JSON."""
        said = _read(self.data)
        meaning = hashlib.sha256(self.data).digest() if said is None else fingerprint_of(said)
        return meaning[:_HALF_MARK]

    def as_bytes(self) -> bytes:
        """A line of JSON, then the data as it came."""
        facts = {**self._asdict(), "at": self.at.isoformat()}
        del facts["data"]
        return json.dumps(facts).encode() + b"\n" + self.data

    @classmethod
    def from_bytes(cls, stored: bytes) -> Kept:
        """What `as_bytes` made."""
        head, _, data = stored.partition(b"\n")
        facts = json.loads(head)
        return cls(**{**facts, "at": datetime.fromisoformat(facts["at"])}, data=data)


class Event(NamedTuple):
    """One half, and to which decision of which system it belongs."""

    system: str
    id: str
    half: Half
    source: str
    kept: Kept


def binary_event(headers: Mapping[str, str], data: bytes, *, system: str, now: datetime) -> Event:
    """The event in `ce-` headers (names in any case) with its data as the body; `Refused` says what is wrong."""
    attributes = {
        # Percent-encoded by the HTTP binding (CloudEvents 1.0.2 §3.1.3.2).
        name.lower().removeprefix("ce-"): unquote(text)
        for name, text in headers.items()
        if name.lower().startswith("ce-")
    }
    return _event(attributes, data, system, now)


def structured_event(said: Any, *, system: str, now: datetime) -> Event:
    """The event in a JSON object (application/cloudevents+json); `Refused` says what is wrong."""
    if not isinstance(said, dict):
        raise Refused("An event must be an object.")
    attributes = {name: value for name, value in said.items() if name not in ("data", "data_base64")}
    return _event(attributes, _structured_data(said), system, now)


def decision_of(
    halves: Mapping[Half, Kept], *, system: str, request_id: str, caller: str
) -> tuple[DecisionFacts, datetime]:
    """The decision that the halves tell, and when it was made. One half alone says that the other is missing."""
    request, response = halves.get(Half.REQUEST), halves.get(Half.RESPONSE)
    status, error = _outcome(request, response)
    inputs = _read(request.data) if request else None
    told = [half for half in (request, response) if half is not None]
    facts = DecisionFacts(
        system=system,
        status=status,
        mode=Mode.REPORTED,
        caller=caller,
        latency_us=_latency(request, response),
        version=next((half.version for half in told if half.version), None),
        artifact_sha256=next((half.artifact_sha256 for half in told if half.artifact_sha256), None),
        subject=next((half.subject for half in told if half.subject), None),
        inputs=inputs_of(inputs) if inputs is not None else None,
        output=_output(response) if response and response.data else None,
        body=request.data if request and inputs is None and request.data else None,
        error_code=error,
        request_id=request_id,
    )
    return facts, told[-1].at


def fingerprint_of_halves(halves: Mapping[Half, Kept]) -> bytes:
    """Eight bytes for the request and eight for the response; zeros for the one that is missing."""
    return b"".join(halves[half].mark if half in halves else bytes(_HALF_MARK) for half in Half)


def _event(attributes: Mapping[str, Any], data: bytes, system: str, now: datetime) -> Event:
    if attributes.get("specversion") not in _VERSIONS:
        raise Refused("specversion must be 1.0 (or 0.3): this is no CloudEvent that we know.")
    half = _TYPE.match(_text(attributes, "type"))
    if half is None:
        raise Refused(
            "type must be org.kubeflow.serving.inference.request or .response (KServe), or"
            " io.seldon.serving.inference.request or .response (Seldon, MLServer)."
        )
    if len(data) > MAX_DATA:
        raise Refused(f"The event's data is larger than {MAX_DATA // 1024**2} MiB.")
    metadata, annotations = _mapping(attributes, "metadata"), _mapping(attributes, "annotations")
    kept = Kept(
        at=moment_of(attributes.get("time") or None, now, "time") or now,
        data=data,
        status_code=_status_code(attributes.get("statuscode")),
        subject=subject_of(_first(metadata, "x-subject")),
        version=number_of("The annotation countersign/version", _whole(_first(annotations, "countersign/version"))),
        artifact_sha256=digest_of(_first(annotations, "countersign/artifact-sha256")),
    )
    identifier = request_of(_text(attributes, "requestid") or attributes.get("id"))
    source = _text(attributes, "source")[:_MAX_SOURCE]
    return Event(_system(attributes, system), identifier, Half(half[1]), source, kept)


def _system(attributes: Mapping[str, Any], asked: str) -> str:
    """The system: what the address asks for, else the inference service's name, else the source's."""
    if asked:
        return system_of(asked)
    name = _text(attributes, "inferenceservicename")
    if name and name != "NOTIMPLEMENTED":
        return system_of(name)
    if source := _SELDON_SOURCE.match(_text(attributes, "source")):
        return source[1]
    raise Refused(
        "The event does not say of which system it is (inferenceservicename): add ?system=NAME to the address."
    )


def _structured_data(said: dict[str, Any]) -> bytes:
    packed = said.get("data_base64")
    if packed is None and said.get("datacontentencoding") == "base64":
        packed = said.get("data")
    if packed is not None:
        try:
            return base64.b64decode(packed, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise Refused("The event's data is not base64, as it says.") from None
    data, media = said.get("data"), said.get("datacontenttype", "application/json")
    if data is None:
        return b""
    is_text = isinstance(data, str) and isinstance(media, str) and "json" not in media
    return (data if is_text else json.dumps(data, ensure_ascii=False, separators=(",", ":"))).encode()


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"{name} must be text.")
    return value


def _mapping(attributes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """KServe's `metadata` (request headers) and `annotations`: objects, as JSON inside of text."""
    value = attributes.get(name) or {}
    try:
        value = parse(value.encode()) if isinstance(value, str) else value
    except JsonRefused:
        raise Refused(f"{name} must be a JSON object.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"{name} must be a JSON object.")
    return {key.lower(): item for key, item in value.items()}


def _first(said: Mapping[str, Any], name: str) -> Any:
    """The value; of a header, which KServe gives as a list, the first one."""
    value = said.get(name)
    return (value[0] if value else None) if isinstance(value, list) else value


def _whole(text: Any) -> Any:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else text


def _status_code(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if type(value) in (int, str) and _STATUS_CODE.match(str(value)[:4]):
        return int(value)
    raise Refused("statuscode must be an HTTP status.")


def _outcome(request: Kept | None, response: Kept | None) -> tuple[Status, str | None]:
    if any(half is not None and half.is_lost for half in (request, response)):
        return Status.FAILED, "half_unreadable"
    if response is None:
        return Status.FAILED, "response_missing"
    code = response.status_code
    if code is not None and code >= 400:
        return Status.FAILED if code >= 500 else Status.REFUSED, f"http_{code}"
    return Status.ANSWERED, None if request else "request_missing"


def _latency(request: Kept | None, response: Kept | None) -> int | None:
    if request is None or response is None:
        return None
    microseconds = round((response.at - request.at).total_seconds() * 1_000_000)
    return microseconds if 0 <= microseconds < 2**31 else None


def _output(response: Kept) -> dict[str, Any]:
    said = _read(response.data)
    return output_of(said) if said is not None else {"text": response.data.decode("utf-8", errors="replace")}


def _read(data: bytes) -> Any:
    """The data's JSON; None for what is none, or can be understood in two ways."""
    try:
        return parse(data)
    except JsonRefused:
        return None
