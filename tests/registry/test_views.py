"""The registry's pages: each move by its form, and the rollback button armed or not."""

from __future__ import annotations

from registry.checking.queries import unsatisfied
from registry.models import Release
from tests import factories


def test_a_version_goes_from_draft_to_production_by_the_pages(client_of, lead, compliance) -> None:
    path = "/systems/mortgage/versions/1/"
    browser, other = client_of(lead), client_of(compliance)
    assert browser.get(path).status_code == 200
    moved = browser.post(f"{path}submit/", {"reason": "Ready."}, follow=True)
    assert moved.redirect_chain == [(path, 302)] and b"Version 1 is now submitted." in moved.content
    assert browser.post(f"{path}approve/", {"reason": "Mine."}).status_code == 403
    stopped = other.post(f"{path}approve/", {"reason": "Good."})
    assert stopped.status_code == 409 and b"Required gates stand in the way" in stopped.content
    for gate in unsatisfied(factories.version(1)):
        assert other.post(f"{path}gates/{gate.kind}/waive/", {"reason": "Not for a test."}).status_code == 302
    assert other.post(f"{path}approve/", {"reason": "Good."}).status_code == 302
    assert other.post(f"{path}approve/", {"reason": "Good."}).status_code == 409
    assert other.post(f"{path}nonsense/", {"reason": "Good."}).status_code == 404
    sent = {"version": 1, "expected_release": 0, "strategy": "direct", "reason": "Live."}
    assert browser.post("/systems/mortgage/production/release/", sent).status_code == 302
    assert Release.objects.get().released_by == "user:lead"


def test_the_button_rolls_back_once_with_a_reason(client_of, lead) -> None:
    factories.released(1)
    factories.released(2)
    browser, path = client_of(lead), "/systems/mortgage/production/"
    assert browser.get(path).status_code == 200
    assert browser.post(f"{path}rollback/", {"expected_release": 2}).status_code == 422
    done = browser.post(f"{path}rollback/", {"expected_release": 2, "reason": "Too strict."}, follow=True)
    assert b"Production is back on version 1; version 2 is quarantined." in done.content
    assert browser.post(f"{path}rollback/", {"expected_release": 2, "reason": "Again."}).status_code == 409


def test_who_may_not_act_sees_no_buttons(client_of, lead, auditor) -> None:
    factories.released(1)
    factories.released(2)
    page = client_of(auditor).get("/systems/mortgage/production/")
    assert page.status_code == 200 and b"rollback/" not in page.content
    page = client_of(lead).get("/systems/mortgage/production/")
    assert b"rollback/" in page.content
