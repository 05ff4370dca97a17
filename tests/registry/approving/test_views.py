"""Signing by the page and by the API: with a fresh password, or not at all."""

from __future__ import annotations

import json

from tests import factories

PAGE = "/systems/mortgage/versions/1/approve/"
API = "/api/v1/systems/mortgage/versions/1/approve/"


def test_a_signature_needs_the_password_again(client_of, compliance) -> None:
    factories.cleared(factories.submitted(1))
    browser = client_of(compliance, fresh=False)
    page = browser.get("/systems/mortgage/versions/1/")
    assert b'name="password"' in page.content
    for sent, words in (({}, b"Give your password again"), ({"password": "guess"}, b"not yours")):
        answer = browser.post(PAGE, {"reason": "Good.", **sent})
        assert answer.status_code == 403 and words in answer.content
    assert factories.version(1).state == "submitted"
    assert browser.post(PAGE, {"reason": "Good.", "password": factories.PASSWORD}).status_code == 302
    assert factories.version(1).state == "approved"


def test_guessing_ends_the_session(client_of, compliance) -> None:
    factories.submitted(1)
    browser = client_of(compliance, fresh=False)
    for _ in range(5):
        assert browser.post(PAGE, {"reason": "Good.", "password": "guess"}).status_code == 403
    assert browser.post(PAGE, {"reason": "Good.", "password": factories.PASSWORD}).status_code == 302
    assert factories.version(1).state == "submitted"  # sent to sign in


def test_the_api_asks_likewise(client_of, compliance) -> None:
    factories.cleared(factories.submitted(1))
    browser = client_of(compliance, fresh=False)
    answer = browser.post(API, json.dumps({"reason": "Good."}), content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "password_needed")
    sent = {"reason": "Good.", "password": factories.PASSWORD}
    answer = browser.post(API, json.dumps(sent), content_type="application/json")
    assert answer.json()["state"] == "approved" and answer.json()["missing_signatures"] == {}


def test_who_approves_is_decided_by_the_page(client_of, compliance, lead) -> None:
    officer, path = client_of(compliance), "/systems/mortgage/approvers/"
    assert b"1</strong> compliance officer" in officer.get(path).content
    sent = {"compliance": 1, "ml_lead": 1, "any": 0, "reason": "Two desks."}
    assert officer.post(f"{path}rule/", sent).status_code == 302
    assert b"1</strong> ML lead" in client_of(lead).get(path).content
    refused = officer.post(f"{path}rule/", {**sent, "compliance": 0})
    assert refused.status_code == 422 and b"high-risk" in refused.content
    assert officer.post(f"{path}name/", {"username": "second_lead"}).status_code == 302
    assert b"second_lead" in officer.get(path).content
    assert officer.post(f"{path}remove/", {"username": "second_lead"}).status_code == 302


def test_the_policy_is_changed_with_a_reason(client_of, compliance, lead) -> None:
    officer, path = client_of(compliance), "/policy/high/"
    assert client_of(lead).get(path).status_code == 200
    sent = {"level": "required", "t_max_p99_ms": "50", "reason": "Our promise is tighter."}
    assert officer.post(f"{path}latency/", {**sent, "reason": ""}).status_code == 422
    wrong = officer.post(f"{path}latency/", {**sent, "t_max_p99_ms": "0"})
    assert wrong.status_code == 422 and b"greater than or equal to 1" in wrong.content
    assert officer.post(f"{path}latency/", sent).status_code == 302
    assert b"Our promise is tighter." in officer.get(path).content
    for gate in ("artifact", "commit", "distribution"):
        assert officer.get(f"{path}{gate}/").status_code == 200
    stays = officer.post(f"{path}artifact/", {"level": "off", "reason": "Faster."})
    assert stays.status_code == 422
    assert officer.get("/policy/purple/").status_code == 404 and officer.get(f"{path}purple/").status_code == 404
