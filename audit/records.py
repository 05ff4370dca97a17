"""What is written to the trail for one decision or one act: entry, searchable columns, payloads, key. Pure.

The gateway and the portal both build their records here, so that both write the same bytes for the same facts.
Personal data is in the payloads alone: the entry holds the hash of the stored bytes and a hiding commitment to
what they say, so it can stand for ever when the payload can no longer be read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from audit.canonical import canonical, leaf_hash, normal_text
from audit.encryption import BLINDING_BYTES, KEY_BYTES, Keyring, Wrapped, open_part, seal_part
from audit.identifiers import new_id

# Format 1 had payloads that were blinded and not encrypted, and no writers' chains.
ENTRY_FORMAT = 2
DECISION = "decision"
# A gateway says each minute that it is there: not for people to read, unless they ask.
HEARTBEAT = "gateway.heartbeat"
SCORE_UNIT = 1_000_000
# The column holds four bytes: a score beyond is in the payload alone.
MOST_SCORE = 2_147
# Made once: `json.dumps` makes an encoder for each call that is not plain.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
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


# An enum's own `name` takes as long as all else here.
PART_NAMES = {part: part.name.lower() for part in Part}


# What is made for each record are named tuples: a frozen dataclass takes three times as long to make.
class Payload(NamedTuple):
    """One part as it is stored, and what the entry says of it."""

    part: Part
    stored: bytes
    content_bytes: int
    commitment: bytes

    @property
    def seal(self) -> dict[str, Any]:
        """What the entry says: size of the content, hash of the stored bytes, commitment to the content."""
        stored = hashlib.sha256(self.stored).hexdigest()
        return {"bytes": self.content_bytes, "sha256": stored, "commitment": self.commitment.hex()}


def payload_content(format: int, key: bytes, entry: uuid.UUID, part: Part, stored: bytes) -> bytes:
    """What a part says, by the format of its entry (the key of one of format 1 is empty). May raise `Unreadable`."""
    return payload_opened(format, key, entry, part, stored)[1]


def payload_opened(format: int, key: bytes, entry: uuid.UUID, part: Part, stored: bytes) -> tuple[bytes, bytes]:
    """Blinding and content, from which the entry's commitment can be made again."""
    if format == 1:
        return stored[:BLINDING_BYTES], stored[BLINDING_BYTES:]
    return open_part(key, entry, part.value, stored)


class DecisionFacts(NamedTuple):
    """One request as it was answered. Times in µs, scores as probability of the adverse label or raw value."""

    system: str
    status: Status
    mode: Mode
    caller: str
    # Unknown for some reported ones.
    latency_us: int | None = None
    version: int | None = None
    release: int | None = None
    artifact_sha256: str | None = None
    subject: str | None = None
    inputs: Mapping[str, Any] | None = None
    # Inputs that the version's schema marks as not personal: kept in clear, as text, to search by.
    features: Mapping[str, str] | None = None
    output: Mapping[str, Any] | None = None
    body: bytes | None = None
    error_code: str | None = None
    request_id: str | None = None
    idempotency_mac: bytes | None = None


class KeyRow(NamedTuple):
    """The entry's wrapped key, and the token of the subject under which it is filed."""

    token: bytes | None
    wrapped: Wrapped


class Record(NamedTuple):
    """Rows for the tables of the trail."""

    id: uuid.UUID
    entry: bytes
    leaf: bytes
    columns: dict[str, Any]
    payloads: Sequence[Payload] = ()
    key: KeyRow | None = None


class Draft(NamedTuple):
    """A record that has no place in its writer's chain yet, so its bytes are not final."""

    id: uuid.UUID
    columns: dict[str, Any]
    more: dict[str, Any]
    payloads: Sequence[Payload]
    key: KeyRow | None

    def at_place(self, writer: Mapping[str, Any]) -> Record:
        """The record; `EntryInvalid` for facts that cannot stand in an entry."""
        facts = {
            "v": ENTRY_FORMAT,
            "id": str(self.id),
            "at": _millisecond(self.id.int >> 80),
            **self.columns,
            **self.more,
            "payloads": {PART_NAMES[payload.part]: payload.seal for payload in self.payloads},
            "writer": writer,
        }
        entry = canonical({key: value for key, value in facts.items() if value is not None})
        return Record(self.id, entry, leaf_hash(entry), self.columns, self.payloads, self.key)


def subject_token(key: str, system: str, subject: str) -> bytes:
    """16 bytes by which a subject's decisions are found: HMAC-SHA256 over system and normalised reference."""
    message = f"{system}\x00{normal_text(subject)}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).digest()[:16]


def decision_draft(
    facts: DecisionFacts, *, subject_key: str, keyring: Keyring, id: uuid.UUID | None = None, at: datetime | None = None
) -> Draft:
    """The draft of one decision. `at` is when it was made elsewhere, for a reported one."""
    identifier = id or new_id()
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
        "features": dict(facts.features) if facts.features else None,
    }
    more = {
        "artifact_sha256": facts.artifact_sha256,
        "error": facts.error_code,
        "idempotency": facts.idempotency_mac.hex() if facts.idempotency_mac else None,
        "decided_at": timestamp(at) if at else None,
    }
    token = subject_token(subject_key, facts.system, facts.subject) if facts.subject else None
    return _draft(identifier, columns, more, _decision_parts(facts), token, keyring)


def act_draft(
    *,
    type: str,
    actor: str,
    keyring: Keyring,
    system: str | None = None,
    version: int | None = None,
    release: int | None = None,
    object: str | None = None,
    details: Mapping[str, Any] | None = None,
    text: str | None = None,
) -> Draft:
    """The draft of one act of a person or process; `text` (reasons, purposes) is kept as a payload."""
    columns = {"type": type, "system": system, "version": version, "release": release, "actor": actor, "object": object}
    parts = {Part.TEXT: text.encode()} if text else {}
    return _draft(new_id(), columns, {"details": dict(details or {})}, parts, None, keyring)


def timestamp(moment: datetime) -> str:
    """The moment in UTC to the millisecond, as entries write it (RFC 3339)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=256)
def _millisecond(milliseconds: int) -> str:
    """The timestamp of a millisecond since 1970, which many ids share."""
    return timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _decision_parts(facts: DecisionFacts) -> dict[Part, bytes]:
    parts = {}
    if facts.inputs is not None:
        parts[Part.INPUTS] = _json({"subject": facts.subject, "inputs": dict(facts.inputs)})
    if facts.output is not None:
        parts[Part.OUTPUT] = _json(dict(facts.output))
    if facts.body is not None:
        parts[Part.BODY] = facts.body[:MAX_KEPT_BODY]
    return parts


def _searchable_output(output: Mapping[str, Any] | None) -> tuple[str | None, int | None]:
    if output is None or "label" not in output:
        return None, None
    score = output.get("score")
    if score is None or not -MOST_SCORE < score < MOST_SCORE:
        return str(output["label"]), None
    return str(output["label"]), round(float(score) * SCORE_UNIT)


def _draft(
    identifier: uuid.UUID,
    columns: dict[str, Any],
    more: dict[str, Any],
    parts: Mapping[Part, bytes],
    token: bytes | None,
    keyring: Keyring,
) -> Draft:
    if not parts:
        return Draft(identifier, columns, more, [], None)
    key = os.urandom(KEY_BYTES)
    payloads = []
    for part, content in parts.items():
        stored, commitment = seal_part(key, identifier, part, content)
        payloads.append(Payload(part, stored, len(content), commitment))
    return Draft(identifier, columns, more, payloads, KeyRow(token, keyring.wrap(key, identifier)))


def _json(value: Any) -> bytes:
    """The value as JSON; `ValueError` for what is no number. What orjson does not write, or writes as null, is rare."""
    try:
        encoded = orjson.dumps(value)
    except TypeError:
        encoded = b"null"
    return _encode(value).encode("utf-8") if b"null" in encoded else encoded
