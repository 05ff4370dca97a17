"""What classification, organisation and registration say in the dossier, each where it stands."""

from __future__ import annotations

from django.utils import timezone

import registry.classification.services as classifying
from registry.dossier.contributions.classification import about_us, classified, registered
from registry.dossier.evidence import Fact, Subject
from registry.models import System
from tests import factories


def facts() -> dict[str, Fact]:
    subject = Subject(System.objects.get(), None, timezone.now())
    return {fact.name: fact for read in (classified, about_us, registered) for fact in read(subject)}


def test_nothing_is_said_of_what_nobody_said(lead) -> None:
    assert facts() == {}


def test_each_fact_says_what_is_kept(compliance) -> None:
    factories.released(1)
    factories.classified()
    factories.described()
    kept = {"functions": "A model.", "hardware": "Any server.", "submitter": "Ann, 1 Road"}
    asked = {"actor": compliance.actor, "expected_revision": 0, "reason": "r", "now": timezone.now()}
    classifying.describe_registration(system=System.objects.get(), facts=kept, **asked)
    found = facts()
    said = {name: fact.sentence for name, fact in found.items()}
    assert said["classification.record#risk"].startswith("It is classified as “High risk (Art. 6)”: Annex III")
    assert said["classification.record#role"] == "We are its provider and deployer."
    assert said["org.profile"] == "The organisation is The Bank, Market Square 1; contact: ai@bank.example."
    assert said["registry.system.provider"] == "The provider is The Bank."
    assert said["registry.system.market_status"] == "It is in service."
    assert said["registry.deployment.member_states"] == "It is offered or used in Germany."
    assert said["registry.deployment.hardware_profile"] == "It is meant for this hardware: Any server."
    assert "org.authorised_representative" not in said and "registration.info_url" not in said
    assert found["org.profile"].source == "user:compliance" and found["org.profile"].url == "/organisation/"


def test_a_fact_changes_with_what_it_says(lead) -> None:
    factories.described()
    factories.classified()
    before = facts()
    practices = {**factories.ANSWERS["practices"], "c": {"found": True, "note": "It scores people."}}
    factories.classified(expected_revision=1, practices=practices)
    after = facts()
    assert "must not be used" in after["classification.record#practices"].sentence
    changed = {name for name in after if before[name].digest != after[name].digest}
    assert changed == {"classification.record#practices"}
