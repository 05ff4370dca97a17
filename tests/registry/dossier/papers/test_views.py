"""The papers of a real system by page and API: what the registry holds today, what was frozen, and bad requests."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone
from pypdf import PdfReader

import registry.risks.services as risks
from portal.accounts.access import Scope
from portal.accounts.models import User
from registry.dossier.papers.definitions import PAPERS
from registry.dossier.papers.wording import written_in
from tests import factories
from tests.freezing import freeze, sign
from tests.registry.incidents.conftest import open_case
from tests.registry.risks.test_register import written

PAGE = "/systems/mortgage/dossier/papers/"
PDF = "/systems/mortgage/dossier.pdf"
API = "/api/v1/systems/mortgage/dossier"


def words(answer: object) -> str:
    """The words of a PDF on one line."""
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def fill(lead: User, compliance: User) -> None:
    """A release, a decision, a classification, a risk that is accepted, and an incident."""
    factories.released(1)
    factories.decided(1)
    factories.classified()
    factories.described()
    system, now = factories.version(1).system, timezone.now()
    risk = risks.record_risk(actor=lead.actor, system=system, written=written(), now=now)
    risks.accept_risk(actor=compliance.actor, risk=risk, reason="Tolerable.", now=now)
    open_case(causality="suspected", causality_at=now - timedelta(hours=1))


def untranslated(content: dict) -> list[str]:
    """Sentences for which German has no words: whoever contributes one did not mark it."""
    with written_in("de") as wording:
        said = [each["words"] for item in content["items"] for each in (*item["facts"], item["why"])]
        reasons = [item["applicability"]["reason"] for item in content["items"]]
        same = [words for words in said if wording.say(words) == words]
        return same + [reason for reason in reasons if wording.reason(reason) == reason]


def test_papers_say_what_the_registry_holds(lead, compliance, client_of, auditor) -> None:
    fill(lead, compliance)
    reader = client_of(auditor)
    page = reader.get(PAGE).content.decode()
    for paper in PAPERS:
        assert paper.title in page and f"{PDF}?paper={paper.id}&amp;lang=de" in page
    answer = reader.get(PDF, {"lang": "de"})
    assert answer["Content-Type"] == "application/pdf" and "mortgage-dossier-de.pdf" in answer["Content-Disposition"]
    text = words(answer)
    # Facts, the classification, a risk and an incident, each in the reader's language.
    for line in (
        "Dies ist Version 1, registriert von lead.",
        "Rolle Beides: Wir entwickeln es und verwenden es selbst",
        "Angenommen von compliance am",
        "nicht gemeldet",
        "Noch ist kein Kopf des Protokolls signiert.",
    ):
        assert line in text, line
    risk = reader.get("/systems/mortgage/dossier.md", {"paper": "risk-management"}).content.decode()
    assert "**1. " in risk and "severity" in risk and "Tolerable." in risk
    assert not untranslated(reader.get("/systems/mortgage/dossier.json").json())


def test_a_frozen_dossier_is_printed_as_it_was_signed(client_of, lead) -> None:
    signed = sign(freeze(["lead"]), "lead")
    factories.released(1)
    reader = client_of(lead)
    text = words(reader.get(PDF, {"dossier": signed.number, "paper": "annex-iv"}))
    assert "Dossier 1, signed by Lead Tester on" in text and signed.content_sha256 in text
    content = reader.get("/systems/mortgage/dossier.json", {"dossier": 1}).content
    assert hashlib.sha256(content).hexdigest() == signed.content_sha256
    assert "Dossier 1, as it was frozen" in reader.get(PAGE, {"dossier": 1}).content.decode()
    assert "Draft, not signed" in words(reader.get(PDF, {"paper": "annex-iv"}))


def test_machines_read_them_too(db: None, client) -> None:
    factories.version(1)
    token = {"HTTP_AUTHORIZATION": f"Bearer {factories.make_token(Scope.READ)}"}
    assert client.get(f"{API}.pdf", {"paper": "explanation"}, **token).content.startswith(b"%PDF-")
    assert client.get(f"{API}.md", {"paper": "explanation", "lang": "de"}, **token).content.startswith(b"# ")
    assert json.loads(client.get(f"{API}.json", **token).content)["schema"] == "countersign/dossier/1"
    refused = client.get(f"{API}.pdf", {"paper": "all", "lang": "fr"}, **token)
    assert refused.status_code == 422
    assert {each["path"] for each in refused.json()["error"]["details"]} == {"paper", "lang"}


@pytest.mark.parametrize(
    "asked, status",
    [
        ({"paper": "../../etc/passwd"}, 422),
        ({"lang": "../de"}, 422),
        ({"version": "x"}, 422),
        ({"version": "99999999999999999999"}, 422),
        ({"version": "0"}, 422),
        ({"version": "7"}, 404),
        ({"dossier": "7"}, 404),
        ({"version": "1", "dossier": "1"}, 422),
    ],
)
def test_what_cannot_be_asked_for_is_said(asked: dict[str, str], status: int, client_of, auditor) -> None:
    factories.version(1)
    reader = client_of(auditor)
    assert [reader.get(address, asked).status_code for address in (PDF, PAGE)] == [status, status]
