"""The pages and endpoints of incidents, as people and services use them."""

from __future__ import annotations

import json
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry.models import Incident
from tests import factories

from .conftest import open_case

FORM = {"description": "Denied.", "versions": ["1"], "kind": "rights", "role": "deployer", "causality": "suspected"}


def form(**changes: object) -> dict[str, object]:
    moment = (timezone.now() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    return {**FORM, "aware_at": moment, "causality_at": moment, **changes}


def test_support_opens_one_from_a_decision_and_sees_their_own_only(client_of, lead, support) -> None:
    factories.released(1)
    decision = factories.decided(1)
    browser = client_of(support)
    page = browser.get(f"/incidents/new/?system=mortgage&decision={decision.id}")
    assert str(decision.id) in page.content.decode()
    late = browser.post("/incidents/new/?system=mortgage", form(aware_at="2999-01-01T00:00", description="<b>Kept</b>"))
    assert late.status_code == 422 and b"lies in the future" in late.content and b"&lt;b&gt;Kept" in late.content
    answer = browser.post("/incidents/new/?system=mortgage", form(decision=str(decision.id)), follow=True)
    told = answer.content.decode()
    assert "Report it immediately" in told and "version 1" in told and "Judge it anew" not in told
    other = open_case(by="lead")
    assert browser.get(f"/incidents/{other.number}/").status_code == 404
    assert len(browser.get("/incidents/").context["rows"]) == 1


def test_a_hold_is_told_wherever_it_binds(client_of, case, compliance, lead, support) -> None:
    for page in ("/systems/mortgage/", "/systems/mortgage/production/", "/systems/mortgage/versions/1/"):
        told = client_of(compliance).get(page).content.decode()
        assert f'href="/incidents/{case.number}/"' in told and "Held because of" in told
    assert "Held because of" not in client_of(compliance).get("/systems/mortgage/versions/2/").content.decode()
    open_case(versions=(2,))
    told = client_of(lead).get("/systems/mortgage/versions/2/").content.decode()
    assert "Not possible for you:</strong> Version 2 is held" in told and "Make version 2 live" not in told
    assert f"incident {case.number}:" in client_of(support).get("/systems/mortgage/").content.decode()


def test_two_people_who_write_the_report_lose_nothing(client_of, case, compliance) -> None:
    page = f"/incidents/{case.number}/report/"
    browser = client_of(compliance)
    sent = {"stage": "initial", "happened": "Theirs.", "expected_number": 0}
    assert browser.post(page, sent).status_code == 302
    mine = browser.post(page, {**sent, "happened": "Mine & more."})
    told = mine.content.decode()
    assert mine.status_code == 422 and "Theirs." in told and "Mine &amp; more." in told
    assert 'name="expected_number" value="1"' in told
    assert browser.post(page, {**sent, "happened": "Both.", "expected_number": 1}).status_code == 302
    pdf = browser.get(f"{page}2.pdf")
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF")
    assert browser.get(f"{page}9.pdf").status_code == 404


def test_the_queue_is_by_deadline_with_filters(client_of, case, compliance) -> None:
    urgent = open_case(is_widespread=True, versions=(2,))
    late = open_case(versions=(2,), aware_at=timezone.now() - timedelta(days=20))
    browser = client_of(compliance)
    numbers = [incident.number for incident, _ in browser.get("/incidents/").context["rows"]]
    assert numbers == [late.number, urgent.number, case.number]
    with CaptureQueriesContext(connection) as few:
        browser.get("/incidents/?state=open")
    for _ in range(5):
        open_case(versions=(2,))
    with CaptureQueriesContext(connection) as more:
        browser.get("/incidents/?state=open")
    assert len(more) == len(few)
    found = browser.get("/incidents/?overdue=on")
    assert [incident for incident, _ in found.context["rows"]] == [late] and b"5 days late" in found.content
    assert b"No case matches" in browser.get("/incidents/?state=closed").content


def test_the_api_opens_and_shows_cases(api, lead) -> None:
    factories.released(1)
    decision = factories.decided(1)
    sent = {
        **{"system": "mortgage", "versions": [1], "description": "Denied.", "kind": "infrastructure"},
        **{"role": "provider", "aware_at": timezone.now().isoformat(), "decisions": [str(decision.id)]},
    }
    desk, reader = api("dispute"), api("read")
    made = desk.post("/api/v1/incidents/", json.dumps(sent), content_type="application/json")
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["state"], body["hold"], body["versions"]) == ("open", True, [1])
    assert [clock["days"] for clock in body["clocks"]] == [2, 15]
    assert reader.get(f"/api/v1/incidents/{body['number']}/").json()["links"][0]["value"] == str(decision.id)
    assert reader.get("/api/v1/incidents/?state=open").json()["results"][0]["number"] == body["number"]
    for wrong, status in (({"versions": [9]}, 422), ({"kind": "odd"}, 422), ({"system": "none"}, 404)):
        answer = desk.post("/api/v1/incidents/", json.dumps({**sent, **wrong}), content_type="application/json")
        assert answer.status_code == status
    assert reader.post("/api/v1/incidents/", json.dumps(sent), content_type="application/json").status_code == 403
    assert Incident.objects.count() == 1
