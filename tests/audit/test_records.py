"""What a record says: bytes without personal data, columns that repeat the bytes, payloads that the bytes seal."""

from __future__ import annotations

import hashlib
import json

import pytest

from audit.canonical import EntryInvalid, leaf_hash
from audit.records import (
    MAX_KEPT_BODY,
    DecisionFacts,
    Mode,
    Part,
    Status,
    act_record,
    decision_record,
    payload_content,
    subject_token,
)

FACTS = {
    "system": "mortgage",
    "status": Status.ANSWERED,
    "mode": Mode.LIVE,
    "caller": "service:desk",
    "latency_us": 1_900,
    "version": 2,
    "release": 5,
    "subject": "Zoë 17",
    "inputs": {"pirat": 0.22},
    "output": {"label": "deny", "score": 0.8123456, "threshold": 0.5},
    "request_id": "r-1",
}


def made(**changes):
    return decision_record(DecisionFacts(**{**FACTS, **changes}), subject_key="key")


def test_the_entry_holds_the_columns_and_no_personal_data() -> None:
    record = made()
    facts = json.loads(record.entry)
    assert record.leaf == leaf_hash(record.entry) and facts["id"] == str(record.id)
    assert facts["score_ppm"] == record.columns["score_ppm"] == 812_346
    for name, value in record.columns.items():
        assert facts.get(name) == value
    assert b"pirat" not in record.entry and "Zoë".encode() not in record.entry and b"0.22" not in record.entry


def test_payloads_are_sealed_and_blinded() -> None:
    first, second = made(), made()
    seals = json.loads(first.entry)["payloads"]
    for payload in first.payloads:
        seal = seals[payload.part.name.lower()]
        content = payload_content(payload.stored)
        commitment = hashlib.sha256(b"audit/pt/v1\x00" + payload.stored[:32] + content).hexdigest()
        assert seal == {
            "bytes": len(content),
            "sha256": hashlib.sha256(payload.stored).hexdigest(),
            "commitment": commitment,
        }
    assert json.loads(payload_content(first.payloads[0].stored)) == {"subject": "Zoë 17", "inputs": {"pirat": 0.22}}
    assert first.payloads[0].stored != second.payloads[0].stored
    assert json.loads(second.entry)["payloads"] != seals


def test_a_subjects_token_is_keyed_by_system_and_indifferent_to_typing() -> None:
    token = subject_token("key", "mortgage", "Zoë 17")
    assert len(token) == 16 and made().subject_token == token
    assert subject_token("key", "mortgage", " Zoe\u0308 17 ") == token
    assert token not in (subject_token("key", "loans", "Zoë 17"), subject_token("other", "mortgage", "Zoë 17"))
    assert made(subject=None).subject_token is None


def test_a_refused_request_keeps_the_beginning_of_its_body() -> None:
    record = made(status=Status.REFUSED, inputs=None, output=None, body=b"x" * 100_000, error_code="malformed")
    [body] = record.payloads
    assert (body.part, len(payload_content(body.stored))) == (Part.BODY, MAX_KEPT_BODY)
    assert json.loads(record.entry)["error"] == "malformed" and record.columns["label"] is None


def test_an_act_keeps_its_reason_as_a_payload() -> None:
    record = act_record(type="version.approved", actor="user:lena", system="mortgage", version=1, text="Looks good.")
    assert b"Looks good." not in record.entry
    assert payload_content(record.payloads[0].stored) == b"Looks good."
    assert act_record(type="token.issued", actor="user:lena").payloads == []


def test_facts_that_have_two_readings_are_refused() -> None:
    with pytest.raises(EntryInvalid):
        act_record(type="x", actor="user:lena", details={"share": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        made(output={"label": "deny", "score": 0.5, "raw": float("nan")})
