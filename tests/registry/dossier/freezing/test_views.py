"""Freezing and signing by the pages, and reading by the API; what is refused stays in the form."""

from __future__ import annotations

import json

from registry.models import FrozenDossier
from tests import factories
from tests.factories import person, version
from tests.freezing import freeze, live, sign

LIST = "/systems/mortgage/dossiers/"
ONE = f"{LIST}1/"


def test_a_dossier_is_frozen_signed_and_read(client_of, compliance, lead) -> None:
    officer, second = client_of(compliance), client_of(lead, fresh=False)
    assert b"Nothing was frozen yet" in officer.get(LIST).content
    page = officer.get(f"{LIST}freeze/?version=1")
    assert b"mandatory points not settled" in page.content and b"Annex IV(1)(h)" in page.content
    sent = {"seen": page.context["seen"], "signatories": ["compliance", "lead"], "reason": ""}
    refused = officer.post(f"{LIST}freeze/?version=1", sent)
    assert refused.status_code == 422 and b"Say why it is signed in spite of" in refused.content
    answer = officer.post(f"{LIST}freeze/?version=1", {**sent, "reason": "It <b>must</b> go live."})
    assert answer.status_code == 302 and answer["Location"] == ONE
    assert b"It &lt;b&gt;must&lt;/b&gt; go live." in officer.get(ONE).content
    digest = FrozenDossier.objects.get().content_sha256
    assert b"Sign the dossier of Mortgage, version 1" in second.get("/").content

    # A password that is missing or wrong loses nothing of what was typed.
    signing = {"content_sha256": digest, "statement": "I checked the data points."}
    for password, words in (("", b"Give your password again"), ("guess", b"not yours")):
        refused = second.post(f"{ONE}sign/", {**signing, "password": password})
        assert refused.status_code == 403 and words in refused.content
        assert b"I checked the data points." in refused.content
    assert second.post(f"{ONE}sign/", {**signing, "password": factories.PASSWORD}).status_code == 302
    assert b"Sign the dossier" not in second.get("/").content
    assert b"(not yet)" in officer.get(LIST).content
    assert officer.post(f"{ONE}sign/", signing).status_code == 302
    page = officer.get(ONE).content
    assert b"Kept at least until" in page and b"Nothing changed since it was frozen" in page
    assert officer.get(f"{ONE}dossier.pdf").content.startswith(b"%PDF-")
    said = officer.get(f"{ONE}content.json").content
    assert json.loads(said)["version"]["number"] == 1


def test_ending_needs_a_reason_and_says_so_in_place(client_of, compliance) -> None:
    freeze()
    officer = client_of(compliance)
    assert officer.post(f"{ONE}withdraw/", {"reason": " "}).status_code == 422
    assert b"waits for signatures" in officer.get(f"{LIST}freeze/").content
    assert officer.post(f"{ONE}withdraw/", {"reason": "A point was wrong."}).status_code == 302
    assert b"A point was wrong." in officer.get(ONE).content
    late = officer.post(f"{ONE}decline/", {"reason": "Too late, but said."})
    assert late.status_code == 409 and b"Too late, but said." in late.content


def test_two_dossiers_are_compared(client_of, auditor) -> None:
    sign(freeze(["lead"]), "lead")
    factories.released(1)
    sign(freeze(["lead"]), "lead")
    reader = client_of(auditor)
    answer = reader.get(LIST, {"older": "1", "newer": "2"})
    assert answer.status_code == 302 and answer["Location"] == f"{LIST}1..2/"
    page = reader.get(f"{LIST}1..2/").content
    assert b"State of the version" in page and b"<ins>" in page
    assert reader.get(f"{LIST}1..7/").status_code == 404
    assert reader.get(f"{LIST}1..99999999999999999999/").status_code == 404
    assert reader.get(LIST, {"older": "x", "newer": "2"}).status_code == 200


def test_machines_read_what_was_frozen(client, db) -> None:
    sign(freeze(["lead"]), "lead")
    headers = {"Authorization": f"Bearer {factories.make_token('read')}"}
    listed = client.get("/api/v1/systems/mortgage/dossiers/", headers=headers).json()["results"]
    assert [(each["number"], each["state"]) for each in listed] == [(1, "complete")]
    whole = client.get("/api/v1/systems/mortgage/dossiers/1/", headers=headers).json()
    assert whole["content"]["version"]["artifact_sha256"] == version(1).artifact_sha256
    assert whole["signatures"][0]["name"] == person("lead").get_full_name() and whole["pdf_sha256"]
    assert [seal["act"] for seal in whole["sealed"]] == ["Frozen", "Signed by lead"]
    assert whole["kept_until"] and {gap["item"] for gap in whole["gaps"]} <= set(live().by_item)
    other = {"Authorization": f"Bearer {factories.make_token('decide')}"}
    assert client.get("/api/v1/systems/mortgage/dossiers/1/", headers=other).status_code == 404
