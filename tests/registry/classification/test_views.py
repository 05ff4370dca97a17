"""The pages: answering, what follows, who we are, and the registration with its files."""

from __future__ import annotations

import csv
import io
import json

from registry.classification.queries import newest_of, organisation, registration_of
from registry.models import System
from registry.practices import PRACTICES
from tests import factories

PAGE = "/systems/mortgage/classification/"
FORM = f"{PAGE}new/"
REGISTRATION = "/systems/mortgage/registration/"
SENT = {
    **{"annex_iii_point": "5(b)", "profiles": "yes", "role": "both", "how_it_is_used": ["decides", "personal_data"]},
    **{f"practice_{letter}": "no" for letter in PRACTICES},
    **{"expected_revision": 0, "reason": "Looked at with the lawyers."},
}
US = {
    **{"name": "The Bank", "address": "Market Square 1", "email": "ai@bank.example", "member_states": ["DE", "AT"]},
    **{"size": "large", "is_financial_institution": "yes", "is_public_body": "no"},
    **{"expected_revision": 0, "reason": "Who we are."},
}


def test_answers_become_duties_and_dates(client_of, compliance, auditor) -> None:
    officer = client_of(compliance)
    assert b"Not classified yet" in officer.get(PAGE).content
    assert b"not classified yet" in client_of(auditor).get("/systems/mortgage/").content
    assert b"Mortgage" in officer.get("/").content.split(b"To be classified")[1]
    assert officer.post(FORM, SENT).status_code == 302
    page = client_of(auditor).get(PAGE).content.decode()
    assert "profiles people, so the exit of Art. 6(3) is closed" in page
    assert "2 Dec 2027" in page and "by the letter: 2 Aug 2026" in page
    assert "Nobody has said yet who you are" in page and "must not be used" not in page
    assert b"To be classified" not in officer.get("/").content


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(client_of, compliance) -> None:
    officer = client_of(compliance)
    answer = officer.post(FORM, {**SENT, "exit_condition": "a", "exit_assessment": "It is <b>small</b>."})
    assert answer.status_code == 422 and b"a system that profiles people is always high-risk" in answer.content
    assert b"It is &lt;b&gt;small&lt;/b&gt;." in answer.content
    missing = officer.post(FORM, {**SENT, "practice_c": "", "profiles": ""})
    assert missing.status_code == 422 and b"2 things need another look" in missing.content
    yes = {"practice_ba": "yes", "note_ba": "It draws <script>.", "practice_c": "yes", "note_c": "It does."}
    found = officer.post(FORM, {**SENT, **yes})
    assert found.status_code == 302
    for address in ("/systems/mortgage/", "/systems/mortgage/production/"):
        assert b"This system must not be used" in officer.get(address).content
    page = officer.get(PAGE).content
    assert b"This system must not be used" in page and b"&lt;script&gt;" in page and b"It draws <script>" not in page


def test_another_risk_class_is_shown_before_it_is_saved(client_of, compliance) -> None:
    officer = client_of(compliance)
    sent = {**SENT, "annex_iii_point": ""}
    warned = officer.post(FORM, sent)
    assert warned.status_code == 422 and b"moves from" in warned.content and b"Nothing is saved yet" in warned.content
    assert b"1 compliance officer now" in warned.content and b"now, <strong>" in warned.content
    assert newest_of(System.objects.get()) is None
    assert officer.post(FORM, {**sent, "accepted_risk_class": "minimal"}).status_code == 302
    assert System.objects.get().risk_class == "minimal"


def test_whoever_comes_second_sees_the_first_and_keeps_the_words(client_of, compliance) -> None:
    officer = client_of(compliance)
    factories.classified()
    late = officer.post(FORM, {**SENT, "reason": "My own words."})
    assert late.status_code == 422 and b"Revision 1 by compliance" in late.content
    assert late.content.count(b" checked") == 16  # one for each question with buttons, and both boxes
    assert b"My own words." in late.content and b'name="expected_revision" value="1"' in late.content
    assert officer.post(FORM, {**SENT, "expected_revision": 1}).status_code == 302
    page = officer.get(f"{PAGE}?older=1&newer=2").content.decode()
    assert "What changed" in page and "Looked at with the lawyers." in page
    assert officer.get(f"{PAGE}?older=9&newer=x").status_code == 200


def test_the_organisation(client_of, compliance, lead, outsider) -> None:
    officer = client_of(compliance)
    assert officer.post("/organisation/", {**US, "email": "nowhere", "size": "huge"}).status_code == 422
    assert officer.post("/organisation/", US).status_code == 302
    assert organisation().member_states == ["DE", "AT"]
    assert b"Market Square 1" in client_of(lead).get("/organisation/").content
    assert client_of(lead).post("/organisation/", US).status_code == 403
    assert client_of(outsider).post("/organisation/", US).status_code == 404
    late = officer.post("/organisation/", {**US, "name": "The Other Bank"})
    assert late.status_code == 422 and b"The Other Bank" in late.content and organisation().name == "The Bank"


def test_the_registration_is_filled_from_the_registry(client_of, compliance, auditor) -> None:
    officer = client_of(compliance)
    factories.classified()
    factories.released(1)
    points = {row["item"]: row for row in officer.get(f"{REGISTRATION}json/").json()["points"]}
    assert len(points) == 13 and points["annex-viii.a.7"]["value"] == "in service (release 1, version 1)"
    missing = {item for item, row in points.items() if row["state"] == "missing"}
    assert missing == {f"annex-viii.a.{number}" for number in (1, 5, 6, 10, 11, 12)}
    factories.described()
    sent = {
        **{"functions": "A model and a threshold.", "logic": "=SUM", "declaration_url": "doc.example/d"},
        **{"instructions_url": "https://doc.example/i", "expected_revision": 0, "reason": "r"},
    }
    assert officer.post(REGISTRATION, {**sent, "info_url": "javascript:alert(1)"}).status_code == 422
    assert officer.post(REGISTRATION, sent).status_code == 302
    assert registration_of(System.objects.get()).declaration_url == "https://doc.example/d"
    reader = client_of(auditor)
    page = reader.get(REGISTRATION).content.decode()
    assert "Nothing is missing" in page and "Not for you: You do not rely on the exit" in page
    assert "no published interface" in page and "Keep these data" not in page
    rows = list(csv.DictReader(io.StringIO(reader.get(f"{REGISTRATION}csv/").content.decode())))
    assert "SHA-256" in rows[3]["value"] and {row["section"] for row in rows} == {"A"}
    markdown = reader.get(f"{REGISTRATION}md/").content.decode()
    assert "### 6. Inputs and operating logic" in markdown and "Debt payments to income" in markdown
    assert reader.get(f"{REGISTRATION}xml/").status_code == 404
    assert json.loads(reader.get(f"{REGISTRATION}json/").content)["system"] == "mortgage"


def test_the_exit_asks_for_section_b(client_of, compliance) -> None:
    said = {"profiles": False, "annex_iii_point": "8(a)", "exit_condition": "d", "exit_assessment": "It sorts post."}
    factories.classified(accepted="minimal", **said)
    points = client_of(compliance).get(f"{REGISTRATION}json/").json()["points"]
    assert [row["number"] for row in points] == [1, 2, 3, 4, 5, 6, 8]
    assert "It sorts post." in points[5]["value"] and points[5]["item"] == "annex-viii.b.6"
