"""The dossier's pages and endpoints, as people and programs use them."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.models import Statement, StatementDraft
from tests import factories
from tests.factories import PASSWORD, person

POINT = "/systems/mortgage/dossier/annex-iv.1.g/"
WRITE = f"{POINT}write/"
SENT = {"kind": "statement", "scope": "all", "expected_revision": 0, "password": PASSWORD, "do": "sign"}


def browser(username: str) -> Client:
    client = Client()
    client.force_login(person(username))
    return client


def words(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_the_whole_dossier_at_a_glance(db: None) -> None:
    factories.released(1)
    factories.decided(1)
    client = browser("compliance")
    client.get("/systems/mortgage/dossier/")  # templates are compiled
    with CaptureQueriesContext(connection) as asked:
        page = client.get("/systems/mortgage/dossier/")
    # Whatever the number of points: each contributor is asked once.
    assert len(asked) < 110
    shown = words(page)
    assert "Version 1 (live)" in shown and "176 of 176 points" in shown
    assert "by the letter" in shown and "2 Aug 2026" in shown
    newest = words(client.get("/systems/mortgage/dossier/?version=2&state=waits&group=art-9&who=ml_lead"))
    assert "Version 2 (draft)" in newest and "1 of 176 points" in newest and "Art 9(6) to (8)" in newest
    part = client.get("/systems/mortgage/dossier/?state=auto", headers={"HX-Request": "true"})
    assert "<html" not in words(part) and 'id="points"' in words(part)
    # What is no filter of ours filters nothing; what is no version is not there.
    assert "176 of 176" in words(client.get("/systems/mortgage/dossier/?state=perfect"))
    for odd in ("9", "x", "1e3"):
        assert client.get(f"/systems/mortgage/dossier/?version={odd}").status_code == 404
    assert client.get("/systems/mortgage/dossier/art-999/").status_code == 404


def test_a_point_says_what_the_law_asks_and_what_the_records_say(db: None) -> None:
    factories.released(1)
    factories.decided(1)
    page = words(browser("lead").get("/systems/mortgage/dossier/art-19/"))
    assert "Six calendar months, not 180 days." in page and "filled automatically" in page
    assert '<a href="/decisions/?system=mortgage&version=1">Every decision of version 1' in page
    # A lead may read the sentence, and is not led to a page that is closed to them.
    assert "Decisions are kept for ever" in page and 'href="/retention/"' not in page
    assert 'href="/retention/"' in words(browser("compliance").get("/systems/mortgage/dossier/art-19/"))
    auditor = words(browser("auditor").get(POINT))
    assert "You can read everything here." in auditor and "<textarea" not in auditor


def test_without_scripts_a_text_is_drafted_looked_at_and_signed(db: None) -> None:
    client, text = browser("lead"), "**Bold** <script>alert(1)</script>"
    kept = client.post(WRITE, {**SENT, "text": text, "do": "draft"})
    assert kept.status_code == 302 and StatementDraft.objects.get().text == text
    looked = words(client.post(WRITE, {**SENT, "text": text, "do": "preview"}))
    assert "<strong>Bold</strong>" in looked
    assert client.post(WRITE, {**SENT, "text": text}).status_code == 302
    page = client.get(POINT).content.decode()
    assert "<strong>Bold</strong>" in page and "<script>alert" not in page
    assert not StatementDraft.objects.exists()


def test_a_draft_saves_itself(db: None) -> None:
    client = browser("lead")
    saved = client.post(WRITE, {**SENT, "text": "So far", "do": "draft"}, headers={"HX-Request": "true"})
    assert saved.status_code == 200 and "Draft kept" in words(saved)
    assert "So far" in words(client.get(POINT)) and "So far" not in words(browser("second_lead").get(POINT))
    long = client.post(WRITE, {**SENT, "text": "x" * 100_001, "do": "draft"}, headers={"HX-Request": "true"})
    assert "100,001 characters" in words(long) and StatementDraft.objects.get().text == "So far"


def test_two_who_write_at_once_see_both_texts(db: None) -> None:
    browser("second_lead").post(WRITE, {**SENT, "text": "The desk has a list and a form."})
    client = browser("lead")
    answer = client.post(WRITE, {**SENT, "text": "The desk has a form."})
    page = words(answer)
    assert answer.status_code == 409 and "Two of you wrote at the same time" in page
    assert "<p>The desk has a list and a form.</p>" in page and "The desk has a form.</textarea>" in page
    assert "<del>list and a </del>" in page and 'name="expected_revision" value="1"' in page
    assert StatementDraft.objects.get().text == "The desk has a form."
    assert client.post(WRITE, {**SENT, "text": "The desk has both.", "expected_revision": 1}).status_code == 302
    assert [row.revision for row in Statement.objects.order_by("revision")] == [1, 2]


@pytest.mark.parametrize(
    "change, status, said",
    [
        ({"password": "wrong"}, 403, "The password is not yours"),
        ({"password": ""}, 403, "Give your password again"),
        ({"text": "x" * 200_000}, 422, "has 200,000 characters"),
        ({"kind": "not_applicable"}, 422, "is required"),
        ({"kind": "verdict"}, 422, "Select a valid choice"),
        ({"expected_revision": "abc"}, 422, "Enter a whole number"),
    ],
)
def test_whatever_is_refused_stays_in_the_box(db: None, change: dict[str, Any], status: int, said: str) -> None:
    sent = {**SENT, "text": "Long thought about.", **change}
    answer = browser("lead").post(WRITE, sent)
    assert answer.status_code == status and said in words(answer)
    assert f"{sent['text']}</textarea>" in words(answer) and not Statement.objects.exists()


def test_a_paper_is_attached_given_and_withdrawn(db: None) -> None:
    client = browser("lead")
    file = SimpleUploadedFile("../desk<b>.txt", b"How the desk looks.")
    paper = {"key": "docs.ui_description", "title": "The <b>desk</b>", "file": file}
    assert client.post(f"{POINT}documents/", paper).status_code == 302
    page = client.get(POINT).content.decode()
    assert "The &lt;b&gt;desk&lt;/b&gt;" in page and "evidence, no statement" in page
    address = page.partition("/systems/mortgage/documents/")[2].partition("/")[0]
    given = client.get(f"/systems/mortgage/documents/{address}/")
    assert given.content == b"How the desk looks." and "attachment" in given["Content-Disposition"]
    client.post(f"{POINT}documents/{address}/withdraw/", {"reason": "It was the old one."})
    assert "It was the old one." in words(client.get(POINT)) and "missing" in words(client.get(POINT))
    wrong = client.post(f"{POINT}documents/", {"key": "docs.ifu", "title": "t", "url": "https://a.example"})
    assert wrong.status_code == 422 and "Select a valid choice" in words(wrong)
    page = SimpleUploadedFile("desk.txt", b"<script>alert(1)</script>")
    for sent, said in (({"file": page}, "must be PDF"), ({}, "is required, or its address")):
        wrong = client.post(f"{POINT}documents/", {"key": "docs.ui_description", "title": "Kept as typed", **sent})
        assert wrong.status_code == 422 and said in words(wrong) and 'value="Kept as typed"' in words(wrong)


def test_the_law_can_be_looked_through(db: None) -> None:
    client = browser("auditor")
    assert "176 points" in words(client.get("/law/"))
    found = words(client.get("/law/?q=calendar+months"))
    assert "1 point." in found and "Six calendar months" in found
    assert client.get("/law/2020-01-01/").status_code == client.get("/law/never/").status_code == 404
    assert "Both say the same" in words(client.get("/law/2026-07-27..2026-07-27/"))


def test_the_desk_shows_what_waits_for_whom(db: None) -> None:
    assert "/dossiers/waiting/" in words(browser("compliance").get("/"))
    lead, officer = (words(browser(name).get("/dossiers/waiting/")) for name in ("lead", "compliance"))
    assert "points are open" in lead and lead != officer
    assert "/dossiers/waiting/" not in words(browser("auditor").get("/"))


def test_programs_read_every_point_and_sign_none(db: None) -> None:
    token = factories.make_token("read", "register", "release")
    headers = {"Authorization": f"Bearer {token}"}
    said = Client().get("/api/v1/systems/mortgage/dossier/?version=1", headers=headers).json()
    assert said["regulation_version"] == "2024/1689 as amended by 2026/1744" and said["version"] == 1
    assert len(said["items"]) == 176 and sum(said["counts"].values()) == 176
    first = said["items"][0]
    assert (first["id"], first["state"], first["ref"]) == ("annex-iv.1.a", "evidence", "Annex IV(1)(a)")
    assert first["applies_from"] == {"date": "2027-12-02", "formal_from": None, "basis": "text"}
    assert {"key", "sentence", "url", "as_of", "source", "digest"} == first["evidence"][0].keys()
    odd = Client().get("/api/v1/systems/mortgage/dossier/?version=x", headers=headers)
    assert odd.status_code == 422 and odd.json()["error"]["details"][0]["path"] == "version"
    body = json.dumps({"text": "t", "expected_revision": 0})
    path = "/api/v1/systems/mortgage/dossier/annex-iv.1.g/"
    refused = Client().put(path, body, content_type="application/json", headers=headers)
    assert refused.status_code == 403 and not Statement.objects.exists()


def test_people_sign_through_the_api_too(db: None) -> None:
    path, client = "/api/v1/systems/mortgage/dossier/annex-iv.1.g/", browser("lead")

    def put(**changes: Any) -> Any:
        body = {"text": "So it is.", "expected_revision": 0, "password": PASSWORD, **changes}
        return client.put(path, json.dumps(body), content_type="application/json")

    signed = put()
    assert signed.status_code == 200 and signed.json()["revision"] == 1 and signed.json()["kind"] == "statement"
    late = put(text="Mine.")
    assert (late.status_code, late.json()["error"]["code"]) == (409, "statement_changed")
    assert StatementDraft.objects.get().text == "Mine."
    assert put(kind="verdict", expected_revision=1).status_code == 422
    own = put(text="Of one.", expected_revision=1, version=1)
    assert own.json()["version"] == 1
