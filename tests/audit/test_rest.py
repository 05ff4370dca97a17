"""The trail's endpoints: lists without personal data, readings with a purpose, the exact bytes."""

from __future__ import annotations

import hashlib

import pytest

from audit.models import Entry
from audit.queries import text_of
from tests import factories

DECISIONS = "/api/v1/decisions/"


def readings() -> list[Entry]:
    return list(Entry.objects.filter(type="decision.read"))


def test_the_list_is_newest_first_in_keyset_pages_and_holds_no_personal_data(api, lead) -> None:
    made = [str(factories.decided().id) for _ in range(53)]
    reader = api("read")
    first = reader.get(DECISIONS, {"system": "mortgage"}).json()
    assert [item["id"] for item in first["results"]] == made[:2:-1]
    assert "system=mortgage" in first["next"] and "cursor=" in first["next"]
    second = reader.get(first["next"]).json()
    assert [item["id"] for item in second["results"]] == made[2::-1] and second["next"] is None
    item = first["results"][0]
    assert set(item) == {
        *("id", "at", "system", "version", "release", "status", "mode", "label", "score", "latency_us"),
        *("caller", "request_id", "withheld"),
    }
    assert b"applicant-17" not in reader.get(DECISIONS).content


def test_filters_of_the_contract(api, lead) -> None:
    wanted = factories.decided(1, request_id="r-1", subject="Zoë")
    factories.decided(2)
    reader = api("read")
    at = wanted.at.isoformat()
    for query in (
        {"version": "1"},
        {"request_id": "r-1"},
        {"subject": "Zoë"},
        {"since": at, "version": "1", "label": wanted.label, "status": "answered", "mode": "live"},
    ):
        assert [item["id"] for item in reader.get(DECISIONS, query).json()["results"]] == [str(wanted.id)]
    assert reader.get(DECISIONS, {"until": at}).json()["results"] == []


@pytest.mark.parametrize(
    "query", [{"version": "two"}, {"since": "yesterday"}, {"status": "maybe"}, {"mode": "?"}, {"cursor": "1"}]
)
def test_a_filter_that_cannot_be_read_is_refused_by_name(api, lead, query: dict[str, str]) -> None:
    answer = api("read").get(DECISIONS, query)
    assert answer.status_code == 422
    assert [item["path"] for item in answer.json()["error"]["details"]] == list(query)


def test_without_a_purpose_personal_data_is_withheld_and_nothing_recorded(api, lead) -> None:
    entry = factories.decided()
    body = api("read").get(f"{DECISIONS}{entry.id}/").json()
    assert body["inputs"] is None and body["subject"] is None
    assert body["output"]["label"] == entry.label
    assert body["leaf"] == {"index": None, "hash": bytes(entry.leaf_hash).hex()}
    assert readings() == []


def test_with_a_purpose_it_is_given_and_the_reading_recorded(api, lead) -> None:
    entry = factories.decided()
    body = api("read").get(f"{DECISIONS}{entry.id}/", {"purpose": "complaint 12"}).json()
    assert body["inputs"] == factories.DENIED and body["subject"] == "applicant-17"
    [reading] = readings()
    assert (reading.object, reading.system) == (str(entry.id), "mortgage")
    assert reading.actor.startswith("service:") and text_of(reading.id) == "complaint 12"


def test_a_refused_requests_inputs_are_null(api, lead) -> None:
    entry = factories.refused()
    body = api("read").get(f"{DECISIONS}{entry.id}/", {"purpose": "why"}).json()
    assert (body["inputs"], body["output"], body["status"]) == (None, None, "refused")


def test_a_purpose_has_an_end(api, lead) -> None:
    entry = factories.decided()
    assert api("read").get(f"{DECISIONS}{entry.id}/", {"purpose": "x" * 501}).status_code == 422
    assert readings() == []


@pytest.mark.parametrize("username", ["lead", "auditor"])
def test_leads_and_auditors_never_read_inputs(client_of, db, username: str) -> None:
    entry = factories.decided()
    browser = client_of(factories.person(username))
    assert browser.get(f"{DECISIONS}{entry.id}/").status_code == 200
    answer = browser.get(f"{DECISIONS}{entry.id}/", {"purpose": "curiosity"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert readings() == [] and b"applicant-17" not in answer.content


def test_the_entry_is_the_exact_hashed_bytes(api, lead) -> None:
    entry = factories.decided()
    answer = api("read").get(f"{DECISIONS}{entry.id}/entry/")
    assert answer["Content-Type"] == "application/octet-stream"
    assert hashlib.sha256(b"\x00" + answer.content).digest() == bytes(entry.leaf_hash)
    assert api("decide").get(f"{DECISIONS}{entry.id}/entry/").status_code == 404


def test_decisions_are_closed_to_who_has_no_sight(api, client_of, outsider) -> None:
    factories.decided()
    assert api("register").get(DECISIONS).json()["results"] == []
    assert client_of(outsider).get(DECISIONS).json()["results"] == []


def test_only_who_may_read_a_persons_data_may_look_for_a_person(api, auditor, client_of) -> None:
    refused = api("explain").get("/api/v1/decisions/?subject=applicant-1")
    assert refused.status_code == 403
    assert api("read").get("/api/v1/decisions/?subject=applicant-1").status_code == 200
    page = client_of(auditor).get("/decisions/?subject=applicant-1")
    assert page.status_code == 200 and 'name="subject"' not in page.content.decode()
