"""The page of what comes in from elsewhere."""

from __future__ import annotations

import json

from audit.intake import queries, services
from audit.models import Entry
from tests import factories

from .test_events import V2_REQUEST, binary, later
from .test_reports import line, send


def test_it_says_who_sent_what_and_what_waits(api, lead, client_of, monkeypatch) -> None:
    browser = client_of(factories.person("compliance"))
    empty = browser.get("/intake/").content.decode()
    assert "Nothing was reported" in empty and "Nothing waits" in empty and "/api/v1/decisions/" in empty

    reporter = api("report")
    send(reporter, line(1), line(2, status="refused"), line(3, system="cards"))
    binary(reporter, "request", V2_REQUEST, id="alone")
    page = browser.get("/intake/").content.decode()
    assert "mode=reported" in page and "cards" in page and "at least" not in page
    assert "the request" in page and "the response" in page and "40.5" not in page
    monkeypatch.setattr(queries, "LOOKED_THROUGH", 2)
    assert "at least" in browser.get("/intake/", headers={"hx-request": "true"}).content.decode()


def test_an_event_of_a_batch_and_one_without_its_answer_have_pages(api, lead, client_of) -> None:
    reporter, browser = api("report"), client_of(factories.person("support"))
    binary(reporter, "request", {"instances": [[1], [2]]}, id="batch")
    batch = binary(reporter, "response", {"predictions": [0, 1]}, id="batch").json()["decision_id"]
    binary(reporter, "request", V2_REQUEST, id="alone")
    services.record_lone_halves(now=later())
    alone = Entry.objects.get(request_id="alone").id
    for decision, words in ((batch, "Made elsewhere"), (alone, "No answer")):
        assert words in browser.get(f"/decisions/{decision}/").content.decode()
        assert browser.post(f"/decisions/{decision}/", {"purpose": "review"}).status_code == 200


def test_a_reported_decision_without_version_or_score_has_a_page(api, lead, client_of) -> None:
    said = {"system": "loans", "request_id": "r", "inputs": {"a": {"b": [1]}}, "output": {"label": 7}}
    [result] = send(api("report"), json.dumps(said).encode()).json()["results"]
    browser = client_of(factories.person("support"))
    page = browser.get(f"/decisions/{result['decision_id']}/")
    assert page.status_code == 200 and "reported" in page.content.decode()
    panel = browser.get(f"/decisions/{result['decision_id']}/explain/panel/").content.decode()
    assert "did not say by which version" in panel and "Open a dispute about it" in panel
    asked = browser.post(
        f"/api/v1/decisions/{result['decision_id']}/explanations/", {}, content_type="application/json"
    )
    assert (asked.status_code, asked.json()["error"]["code"]) == (409, "no_version")
    shown = browser.post(f"/decisions/{result['decision_id']}/", {"purpose": "review"})
    assert shown.status_code == 200
