"""One line of a report of decisions made elsewhere: what it may say, and why it cannot be kept. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

import orjson

from audit.records import DecisionFacts, Mode, Status
from portal.strict_json import JsonRefused, parse
from portal.times import rfc3339

KEY_BYTES = 16
MAX_LABEL = 64
MAX_SUBJECT = 256
# A clock that runs ahead is not a reason to lose a decision; one that is wrong is.
MOST_AHEAD = timedelta(minutes=5)
# Older than any log that could hold the decision, and safe in every time zone.
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_INT = 2**31 - 1
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_REQUEST_ID = re.compile(r"[!-~]{1,128}\Z")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_STATUSES = {status.value: status for status in Status}
_KNOWN = {
    *("system", "request_id", "version", "subject", "inputs", "output", "status", "error", "at", "latency_ms"),
    *("release", "artifact_sha256"),
}


class Refused(ValueError):
    """What was reported cannot be kept; the message says why, in words."""


class Reported(NamedTuple):
    """One decision made elsewhere. Its key is for ever that of its system and request; the fingerprint, of the rest."""

    key: bytes
    fingerprint: bytes
    facts: DecisionFacts
    at: datetime | None


def read_line(line: bytes, *, caller: str, now: datetime) -> Reported:
    """What the line reports; `Refused` names the first thing wrong with it."""
    try:
        said = parse(line)
    except JsonRefused as error:
        raise Refused(str(error).replace("The body", "The line", 1)) from None
    if not isinstance(said, dict):
        raise Refused("The line must be an object.")
    if not said.keys() <= _KNOWN:
        raise Refused(f"“{min(said.keys() - _KNOWN)[:80]}” is not a known key.")
    system, request_id = system_of(said.get("system")), request_of(said.get("request_id"))
    at = moment_of(said.get("at"), now)
    facts = DecisionFacts(
        system=system,
        status=_status(said.setdefault("status", "answered")),
        mode=Mode.REPORTED,
        caller=caller,
        latency_us=_latency(said.get("latency_ms")),
        version=number_of("version", said.get("version")),
        release=number_of("release", said.get("release")),
        artifact_sha256=digest_of(said.get("artifact_sha256")),
        subject=subject_of(said.get("subject")),
        inputs=_inputs(said),
        output=_output(said.get("output")),
        error_code=_code(said.get("error")),
        request_id=request_id,
    )
    return Reported(report_key(system, request_id), fingerprint_of(said), facts, at)


def report_key(system: str, request_id: str, half: str = "") -> bytes:
    """By what a decision reported before is found: 16 bytes of SHA-256 over system and request id.

    A half whose other one never came has a key of its own, so that the other one may still come.
    """
    named = f"{system}\x00{request_id}\x00{half}" if half else f"{system}\x00{request_id}"
    return hashlib.sha256(named.encode()).digest()[:KEY_BYTES]


def fingerprint_of(said: Any) -> bytes:
    """16 bytes of SHA-256 over what the value means: blanks and the order of keys do not count."""
    try:
        meaning = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # orjson writes no whole number beyond 64 bits.
        meaning = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    return hashlib.sha256(meaning).digest()[:KEY_BYTES]


def system_of(name: Any) -> str:
    """The system's name; `Refused` for what can be none."""
    if isinstance(name, str) and _SYSTEM.match(name):
        return name
    _refuse("system", name, "a name of small letters, digits and hyphens, at most 64")


def request_of(identifier: Any) -> str:
    """The request's id; `Refused` for what can be none."""
    if isinstance(identifier, str) and _REQUEST_ID.match(identifier):
        return identifier
    _refuse("request_id", identifier, "text of 1 to 128 printable ASCII characters without blanks")


def moment_of(text: Any, now: datetime, name: str = "at") -> datetime | None:
    """When it was decided; `Refused` for no moment, or one that has not come yet."""
    if text is None:
        return None
    moment = rfc3339(text) if isinstance(text, str) else None
    if moment is None:
        raise Refused(f"{name} must be a moment with an offset (RFC 3339), for instance 2026-11-24T09:30:00Z.")
    if moment > now + MOST_AHEAD:
        raise Refused(f"{name} lies {(moment - now).total_seconds() / 60:,.0f} minutes ahead of our clock.")
    if moment < _FIRST_DAY:
        raise Refused(f"{name} lies before 1970.")
    return moment


def subject_of(subject: Any) -> str | None:
    """The person's reference; `Refused` for what can be none."""
    if subject is None or (isinstance(subject, str) and len(subject) <= MAX_SUBJECT and subject.strip()):
        return subject
    _refuse("subject", subject, f"text of 1 to {MAX_SUBJECT} characters")


def _refuse(name: str, value: Any, wanted: str) -> NoReturn:
    raise Refused(f"{name} is required." if value is None else f"{name} must be {wanted}.")


def _status(status: Any) -> Status:
    if isinstance(status, str) and status in _STATUSES:
        return _STATUSES[status]
    raise Refused("status must be answered, refused or failed.")


def number_of(name: str, value: Any) -> int | None:
    """The number of a version or release; `Refused` for what can be none."""
    if value is None or (type(value) is int and 1 <= value <= _MAX_INT):
        return value
    raise Refused(f"{name} must be a whole number from 1.")


def digest_of(value: Any) -> str | None:
    """The artifact's digest; `Refused` for what can be none."""
    if value is None or (isinstance(value, str) and _DIGEST.match(value)):
        return value
    raise Refused("artifact_sha256 must be 64 hexadecimal digits, small letters.")


def _code(value: Any) -> str | None:
    # It stands in the entry for ever, where nothing about a person may stand.
    if value is None or (isinstance(value, str) and _CODE.match(value)):
        return value
    raise Refused("error must be a code of at most 64 letters, digits, “.”, “_” and “-”; put sentences into output.")


def _latency(milliseconds: Any) -> int | None:
    if milliseconds is None:
        return None
    if type(milliseconds) in (int, float) and 0 <= milliseconds * 1000 <= _MAX_INT:
        return round(milliseconds * 1000)
    raise Refused("latency_ms must be a number of milliseconds from 0 to 2,147,483.")


def _inputs(said: dict[str, Any]) -> dict[str, Any]:
    inputs = said.get("inputs")
    if not isinstance(inputs, dict):
        _refuse("inputs", inputs, "an object")
    return inputs


def _output(output: Any) -> dict[str, Any] | None:
    if output is None:
        return None
    if not isinstance(output, dict):
        raise Refused("output must be an object.")
    if not is_label(output.get("label", "")) and "label" in output:
        raise Refused(f"output.label must be printable text of 1 to {MAX_LABEL} characters, or a whole number.")
    score = output.get("score")
    if score is not None and not is_score(score):
        raise Refused("output.score must be a number that fits a double.")
    return output


def is_label(label: Any) -> bool:
    """Whether decisions can be searched by it."""
    if isinstance(label, str):
        return 0 < len(label) <= MAX_LABEL and label.isprintable()
    return type(label) is int and len(str(label)) <= MAX_LABEL


def is_score(score: Any) -> bool:
    """Whether it is a number that fits a double."""
    return type(score) is float or (type(score) is int and abs(score) < 2**1023)
