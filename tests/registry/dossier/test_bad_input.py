"""What strangers send, across the dossier's rooms: a clear answer each time, and nothing lost."""

from __future__ import annotations

import html
import json
import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

import registry.approving.services as approving
from portal.errors import Conflict
from registry.dossier.freezing import queries
from registry.dossier.services import MAX_DOCUMENT_BYTES
from registry.models import DossierSignature, FrozenDossier, Statement, StatementDraft
from registry.practices import PRACTICES
from tests import factories
from tests.factories import PASSWORD, person, version
from tests.freezing import freeze, live, sign

DOSSIER = "/systems/mortgage/dossier/"
FROZEN = "/systems/mortgage/dossiers/1/"
SENT = {"kind": "statement", "scope": "all", "expected_revision": 0, "password": PASSWORD, "do": "sign"}
EVIL = "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) \u202eright-to-left"


def browser(username: str) -> Client:
    client = Client()
    client.force_login(person(username))
    return client


def words(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def put(client: Client, item: str, **sent: Any) -> Any:
    path = f"/api/v1/systems/mortgage/dossier/{item}/"
    body = {"text": "So.", "expected_revision": 0, "password": PASSWORD, **sent}
    return client.put(path, json.dumps(body), content_type="application/json")


def test_of_two_who_write_through_the_api_one_is_told_and_keeps_the_text(db: None) -> None:
    assert put(browser("lead"), "annex-iv.4").status_code == 200
    late = put(browser("second_lead"), "annex-iv.4", text="Otherwise.")
    assert late.status_code == 409 and late.json()["error"]["code"] == "statement_changed"
    assert StatementDraft.objects.get().text == "Otherwise."
    assert put(browser("second_lead"), "annex-iv.4", text="Otherwise.", expected_revision=1).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        {"text": "half a pair \ud800"},
        {"text": "x" * 200_000},
        {"text": " \n "},
        {"text": None},
        {"expected_revision": -1},
        {"expected_revision": 10**30},
        {"version": 10**12},
        {"kind": "verdict"},
        {"kind": "override", "text": "x"},
        {"kind": "withdrawal"},
    ],
)
def test_what_cannot_be_signed_is_refused_in_words(db: None, sent: dict[str, Any]) -> None:
    answer = put(browser("lead"), "annex-iv.4", **sent)
    assert answer.status_code in (400, 404, 409, 422) and answer.json()["error"]["message"]
    assert not Statement.objects.exists()


def test_markup_and_scripts_appear_as_text_everywhere(db: None) -> None:
    lead, officer = browser("lead"), browser("compliance")
    point = f"{DOSSIER}annex-iv.4/"
    assert lead.post(f"{point}write/", {**SENT, "text": EVIL, "reason": EVIL}).status_code == 302
    comment = {**SENT, "kind": "comment", "expected_revision": 1, "text": EVIL}
    assert lead.post(f"{point}write/", comment).status_code == 302
    sign(freeze(["lead"], reason=EVIL), "lead", statement=EVIL)
    put(lead, "annex-iv.4", text=f"Anew. {EVIL}", expected_revision=2)
    for path in (point, DOSSIER, FROZEN, "/systems/mortgage/dossiers/", "/", "/dossiers/waiting/"):
        page = officer.get(path).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page and 'href="javascript' not in page, path
    assert "&lt;script&gt;alert(1)" in officer.get(FROZEN).content.decode()
    assert officer.get(f"{FROZEN}dossier.pdf").content.startswith(b"%PDF-")


def test_evidence_that_is_withdrawn_makes_stale_and_stays_in_what_was_signed(db: None) -> None:
    lead, point = browser("lead"), f"{DOSSIER}annex-iv.1.g/"
    file = SimpleUploadedFile("desk.txt", b"How the desk looks.")
    attached = lead.post(f"{point}documents/", {"key": "docs.ui_description", "title": "The desk", "file": file})
    assert attached.status_code == 302, words(attached).partition("<main")[2][:900]
    lead.post(f"{point}write/", {**SENT, "text": "As the paper shows."})
    assert live().by_item["annex-iv.1.g"].state == "statement"
    sign(freeze(["lead"]), "lead")
    paper = queries.frozen_content(FrozenDossier.objects.get())["items"]
    number = live().system.documents.get().pk
    lead.post(f"{point}documents/{number}/withdraw/", {"reason": "It shows the old desk."})
    assert live().by_item["annex-iv.1.g"].state == "stale"
    kept = next(item for item in paper if item["id"] == "annex-iv.1.g")
    assert kept["documents"][0]["title"] == "The desk" and kept["documents"][0]["withdrawn"] is None
    page = words(lead.get(FROZEN))
    assert "changed since it was frozen" in page and "<del>“The desk” was attached by lead" in page
    # The file that was signed on is kept.
    assert lead.get(f"/systems/mortgage/documents/{number}/").content == b"How the desk looks."


def test_a_paper_that_is_too_large_is_refused_as_such(db: None) -> None:
    file = SimpleUploadedFile("desk.txt", b"x" * (MAX_DOCUMENT_BYTES + 1))
    sent = {"key": "docs.ui_description", "title": "The desk", "file": file}
    answer = browser("lead").post(f"{DOSSIER}annex-iv.1.g/documents/", sent)
    assert answer.status_code == 413 and "larger than 20 MiB" in words(answer)


def test_a_version_that_is_retired_in_between_breaks_nothing(db: None) -> None:
    lead = browser("lead")
    lead.post(f"{DOSSIER}annex-iv.4/write/?version=1", {**SENT, "scope": "this", "text": "For this one."})
    freeze(["lead"])
    factories.approved(1)
    approving.retire_version(actor=person("lead").actor, version=version(1), reason="Too old.")
    assert "Version 1 is retired today" in words(lead.get(FROZEN))
    assert "For this one." in words(lead.get(f"{DOSSIER}annex-iv.4/?version=1"))
    sent = {**SENT, "scope": "this", "expected_revision": 1, "text": "Still for this one."}
    assert lead.post(f"{DOSSIER}annex-iv.4/write/?version=1", sent).status_code == 302
    assert sign(FrozenDossier.objects.get(), "lead").state == "complete"


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "31.12.2026?", "yesterday"])
def test_a_day_that_is_none_is_refused_at_its_field(db: None, day: str) -> None:
    practices = {f"practice_{letter}": "no" for letter in PRACTICES}
    about = {"annex_iii_point": "5(b)", "profiles": "yes", "role": "both", "expected_revision": 0, "reason": "Why."}
    sent = {**practices, **about, "first_used_on": day}
    answer = browser("compliance").post("/systems/mortgage/classification/new/", sent)
    assert answer.status_code == 422 and f'value="{day}"' in words(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/law/2026-13-45/",
        "/law/yesterday/",
        "/law/2026-07-27..9999-99-99/",
        "/systems/mortgage/dossier/?version=99999999999999999999",
        "/systems/mortgage/dossier/annex-iv.4/?version=-1",
        "/systems/mortgage/dossiers/0/",
        "/systems/mortgage/dossiers/99999999999999999999/",
        "/systems/mortgage/dossiers/freeze/?version=²",
        "/systems/nowhere/dossiers/",
        "/systems/mortgage/documents/99999999999999999999/",
        "/api/v1/systems/mortgage/dossiers/99999999999999999999/",
    ],
)
def test_what_does_not_exist_is_not_there(db: None, path: str) -> None:
    assert browser("compliance").get(path).status_code == 404


def test_two_who_freeze_at_once_make_one_and_two_who_sign_last_complete_it(committed: str) -> None:
    made = together(lambda: freeze(["compliance", "lead"]), lambda: freeze(["lead"]))
    assert sorted(type(each).__name__ for each in made) == ["Conflict", "FrozenDossier"]
    frozen = FrozenDossier.objects.get()
    people = [place["person"].partition(":")[2] for place in frozen.signatories]
    together(*(lambda name=name: sign(frozen, name) for name in people))
    frozen.refresh_from_db()
    assert frozen.state == "complete" and DossierSignature.objects.count() == len(people)


def together(*acts: Any) -> list[Any]:
    """What each act gives, or the conflict that it meets, all begun at one moment."""
    gate, found = threading.Barrier(len(acts)), []

    def run(act: Any) -> None:
        gate.wait()
        try:
            found.append(act())
        except Conflict as conflict:
            found.append(conflict)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
