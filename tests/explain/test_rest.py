"""Endpoints of explanations and disputes in the contract's shapes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from explain import services, tasks
from tests import factories

from .conftest import REPORT, ask, claim

DISPUTES = "/api/v1/disputes/"


def send(client, path: str, body: dict | None = None):
    return client.post(path, json.dumps(body or {}), content_type="application/json")


def test_an_explanation_is_asked_for_and_read(api, lead) -> None:
    decision = factories.decided()
    service = api("explain")
    path = f"/api/v1/decisions/{decision.id}/explanations/"
    started = send(service, path, {"reason": "complaint 12"})
    assert started.status_code == 202 and set(started.json()) == {"id", "url", "state"}
    assert send(service, path).json() == started.json()
    waiting = service.get(started.json()["url"]).json()
    assert set(waiting) == {"state", "progress", "stage", "elapsed_ms", "report", "error"}
    assert (waiting["state"], waiting["report"], waiting["error"]) == ("queued", None, None)
    assert not Entry.objects.filter(type="explanation.read").exists()
    tasks.compute(started.json()["id"])
    done = service.get(started.json()["url"]).json()
    assert (done["state"], done["progress"], done["error"]) == ("done", 1.0, None)
    assert done["report"]["replay"]["verdict"] == "matches" and done["elapsed_ms"] >= 0
    reading = Entry.objects.get(type="explanation.read")
    assert reading.object == str(decision.id) and reading.actor.startswith("service:")


def test_a_body_may_be_left_out(api, lead) -> None:
    decision = factories.decided()
    assert api("explain").post(f"/api/v1/decisions/{decision.id}/explanations/").status_code == 202


def test_what_cannot_be_explained_is_refused(api, lead) -> None:
    refused = factories.refused()
    answer = send(api("explain"), f"/api/v1/decisions/{refused.id}/explanations/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_answer")
    nowhere = "01a20000-0000-7000-8000-000000000000"
    assert send(api("explain"), f"/api/v1/decisions/{nowhere}/explanations/").status_code == 404
    decision = factories.decided()
    assert send(api("read"), f"/api/v1/decisions/{decision.id}/explanations/").status_code == 403
    assert send(api("decide"), f"/api/v1/decisions/{decision.id}/explanations/").status_code == 404


@pytest.mark.parametrize("username", ["lead", "auditor", "outsider"])
def test_who_may_not_read_inputs_sees_no_report(client_of, db, username: str) -> None:
    explanation = claim(ask(factories.decided()))
    services.finish_explanation(actor=tasks.WORKER, explanation=explanation, report=REPORT, now=timezone.now())
    answer = client_of(factories.person(username)).get(f"/api/v1/explanations/{explanation.id}/")
    assert answer.status_code == 404 and not Entry.objects.filter(type="explanation.read").exists()


def test_a_dispute_is_opened_listed_and_read(api, lead) -> None:
    decision = factories.decided()
    service = api("dispute")
    received = timezone.now() - timedelta(days=1)
    sent = {
        "decision": str(decision.id),
        "channel": "e-mail",
        "claim": "I pay on time.",
        "received_at": received.isoformat(),
    }
    made = send(service, DISPUTES, sent)
    body = made.json()
    assert made.status_code == 201 and (body["state"], body["system"]) == ("received", "mortgage")
    assert service.get(f"{DISPUTES}{body['number']}/").json() == body
    assert service.get(DISPUTES).json() == {"results": [body], "next": None}
    assert service.get(DISPUTES, {"state": "closed"}).json()["results"] == []
    due = received + timedelta(days=31)
    assert service.get(DISPUTES, {"due_before": due.isoformat()}).json()["results"] == [body]
    assert service.get(DISPUTES, {"due_before": received.isoformat()}).json()["results"] == []
    assert api("read").get(DISPUTES).json()["results"] == [body]
    assert api("decide").get(f"{DISPUTES}{body['number']}/").status_code == 404


@pytest.mark.parametrize(
    "changes,path",
    [
        ({"decision": "01a20000-0000-7000-8000-000000000000"}, "decision"),
        ({"decision": "x"}, "decision"),
        ({"channel": "pigeon"}, "channel"),
        ({"claim": ""}, "claim"),
        ({"received_at": "2999-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "yesterday"}, "received_at"),
    ],
)
def test_a_dispute_that_breaks_a_rule_is_refused(api, lead, changes: dict, path: str) -> None:
    sent = {"decision": str(factories.decided().id), "channel": "phone", "claim": "c", **changes}
    answer = send(api("dispute"), DISPUTES, sent)
    assert answer.status_code == 422
    assert [item["path"] for item in answer.json()["error"]["details"]] == [path]


def test_filters_and_scopes_of_disputes(api, lead) -> None:
    assert api("dispute").get(DISPUTES, {"due_before": "soon"}).status_code == 422
    sent = {"decision": str(factories.decided().id), "channel": "phone", "claim": "c"}
    assert send(api("read"), DISPUTES, sent).status_code == 403
