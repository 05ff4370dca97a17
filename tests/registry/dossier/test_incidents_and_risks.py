"""What incidents and the risk register say in the dossier: only what is there, and each fact leads to its page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

import audit.erasure.services as erasing
import registry.incidents.reporting.services as reporting
import registry.risks.services as risks
from registry.dossier.contributions import incidents
from registry.dossier.contributions import risks as register
from registry.dossier.evidence import Fact, Subject
from tests import factories
from tests.registry.incidents.conftest import open_case
from tests.registry.risks.test_register import written


def facts(function: Any) -> dict[str, list[Fact]]:
    version = factories.version(1)
    found: dict[str, list[Fact]] = {}
    for fact in function(Subject(version.system, version, timezone.now())):
        assert fact.sentence and fact.url.startswith("/")
        found.setdefault(fact.key, []).append(fact)
    return found


def test_no_incident_is_a_fact_and_an_open_one_says_what_is_known(lead, compliance) -> None:
    factories.released(1)
    factories.decided(1)
    before = facts(incidents.facts)
    assert list(before) == ["incident.records"] and facts(incidents.held) == {}
    erasing.place_hold(actor=compliance.actor, system="mortgage", reason="A lawsuit.", now=timezone.now())
    case = open_case(causality="suspected", causality_at=timezone.now() - timedelta(hours=1))
    sections = {"happened": "Denied.", "cause": "A feature."}
    officer = {"actor": compliance.actor, "incident": case, "now": timezone.now()}
    reporting.save_report(**officer, stage="initial", sections=sections)
    reporting.send_report(**officer, number=1, authority="BaFin", sent_at=timezone.now() - timedelta(hours=1))
    after = facts(incidents.facts)
    assert set(after) == {
        *("incident.records", "incident.category", "incident.causality", "incident.timeline"),
        *("incident.notifications", "incident.report_versions", "incident.investigation"),
    }
    assert after["incident.records"][0].digest != before["incident.records"][0].digest
    assert "went to BaFin" in after["incident.notifications"][0].sentence
    assert [fact.sentence.partition(" ")[0] for fact in facts(incidents.held)["audit.legal_hold"]] == ["Because", "A"]


def test_each_risk_is_a_fact_and_its_acceptance_another(lead, compliance) -> None:
    system = factories.version(1).system
    assert facts(register.facts) == {}
    risk = risks.record_risk(actor=lead.actor, system=system, written=written(), now=timezone.now())
    assert set(facts(register.facts)) == {"risk.register", "risk.review_log"}
    officer = {"actor": compliance.actor, "reason": "Tolerable.", "now": timezone.now()}
    risks.accept_risk(risk=risk, **officer)
    risks.accept_residual(version=factories.version(1), **officer)
    found = facts(register.facts)
    assert [fact.about for fact in found["risk.acceptance"]] == ["1", "overall"]
    assert "grave, likely (16); with its controls (1) grave, unlikely (8); accepted" in (
        found["risk.register"][0].sentence
    )
