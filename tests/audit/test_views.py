"""The trail's pages: what support reads with a purpose, and what others never see."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit import services
from audit.identifiers import new_id
from audit.keys import keyring
from audit.models import Entry
from audit.queries import text_of
from audit.records import HEARTBEAT, act_draft
from tests import factories


def test_support_reads_inputs_for_a_purpose_and_the_reading_is_recorded(client_of, support) -> None:
    entry = factories.decided()
    browser = client_of(support)
    assert b"applicant-17" not in browser.get(f"/decisions/{entry.id}/").content
    page = browser.post(f"/decisions/{entry.id}/", {"purpose": "answer"})
    assert page.status_code == 200 and b"applicant-17" in page.content
    reading = Entry.objects.get(type="decision.read")
    assert (reading.actor, reading.object) == ("user:support", str(entry.id))
    assert text_of(reading.id) == "To answer the person it is about"
    wrong = browser.post(f"/decisions/{entry.id}/", {"purpose": "curiosity"})
    assert wrong.status_code == 200 and b"applicant-17" not in wrong.content


@pytest.mark.parametrize("username", ["lead", "auditor"])
def test_leads_and_auditors_never_read_inputs(client_of, db, username: str) -> None:
    entry = factories.decided()
    browser = client_of(factories.person(username))
    assert browser.get(f"/decisions/{entry.id}/").status_code == 200
    assert browser.post(f"/decisions/{entry.id}/", {"purpose": "review"}).status_code == 403
    assert not Entry.objects.filter(type="decision.read").exists()


def test_the_list_filters_by_address_and_gives_its_rows_to_htmx(client_of, support) -> None:
    factories.decided(1)
    two = factories.decided(2)
    browser = client_of(support)
    page = browser.get("/decisions/", {"version": "2"})
    assert str(two.id).encode() in page.content and b"<html" in page.content
    rows = browser.get("/decisions/", {"version": "2"}, headers={"hx-request": "true"})
    assert str(two.id).encode() in rows.content and b"<html" not in rows.content
    assert browser.get("/decisions/", {"version": "two"}).status_code == 200
    assert browser.get("/decisions/", {"before": "nonsense"}).status_code == 400


def test_the_list_looks_back_thirty_days_unless_asked_for_more_or_for_a_person(client_of, support) -> None:
    then = timezone.now() - timedelta(days=40)
    factories.make_month(then)
    old = factories.decided(id=new_id(int(then.timestamp() * 1000)), subject="applicant-99")
    browser = client_of(support)
    first = browser.get("/decisions/")
    assert str(old.id) not in first.text and "No decision in the last 30 days" in first.text
    for looked in ({"period": "all"}, {"period": "183"}, {"subject": "applicant-99"}, {"request_id": old.request_id}):
        assert str(old.id) in browser.get("/decisions/", looked).text
    assert "name=value" in browser.get("/decisions/", {"feature": "unemp"}).text


def test_the_trail_shows_acts_with_their_reasons(client_of, auditor) -> None:
    factories.released(1)
    page = client_of(auditor).get("/trail/")
    assert b"The gates hold." in page.content and b"Version 1 goes live." in page.content


def test_the_trail_leaves_heartbeats_out_and_links_only_decisions(client_of, auditor) -> None:
    entry = factories.decided()
    with transaction.atomic():
        services.record_reading(actor=factories.person("support").actor, entry=entry, purpose="Why")
        for event in ("gateway.start", HEARTBEAT):
            draft = act_draft(type=event, actor="system:gateway", keyring=keyring(), object="gateway-7")
            services.append([draft])
    browser = client_of(auditor)
    page = browser.get("/trail/").text
    assert f"/decisions/{entry.id}/" in page and "/decisions/gateway" not in page
    assert "Gateway start" in page and "gateway-7" in page and "Gateway heartbeat" not in page
    assert "Gateway heartbeat" in browser.get("/trail/?heartbeats=1").text
    assert "Gateway heartbeat" not in client_of(factories.person("compliance")).get("/").text


TAMPERINGS = {
    "a payload": "update audit_payload set stored = set_byte(stored, 5, get_byte(stored, 5) # 1) where part = 2",
    "a payload taken away": "delete from audit_payload where part = 1",
    "a wrapped key": "update audit_key set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)",
    "the key's wrapper": "update audit_key set kek = 'xxxx'",
    "the entry": "update audit_entry set entry = '{', leaf_hash = sha256('\\x00'::bytea || '{')"
    " where type = 'decision'",
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_changed_record_is_shown_as_contradicted_and_breaks_no_page(
    committed: str, owner, client_of, what: str
) -> None:
    entry = factories.decided()
    browser = client_of(factories.person("compliance"))
    assert b"unchanged" in browser.get(f"/decisions/{entry.id}/").content
    for table in ("audit_entry", "audit_payload", "audit_key"):
        owner.execute(f"alter table {table} disable trigger all")
    owner.execute(TAMPERINGS[what])
    page = browser.get(f"/decisions/{entry.id}/")
    assert page.status_code == 200 and b"contradicted" in page.content
    assert browser.post(f"/decisions/{entry.id}/", {"purpose": "review"}).status_code == 200
    assert browser.get("/trail/").status_code == 200
