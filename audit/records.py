"""What is written to the trail for one decision or one act: entry, searchable columns, payloads, subject. Pure.

The gateway and the portal both build their records here, so that both write the same bytes for the same facts.
Personal data is in the payloads alone: the entry holds the hash of the stored bytes and a hiding commitment to
what they say, so it can stand for ever when the payload is gone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from audit.canonical import canonical, leaf_hash, normal_text
from audit.identifiers import new_id, time_of

ENTRY_FORMAT = 1
DECISION = "decision"
SCORE_UNIT = 1_000_000
_COMMITMENT = b"audit/pt/v1\x00"
_BLINDING_BYTES = 32
# The most of an unreadable body that is kept, in bytes; its size and digest are kept whole.
MAX_KEPT_BODY = 64 * 1024


class Status(StrEnum):
    """How a decision request ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"


class Mode(StrEnum):
    """In which part a version decided."""

    LIVE = "live"
    CANARY = "canary"
    SHADOW = "shadow"
    REPORTED = "reported"


class Part(IntEnum):
    """Which payload of an entry."""

    INPUTS = 1
    OUTPUT = 2
    BODY = 3
    TEXT = 4


@dataclass(frozen=True)
class Payload:
    """The stored bytes of one part: 32 random bytes, then what they blind."""

    part: Part
    stored: bytes

    @property
    def seal(self) -> dict[str, Any]:
        """What the entry says of it: size of the content, hash of the stored bytes, commitment to the content."""
        content = self.stored[_BLINDING_BYTES:]
        commitment = hashlib.sha256(_COMMITMENT + self.stored[:_BLINDING_BYTES] + content).hexdigest()
        stored = hashlib.sha256(self.stored).hexdigest()
        return {"bytes": len(content), "sha256": stored, "commitment": commitment}


def make_payload(part: Part, content: bytes) -> Payload:
    """The content, blinded: two equal contents give unlike hashes, so a hash cannot be guessed back."""
    return Payload(part, secrets.token_bytes(_BLINDING_BYTES) + content)


def payload_content(stored: bytes) -> bytes:
    """What was put into `make_payload`."""
    return stored[_BLINDING_BYTES:]


@dataclass(frozen=True)
class DecisionFacts:
    """One request as it was answered. Times in µs, scores as probability of the adverse label or raw value."""

    system: str
    status: Status
    mode: Mode
    caller: str
    latency_us: int
    version: int | None = None
    release: int | None = None
    artifact_sha256: str | None = None
    subject: str | None = None
    inputs: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None
    body: bytes | None = None
    error_code: str | None = None
    request_id: str | None = None
    idempotency_mac: bytes | None = None


@dataclass(frozen=True)
class Record:
    """Rows for the tables of the trail."""

    id: uuid.UUID
    entry: bytes
    leaf: bytes
    columns: dict[str, Any]
    payloads: list[Payload] = field(default_factory=list)
    subject_token: bytes | None = None


def subject_token(key: str, system: str, subject: str) -> bytes:
    """16 bytes by which a subject's decisions are found: HMAC-SHA256 over system and normalised reference."""
    message = f"{system}\x00{normal_text(subject)}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).digest()[:16]


def decision_record(facts: DecisionFacts, *, subject_key: str, id: uuid.UUID | None = None) -> Record:
    """The record of one decision; `EntryInvalid` for facts that cannot stand in an entry."""
    identifier = id or new_id()
    payloads = _decision_payloads(facts)
    label, score_ppm = _searchable_output(facts.output)
    columns = {
        "type": DECISION,
        "system": facts.system,
        "version": facts.version,
        "release": facts.release,
        "status": facts.status.value,
        "mode": facts.mode.value,
        "label": label,
        "score_ppm": score_ppm,
        "latency_us": facts.latency_us,
        "actor": facts.caller,
        "request_id": facts.request_id,
    }
    more = {
        "artifact_sha256": facts.artifact_sha256,
        "error": facts.error_code,
        "idempotency": facts.idempotency_mac.hex() if facts.idempotency_mac else None,
    }
    token = subject_token(subject_key, facts.system, facts.subject) if facts.subject else None
    return _record(identifier, columns, more, payloads, token)


def act_record(
    *,
    type: str,
    actor: str,
    system: str | None = None,
    version: int | None = None,
    release: int | None = None,
    object: str | None = None,
    details: Mapping[str, Any] | None = None,
    text: str | None = None,
) -> Record:
    """The record of one act of a person or process; `text` (reasons, purposes) is kept as a payload."""
    payloads = [make_payload(Part.TEXT, text.encode())] if text else []
    columns = {"type": type, "system": system, "version": version, "release": release, "actor": actor, "object": object}
    return _record(new_id(), columns, {"details": dict(details or {})}, payloads, None)


def _decision_payloads(facts: DecisionFacts) -> list[Payload]:
    payloads = []
    if facts.inputs is not None:
        content = {"subject": facts.subject, "inputs": dict(facts.inputs)}
        payloads.append(make_payload(Part.INPUTS, _json(content)))
    if facts.output is not None:
        payloads.append(make_payload(Part.OUTPUT, _json(dict(facts.output))))
    if facts.body is not None:
        payloads.append(make_payload(Part.BODY, facts.body[:MAX_KEPT_BODY]))
    return payloads


def _searchable_output(output: Mapping[str, Any] | None) -> tuple[str | None, int | None]:
    if output is None or "label" not in output:
        return None, None
    return str(output["label"]), round(float(output["score"]) * SCORE_UNIT)


def _record(
    identifier: uuid.UUID,
    columns: dict[str, Any],
    more: dict[str, Any],
    payloads: list[Payload],
    token: bytes | None,
) -> Record:
    facts = {
        "v": ENTRY_FORMAT,
        "id": str(identifier),
        "at": _timestamp(time_of(identifier)),
        **columns,
        **more,
        "payloads": {payload.part.name.lower(): payload.seal for payload in payloads},
    }
    entry = canonical({key: value for key, value in facts.items() if value is not None})
    return Record(identifier, entry, leaf_hash(entry), columns, payloads, token)


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
