"""The pages of erasures and holds, as support and the compliance officer go through them."""

from __future__ import annotations

import pytest

from audit.models import Entry, Erasure, Hold
from audit.queries import inputs_of
from tests import factories

from .conftest import OLD_DAYS, ask, confirm, decided_days_ago, hold, second_officer

REQUEST = {"system": "mortgage", "subject": "applicant-17", "reason": "Asked by letter."}


def test_support_asks_and_the_officer_erases(client_of, support, compliance) -> None:
    entry = decided_days_ago(OLD_DAYS)
    desk, officer = client_of(support), client_of(compliance)
    read = desk.post(f"/decisions/{entry.id}/", {"purpose": "answer"})
    assert "/erasures/new/?system=mortgage" in read.text
    assert "selected" in desk.get("/erasures/new/?system=mortgage").text
    made = desk.post("/erasures/new/", REQUEST, follow=True)
    assert "waits for another person" in made.text and "applicant-17" not in made.text
    waiting = Erasure.objects.get()
    page = desk.get(f"/erasures/{waiting.id}/")
    assert "Erase for good" not in page.text
    home = officer.get("/")
    assert f"/erasures/{waiting.id}/" in home.text and "Erasures for you to decide" in home.text
    page = officer.get(f"/erasures/{waiting.id}/")
    assert "1 decision about one person" in page.text and "Nothing: no legal hold is in force" in page.text
    done = officer.post(f"/erasures/{waiting.id}/confirm/", {"reason": "Nothing stands against it."}, follow=True)
    assert "with the next key rotation" in done.text and "Nothing stands against it." in done.text
    assert inputs_of(entry.id) is None
    decision = desk.get(f"/decisions/{entry.id}/")
    assert "Erased on" in decision.text and "Show the inputs" not in decision.text
    assert officer.post(f"/erasures/{waiting.id}/confirm/", {"reason": "Again."}).status_code == 409
    again = desk.post("/erasures/new/", REQUEST)
    assert again.status_code == 422 and "nothing is left" in again.text


def test_the_override_is_asked_for_and_shown(client_of, compliance) -> None:
    decided_days_ago(10)
    waiting, officer = ask(), client_of(compliance)
    page = officer.get(f"/erasures/{waiting.id}/")
    assert "The decision is younger than six months" in page.text and 'name="override"' in page.text
    refused = officer.post(f"/erasures/{waiting.id}/confirm/", {"reason": "Please."})
    assert refused.status_code == 409 and "Art. 19(1) and 26(6)" in refused.text and 'name="override"' in refused.text
    form = {"reason": "Please.", "override": "Counsel decided so."}
    done = officer.post(f"/erasures/{waiting.id}/confirm/", form, follow=True)
    assert "Counsel decided so." in done.text and "They were erased all the same" in done.text


def test_a_hold_shuts_the_form(client_of, compliance, auditor) -> None:
    decided_days_ago(OLD_DAYS)
    waiting = ask()
    officer = client_of(compliance)
    placed = officer.post("/holds/new/", {"system": "mortgage", "subject": "", "reason": "A court."}, follow=True)
    assert "The hold is in force" in placed.text and "everything of mortgage" in placed.text
    page = officer.get(f"/erasures/{waiting.id}/")
    assert "A legal hold is in force on the whole system" in page.text and "Erase for good" not in page.text
    assert officer.post(f"/erasures/{waiting.id}/confirm/", {"reason": "x"}).status_code == 409
    held = Hold.objects.get()
    assert "another person has to lift it" in officer.get(f"/holds/{held.id}/lift/").text
    assert officer.post(f"/holds/{held.id}/lift/", {"reason": "Over."}).status_code == 403
    second_officer()
    second = client_of(factories.person("second_officer"))
    assert f"/holds/{held.id}/lift/" in second.get("/holds/").text
    assert "is lifted" in second.post(f"/holds/{held.id}/lift/", {"reason": "Over."}, follow=True).text
    assert "Over." in client_of(auditor).get("/holds/").text


def test_what_cannot_be_is_said_at_its_field(client_of, support, compliance) -> None:
    decided_days_ago(OLD_DAYS)
    desk, officer = client_of(support), client_of(compliance)
    unknown = desk.post("/erasures/new/", {**REQUEST, "subject": "nobody-1"})
    assert unknown.status_code == 422 and "Check how the caller writes it" in unknown.text
    empty = desk.post("/erasures/new/", {"system": "nowhere", "subject": "", "reason": ""})
    assert empty.status_code == 422 and empty.text.count("errors") >= 3
    named = desk.post("/erasures/new/", {**REQUEST, "reason": "applicant-17 asked"})
    assert named.status_code == 422 and "Say it without" in named.text
    mistyped = officer.post("/holds/new/", {"system": "mortgage", "subject": "nobody-1", "reason": "r"})
    assert mistyped.status_code == 422 and not Hold.objects.exists()
    assert desk.post(f"/erasures/{ask().id}/decline/", {"reason": ""}).status_code == 422
    assert not Entry.objects.filter(type="erasure.declined").exists()


@pytest.mark.parametrize("username", ["support", "compliance"])
def test_who_may_not_read_a_persons_data_does_not_learn_their_decisions(client_of, auditor, username: str) -> None:
    entry = decided_days_ago(OLD_DAYS)
    waiting = ask()
    assert f"/decisions/{entry.id}/" in client_of(factories.person(username)).get(f"/erasures/{waiting.id}/").text
    page = client_of(auditor).get(f"/erasures/{waiting.id}/")
    assert page.status_code == 200 and f"/decisions/{entry.id}/" not in page.text


def test_empty_pages_say_how_they_fill(client_of, compliance, auditor) -> None:
    for person in (compliance, auditor):
        browser = client_of(person)
        assert "Nobody has asked for an erasure" in browser.get("/erasures/").text
        assert "No legal hold" in browser.get("/holds/").text


def test_lists_show_states_and_dates(client_of, auditor) -> None:
    decided_days_ago(OLD_DAYS)
    confirm(ask())
    decided_days_ago(OLD_DAYS)
    ask()
    hold()
    page = client_of(auditor).get("/erasures/").text
    assert page.index("requested</span>") < page.index("erased</span>") and "with the next key rotation" in page
    assert "in force" in client_of(auditor).get("/holds/").text
