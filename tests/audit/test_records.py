"""What a record says: bytes without personal data, columns that repeat the bytes, payloads that the bytes seal."""

from __future__ import annotations

import hashlib
import json

import pytest

from audit.canonical import EntryInvalid, leaf_hash
from audit.chain import Place, first_place, link, lost_sight
from audit.encryption import Keyring
from audit.records import (
    ENTRY_FORMAT,
    MAX_KEPT_BODY,
    DecisionFacts,
    Draft,
    Mode,
    Part,
    Record,
    Status,
    act_draft,
    decision_draft,
    payload_opened,
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


RING = Keyring(["secret"])


def drafted(**changes) -> Draft:
    return decision_draft(DecisionFacts(**{**FACTS, **changes}), subject_key="key", keyring=RING)


def made(**changes) -> Record:
    return placed(drafted(**changes))


def act(**facts) -> Record:
    return placed(act_draft(**{"type": "x.done", "actor": "user:lena", "keyring": RING, **facts}))


def placed(draft: Draft) -> Record:
    [record], _ = link([draft], first_place("writer"))
    return record


def opened(record: Record, number: int = 0) -> tuple[bytes, bytes]:
    """Blinding and content of one of the record's payloads."""
    payload = record.payloads[number]
    key = RING.unwrap(record.key.wrapped, record.id)
    return payload_opened(ENTRY_FORMAT, key, record.id, payload.part, payload.stored)


def test_the_entry_holds_the_columns_and_no_personal_data() -> None:
    record = made()
    facts = json.loads(record.entry)
    assert record.leaf == leaf_hash(record.entry) and facts["id"] == str(record.id)
    assert facts["score_ppm"] == record.columns["score_ppm"] == 812_346
    for name, value in record.columns.items():
        assert facts.get(name) == value
    assert b"pirat" not in record.entry and "Zoë".encode() not in record.entry and b"0.22" not in record.entry


def test_payloads_are_sealed_encrypted_and_blinded() -> None:
    first, second = made(), made()
    seals = json.loads(first.entry)["payloads"]
    for number, payload in enumerate(first.payloads):
        seal = seals[payload.part.name.lower()]
        blinding, content = opened(first, number)
        commitment = hashlib.sha256(b"audit/pt/v1\x00" + blinding + content).hexdigest()
        assert seal == {
            "bytes": len(content),
            "sha256": hashlib.sha256(payload.stored).hexdigest(),
            "commitment": commitment,
        }
    assert json.loads(opened(first)[1]) == {"subject": "Zoë 17", "inputs": {"pirat": 0.22}}
    assert all(b"pirat" not in payload.stored for payload in first.payloads)
    assert first.payloads[0].stored != second.payloads[0].stored
    assert json.loads(second.entry)["payloads"] != seals


def test_a_subjects_token_is_keyed_by_system_and_indifferent_to_typing() -> None:
    token = subject_token("key", "mortgage", "Zoë 17")
    assert len(token) == 16 and made().key.token == token
    assert subject_token("key", "mortgage", " Zoe\u0308 17 ") == token
    assert token not in (subject_token("key", "loans", "Zoë 17"), subject_token("other", "mortgage", "Zoë 17"))
    assert made(subject=None).key.token is None


def test_a_refused_request_keeps_the_beginning_of_its_body() -> None:
    record = made(status=Status.REFUSED, inputs=None, output=None, body=b"x" * 100_000, error_code="malformed")
    [body] = record.payloads
    assert (body.part, len(opened(record)[1])) == (Part.BODY, MAX_KEPT_BODY)
    assert json.loads(record.entry)["error"] == "malformed" and record.columns["label"] is None


def test_an_act_keeps_its_reason_as_a_payload() -> None:
    record = act(type="version.approved", system="mortgage", version=1, text="Looks good.")
    assert b"Looks good." not in record.entry
    assert opened(record)[1] == b"Looks good."
    assert act().payloads == [] and act().key is None


def test_facts_that_have_two_readings_are_refused() -> None:
    with pytest.raises(EntryInvalid):
        act(details={"share": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        made(output={"label": "deny", "score": 0.5, "raw": float("nan")})


def test_features_that_are_not_personal_stand_in_the_entry_and_in_a_column() -> None:
    record = made(features={"unemp": "10.6"})
    assert json.loads(record.entry)["features"] == record.columns["features"] == {"unemp": "10.6"}


def test_a_writers_entries_are_numbered_and_name_the_one_before() -> None:
    start = first_place("gateway")
    records, after = link([drafted(), drafted(), drafted()], start)
    said = [json.loads(record.entry)["writer"] for record in records]
    assert said == [
        {"id": "gateway", "epoch": str(start.epoch), "seq": 0},
        {"id": "gateway", "epoch": str(start.epoch), "seq": 1, "prev": records[0].leaf.hex()},
        {"id": "gateway", "epoch": str(start.epoch), "seq": 2, "prev": records[1].leaf.hex()},
    ]
    assert after == Place("gateway", start.epoch, 3, records[2].leaf)


def test_after_an_uncertain_commit_a_new_epoch_names_the_one_before() -> None:
    _, place = link([drafted(), drafted()], first_place("gateway"))
    fresh = lost_sight(place)
    [record], _ = link([drafted()], fresh)
    assert json.loads(record.entry)["writer"] == {
        "id": "gateway",
        "epoch": str(fresh.epoch),
        "seq": 0,
        "after": {"epoch": str(place.epoch), "entries": 2},
    }
    # When the new epoch is lost before its first entry was sure, the next one follows the same.
    assert lost_sight(fresh).after == fresh.after and lost_sight(fresh).epoch != fresh.epoch
