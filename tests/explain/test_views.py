"""Support's pages: from a decision to its explanation, and a dispute with its clock."""

from __future__ import annotations

from audit.models import Entry
from explain import tasks
from explain.models import Dispute, Explanation
from tests import factories


def test_from_a_decision_to_its_report(client_of, support) -> None:
    decision = factories.decided()
    browser = client_of(support)
    assert browser.get(f"/decisions/{decision.id}/explain/panel/").status_code == 200
    asked = browser.post(f"/decisions/{decision.id}/explain/", {"reason": "She asks."})
    explanation = Explanation.objects.get()
    path = f"/explanations/{explanation.id}/"
    assert (asked.status_code, asked["Location"]) == (302, path)
    assert browser.get(path).status_code == 200
    assert browser.get(f"{path}progress/").status_code == 200
    assert not Entry.objects.filter(type="explanation.read").exists()
    tasks.compute(str(explanation.id))
    ended = browser.get(f"{path}progress/")
    assert (ended.status_code, ended["HX-Refresh"]) == (286, "true")
    page = browser.get(path)
    assert page.status_code == 200 and b"Debt payments to income" in page.content
    assert Entry.objects.filter(type="explanation.read", actor="user:support").count() == 1
    assert browser.get(f"/decisions/{decision.id}/explain/panel/").status_code == 200


def test_a_dispute_is_opened_by_its_form(client_of, support) -> None:
    decision = factories.decided()
    browser, path = client_of(support), f"/decisions/{decision.id}/dispute/"
    assert browser.get(path).status_code == 200
    sent = {"channel": "phone", "claim": "I pay on time.", "received_at": "2999-01-01T00:00"}
    wrong = browser.post(path, sent)
    assert wrong.status_code == 200 and b"lies in the future" in wrong.content and not Dispute.objects.exists()
    opened = browser.post(path, {**sent, "received_at": "2026-01-05T09:30"})
    dispute = Dispute.objects.get()
    assert (opened.status_code, opened["Location"]) == (302, f"/disputes/{dispute.number}/")
    assert b"I pay on time." in browser.get(opened["Location"]).content
    assert str(dispute.number).encode() in browser.get("/disputes/").content
    assert browser.get("/disputes/", {"state": "closed"}).status_code == 200
    asked = browser.post(f"/disputes/{dispute.number}/explain/")
    assert asked["Location"] == f"/explanations/{Explanation.objects.get().id}/"


def test_others_find_no_door(client_of, lead, auditor) -> None:
    decision = factories.decided()
    for user in (lead, auditor):
        browser = client_of(user)
        assert browser.get(f"/decisions/{decision.id}/explain/panel/").status_code == 404
        assert browser.get(f"/decisions/{decision.id}/dispute/").status_code == 404
        assert browser.post(f"/decisions/{decision.id}/explain/").status_code == 403
        assert browser.get("/disputes/").status_code == 404
