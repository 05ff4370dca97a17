"""A case by the API: opened by a service, looked after and decided by people, each refusal in the contract's shape."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from audit.queries import facts_of
from explain.models import Dispute
from explain.reviewing import tasks
from portal.addresses import page_by_deadline
from tests import factories

from .conftest import in_days, opened

ROOT = "/api/v1/disputes/"


def post(client, path: str, **body):
    return client.post(f"{ROOT}{path}", json.dumps(body), content_type="application/json")


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def sam(client_of, support):
    return client_of(support)


@pytest.fixture
def clara(client_of, compliance):
    return client_of(compliance)


def test_a_case_goes_from_intake_to_decision(api, sam, clara) -> None:
    sent = {"decision": str(factories.decided().id), "channel": "portal", "claim": "c", "identity": "signed in"}
    made = api("dispute").post(ROOT, json.dumps(sent), content_type="application/json").json()
    number = made["number"]
    assert (made["state"], made["identity"], made["ruling"], made["letters"]) == ("received", "signed in", None, [])
    assert post(sam, f"{number}/assign/", owner="support", expected_owner="").json()["owner"] == "user:support"
    assert post(sam, f"{number}/notes/", words="She called again.").status_code == 200
    assert post(clara, f"{number}/review/", expected_state="received").json()["reviewer"] == "user:compliance"
    asked = post(clara, f"{number}/corrections/", inputs=factories.GRANTED)
    assert asked.status_code == 202 and asked.json()["state"] == "queued"
    tasks.rescore(asked.json()["id"])
    scored = clara.get(asked.json()["url"]).json()
    assert scored["state"] == "done" and scored["result"]["label"] == "grant"
    said = {"outcome": "corrected", "reason_code": "input_wrong", "grounds": "The register was wrong."}
    decided = post(clara, f"{number}/decide/", expected_state="in_review", **said).json()
    assert decided["state"] == "decided" and "claim" not in decided
    assert decided["ruling"]["answer_now"] == "grant" and decided["ruling"]["label_effect"] == "feature_correction"
    assert clara.get(f"{ROOT}{number}/").json()["claim"] == "c"


def test_a_service_opens_and_lists_and_does_no_more(api, lead) -> None:
    number = opened().number
    service = api("dispute")
    assert service.get(ROOT).json()["results"][0]["number"] == number
    for act in ("assign", "notes", "review", "decide", "close", "withdraw", "reopen", "extend", "identity"):
        body = {"owner": "", "words": "w", "reason": "r", "how": "signed in", "due_at": in_days(50).isoformat()}
        body |= {"outcome": "upheld", "reason_code": "confirmed", "grounds": "g"}
        assert post(service, f"{number}/{act}/", **body).status_code == 403, act


def test_what_is_read_is_recorded_once_for_each_answer(sam) -> None:
    first, second = opened(), opened()
    sam.get(ROOT)
    [listed] = Entry.objects.filter(type="dispute.read")
    assert facts_of(listed)["details"] == {"disputes": f"{first.number}, {second.number}"}
    sam.get(f"{ROOT}{first.number}/")
    one = Entry.objects.filter(type="dispute.read").order_by("-id").first()
    assert one.object == str(first.decision_id) and one.actor == "user:support"
    sam.get(ROOT, {"state": "closed"})
    assert Entry.objects.filter(type="dispute.read").count() == 2, "where nothing is shown nothing was read"


def test_the_list_is_narrowed_and_turned_over(sam, monkeypatch) -> None:
    late = opened(received_at=in_days(-31))
    others = [opened(), opened(), opened()]
    Dispute.objects.filter(pk=others[0].pk).update(owner="user:support")

    def numbers(**asked) -> list[int]:
        return [item["number"] for item in sam.get(ROOT, asked).json()["results"]]

    assert numbers(overdue="true") == [late.number]
    assert numbers(owner="me") == numbers(owner="support") == [others[0].number]
    assert others[0].number not in numbers(owner="nobody") and len(numbers(owner="nobody")) == 3
    assert len(numbers(state="open", system="mortgage")) == 4 and numbers(system="loans") == []
    monkeypatch.setattr(page_by_deadline, "__defaults__", ("", 3))
    first = sam.get(ROOT, {"state": "open"}).json()
    rest = sam.get(first["next"]).json()
    seen = [item["number"] for item in first["results"] + rest["results"]]
    assert seen == [late.number, *(item.number for item in others)] and rest["next"] is None
    for cursor in ("x", "2026-01-01~1", "2026-01-01T00:00:00Z~x", "~"):
        assert sam.get(ROOT, {"cursor": cursor}).status_code == 404, cursor


@pytest.mark.parametrize(
    "act, body, code",
    [
        ("close", {}, (409, "wrong_state")),
        ("reopen", {"reason": "r"}, (409, "wrong_state")),
        ("withdraw", {}, (422, "invalid")),
        ("withdraw", {"reason": "r", "expected_state": "explained"}, (409, "wrong_state")),
        ("review", {}, (403, "forbidden")),
        ("notes", {"words": ""}, (422, "invalid")),
        ("extend", {"due_at": "soon", "reason": "r"}, (422, "invalid")),
        ("assign", {"owner": "nobody-known"}, (422, "invalid")),
        ("first-view", {"words": "w"}, (409, "wrong_state")),
    ],
)
def test_refusals(sam, act: str, body: dict, code: tuple[int, str]) -> None:
    assert refusal(post(sam, f"{opened().number}/{act}/", **body)) == code


def test_two_people_do_not_both_win(sam, clara) -> None:
    number = opened().number
    post(clara, f"{number}/review/")
    assert refusal(post(clara, f"{number}/review/", expected_state="received")) == (409, "wrong_state")
    said = {"outcome": "upheld", "reason_code": "confirmed", "grounds": "g"}
    assert post(clara, f"{number}/decide/", **said).status_code == 200
    assert refusal(post(clara, f"{number}/decide/", **said)) == (409, "wrong_state")


def test_more_time_by_the_api(sam) -> None:
    dispute = opened()
    due = dispute.due_at + timedelta(days=20)
    answer = post(sam, f"{dispute.number}/extend/", due_at=due.isoformat(), reason="The archive is slow.")
    assert answer.status_code == 200 and answer.json()["due_at"] == due.isoformat().replace("+00:00", "Z")
    assert timezone.now() < due
