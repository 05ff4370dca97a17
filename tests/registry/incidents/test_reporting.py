"""The report about an incident: versions, its PDF, what was sent, and what is written with authorities."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import registry.incidents.reporting.services as reporting
import registry.incidents.services as incidents
from portal.errors import Conflict, Invalid
from registry.incidents.queries import standing_of
from registry.incidents.reporting import queries
from registry.incidents.reporting.content import SECTIONS
from tests import factories

WRITTEN = {name: f"About {title.lower()}." for name, title in SECTIONS.items()}


@pytest.fixture
def saved(act, case) -> Any:
    """The first version of a first report."""
    sections = {"happened": "Denied.\r\nAgain."}
    return act(reporting.save_report, incident=case, stage="initial", sections=sections, expected_number=0)


def words(content: dict[str, Any]) -> str:
    return str(content["blocks"])


def test_it_is_filled_from_the_case(act, case, saved) -> None:
    told = words(saved.content)
    digest = factories.version(1).artifact_sha256
    for fact in ("Mortgage (mortgage)", digest, "Art. 3(49)(c)", "Art. 73(2)", "Denied.\\nAgain."):
        assert fact in told
    factories.released(2)
    assert queries.is_behind(case, saved)
    assert "Release 2: version 2 went live" in words(queries.content_now(case, "initial", saved.sections))


def test_the_same_version_is_the_same_bytes_and_a_sent_one_is_frozen(act, case, saved) -> None:
    pdf = queries.pdf_of(saved)
    assert pdf.startswith(b"%PDF") and pdf == queries.pdf_of(saved)
    sent_at = timezone.now() - timedelta(hours=1)
    asked = {"incident": case, "number": 1, "authority": "BaFin", "reference": "X-1", "sent_at": sent_at}
    filing = act(reporting.send_report, **asked)
    assert filing.pdf_sha256 == hashlib.sha256(pdf).hexdigest()
    case.refresh_from_db()
    assert case.state == "reported_initial" and standing_of(case, timezone.now()).ageing.state == "done"
    with pytest.raises(Conflict, match="sent already"):
        act(reporting.send_report, **asked)
    with pytest.raises(Invalid) as refused:
        act(reporting.save_report, incident=case, stage="final", sections={"happened": "x"})
    assert {problem.path for problem in refused.value.details} == set(SECTIONS) - {"happened"}
    act(reporting.save_report, incident=case, stage="final", sections=WRITTEN, expected_number=1)
    with pytest.raises(Conflict, match="Version 2 was saved in between"):
        act(reporting.send_report, **asked)
    act(reporting.send_report, **{**asked, "number": 2})
    assert act(incidents.move_incident, "close", incident=case, reason="Nothing is left to do.").state == "closed"


def test_what_cannot_be_saved_or_sent(act, case, saved) -> None:
    with pytest.raises(Conflict, match="Version 1 was saved in between"):
        act(reporting.save_report, incident=case, stage="initial", sections=WRITTEN, expected_number=0)
    with pytest.raises(Invalid) as refused:
        act(reporting.save_report, incident=case, stage="late", sections={"cause": "x" * 20_001})
    assert {problem.path for problem in refused.value.details} == {"stage", "cause"}
    now = timezone.now()
    for sent_at in (now + timedelta(hours=1), now - timedelta(days=30)):
        with pytest.raises(Invalid):
            act(reporting.send_report, incident=case, number=1, authority="BaFin", sent_at=sent_at)


def test_what_is_written_with_an_authority_is_kept_with_its_file(act, case) -> None:
    asked = {"incident": case, "direction": "incoming", "authority": "BaFin", "at": timezone.now(), "words": "Why?"}
    made = act(reporting.keep_message, **asked, file=("ask.pdf", b"%PDF-1.4\n%%EOF"))
    assert made.files.get().name == "ask.pdf" and case.steps.last().details["file"]["bytes"] == 14
    with pytest.raises(Invalid, match="The file is no"):
        act(reporting.keep_message, **asked, file=("ask.exe", b"MZ\x00"))
    later = {**asked, "at": timezone.now() + timedelta(days=1), "direction": "sideways"}
    with pytest.raises(Invalid) as refused:
        act(reporting.keep_message, **later)
    assert {problem.path for problem in refused.value.details} == {"at", "direction"}
    assert case.messages.count() == 1
