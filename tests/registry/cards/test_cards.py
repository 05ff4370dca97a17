"""Versions for reading: the card in three forms, two versions side by side, and the history with its reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cyclonedx.schema._res as published
import pytest
from django.utils import timezone
from jsonschema import Draft7Validator
from referencing import Registry, Resource

import registry.approving.services as approving
from registry.cards.bom import bom_of
from registry.cards.markdown import markdown_of
from registry.cards.queries import Comparison, card_of, history_of, number_beside
from tests import factories
from tests.factories import person, version


@pytest.fixture(scope="module")
def bom_schema() -> Draft7Validator:
    """The published CycloneDX 1.6 schema."""
    folder = Path(next(iter(published.__path__)))
    read = {name: json.loads((folder / name).read_text()) for name in SCHEMAS}
    registry = Registry().with_resources([(uri, Resource.from_contents(read[name])) for name, uri in SCHEMAS.items()])
    return Draft7Validator(read["bom-1.6.SNAPSHOT.schema.json"], registry=registry)


SCHEMAS = {
    "bom-1.6.SNAPSHOT.schema.json": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "spdx.SNAPSHOT.schema.json": "http://cyclonedx.org/schema/spdx.SNAPSHOT.schema.json",
    "jsf-0.82.SNAPSHOT.schema.json": "http://cyclonedx.org/schema/jsf-0.82.SNAPSHOT.schema.json",
}


@pytest.mark.parametrize("number", [1, 2])
def test_the_bom_fits_the_published_schema(db, bom_schema: Draft7Validator, number: int) -> None:
    bom = json.loads(json.dumps(bom_of(card_of(version(number)), now=timezone.now())))
    assert [error.message for error in bom_schema.iter_errors(bom)] == []
    model = bom["components"][0]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": version(number).artifact_sha256}]
    assert {"name": "countersign:state", "value": "draft"} in model["properties"]


def test_the_schema_would_notice(db, bom_schema: Draft7Validator) -> None:
    bom: dict[str, Any] = bom_of(card_of(version(1)), now=timezone.now())
    bom["components"][0]["modelCard"]["modelParameters"]["approach"]["type"] = "guesswork"
    assert list(bom_schema.iter_errors(json.loads(json.dumps(bom))))


def test_what_people_typed_is_no_markup_in_the_card(db) -> None:
    found = version(1)
    found.system.purpose = "Decides\n# who pays <script> | more"
    found.system.save()
    text = markdown_of(card_of(version(1)))
    assert "- **Purpose**: Decides # who pays &lt;script&gt; | more" in text and "\n# who" not in text
    assert text.startswith("# Mortgage, version 1\n") and version(1).artifact_sha256 in text
    assert "Nobody has approved it." in text


def test_two_versions_side_by_side(db) -> None:
    found = Comparison(card_of(version(1)), card_of(version(2)))
    assert ("model.format", "skops", "xgboost") in found.manifest
    assert found.inputs == []  # both read the same
    verdicts = {title: (one.verdict, other.verdict) for title, one, other in found.gates if one and other}
    assert verdicts["Artifact is safe and opens in the sandbox"] == ("passed", "passed")


def test_the_history_tells_who_did_what_and_why(compliance) -> None:
    factories.released(1)
    acts = [(act.entry.type, act.entry.actor, act.reason) for act in history_of(version(1))]
    assert acts[0] == ("release.created", "user:lead", "Version 1 goes live.")
    assert ("version.approved", "user:compliance", "The gates hold.") in acts
    assert ("version.submitted", "user:lead", "Ready for a second look.") in acts
    assert acts[-1][0] == "version.registered"
    assert not [act for act in history_of(version(2)) if act.entry.type.startswith("release")]
    factories.released(2)
    assert [act.reason for act in history_of(version(1))][:2] == ["Version 2 goes live.", "Version 1 goes live."]


def test_one_compares_with_what_is_live(db) -> None:
    release = factories.released(1)
    assert number_beside(version(2), release) == 1
    assert number_beside(version(1), release) is None
    assert number_beside(version(2), None) == 1


def test_by_page_and_by_machine(client_of, lead, api) -> None:
    browser, base = client_of(lead), "/systems/mortgage/versions/1/"
    assert b"Not measured" in browser.get(f"{base}card/").content
    assert browser.get(f"{base}card.md")["Content-Disposition"] == 'attachment; filename="mortgage-1.md"'
    assert json.loads(browser.get(f"{base}card.cdx.json").content)["specVersion"] == "1.6"
    assert b"Version 1 beside version 2" in browser.get("/systems/mortgage/compare/").content
    assert browser.get("/systems/mortgage/compare/?first=1&second=99").status_code == 404
    factories.make_system(person("lead").actor, "loans")
    assert b"Nothing to compare yet" in browser.get("/systems/loans/compare/").content
    reader = api("read")
    assert reader.get(f"/api/v1{base}card.md").content.startswith(b"# Mortgage, version 1")
    assert reader.get(f"/api/v1{base}card.cdx.json").json()["bomFormat"] == "CycloneDX"
    assert api("decide").get(f"/api/v1{base}card.md").status_code == 404


def test_withdrawn_approvals_stay_on_the_card(compliance) -> None:
    factories.approved(1)
    approving.withdraw_approval(actor=compliance.actor, version=version(1), reason="A doubt.", now=timezone.now())
    assert "| withdrawn | user:compliance | A doubt. |" in markdown_of(card_of(version(1)))
