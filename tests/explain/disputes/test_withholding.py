"""What a blind reviewer must not see yet is withheld wherever the answer stands, from them alone, and no longer."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audit import withholding
from audit.exports import queries as exports
from audit.exports import services as exporting
from audit.models import Entry, Job
from explain.disputes import services
from explain.reviewing import services as reviewing
from portal.errors import Conflict
from tests import factories
from tests.explain.letters.conftest import explain, policy

from .conftest import act, actor, opened

UNTIL = "Withheld until your review of dispute"


@pytest.fixture
def blind(db):
    """A case that the compliance officer reviews blind."""
    policy(blind_review=True)
    dispute = opened()
    explain(dispute)
    return act(reviewing.start_review, dispute, by="compliance")


@pytest.fixture
def clara(client_of, compliance):
    return client_of(compliance)


@pytest.fixture
def sam(client_of, support):
    return client_of(support)


def test_pages_and_lists_withhold_it_from_the_reviewer_alone(blind, clara, sam) -> None:
    path = f"/decisions/{blind.decision_id}/"
    other = factories.decided(output={"label": "grant", "score": 0.2, "threshold": 0.5})
    page = clara.get(path).content.decode()
    assert UNTIL in page and "deny" not in page.lower() and "The score was" not in page and "Download</a>" not in page
    rows = clara.get("/decisions/").content.decode()
    assert "deny" not in rows and ">withheld<" in rows and "grant" in rows
    # Being found, or not, under a label would tell it.
    assert str(blind.decision_id) not in clara.get("/decisions/?label=deny").content.decode()
    for reader in (sam.get(path), sam.get("/decisions/"), sam.get("/decisions/?label=deny")):
        assert "deny" in reader.content.decode().lower() and "withheld" not in reader.content.decode().lower()
    assert str(other.id) in clara.get("/decisions/?label=grant").content.decode()


def test_the_api_withholds_it_as_well(blind, clara, sam) -> None:
    path = f"/api/v1/decisions/{blind.decision_id}/"
    for address in (path, f"{path}?purpose=review"):
        body = clara.get(address).json()
        assert (body["label"], body["score"], body["output"]) == (None, None, None) and UNTIL in body["withheld"]
    assert body["inputs"] == factories.DENIED
    listed = clara.get("/api/v1/decisions/").json()["results"][0]
    assert (listed["label"], listed["score"]) == (None, None) and UNTIL in listed["withheld"]
    assert clara.get("/api/v1/decisions/?label=deny").json()["results"] == []
    for address in (f"{path}entry/", "/log/tile/entries/000.p/1"):
        refused = clara.get(address)
        assert refused.status_code == 409 and refused.json()["error"]["code"] == "withheld"
    seen = sam.get(path).json()
    assert seen["label"] == seen["output"]["label"] == "deny" and seen["withheld"] == ""
    assert b'"deny"' in sam.get(f"{path}entry/").content


def test_neither_search_nor_export_nor_another_case_tells_it(blind, clara) -> None:
    clerk = actor("compliance")
    found = Job(kind=Job.Kind.SEARCH, result={"hits": [str(blind.decision_id)]})
    assert [(hit.label, hit.score_ppm) for hit in exports.hits_of(clerk, found)] == [(None, None)]
    assert exports.hits_of(actor(), found)[0].label == "deny"
    now = timezone.now()
    span = {"system": "mortgage", "since": now - timedelta(days=1), "until": now + timedelta(minutes=1), "now": now}
    with pytest.raises(Conflict, match=UNTIL):
        exporting.request_export(actor=clerk, format="csv", **span)
    exporting.request_export(actor=actor("auditor"), format="csv", **span)
    again = services.open_dispute(
        actor=actor(),
        decision=Entry.objects.get(pk=blind.decision_id),
        channel="phone",
        claim="Again.",
        received_at=now,
        now=now,
    )
    assert "“deny”" not in clara.get(f"/disputes/{again.number}/").content.decode()
    assert clara.get(f"/api/v1/disputes/{again.number}/").json()["ruling"] is None


def test_it_ends_with_the_first_view_or_with_the_review(blind, clara) -> None:
    path = f"/api/v1/decisions/{blind.decision_id}/"
    sent = json.dumps({"words": "I would grant it."})
    written = clara.post(f"/api/v1/disputes/{blind.number}/first-view/", sent, content_type="application/json")
    assert written.status_code == 200 and clara.get(path).json()["label"] == "deny"
    assert withholding.withheld_from(actor("compliance")) == {}
    second = opened()
    act(reviewing.start_review, second, by="compliance")
    assert set(withholding.withheld_from(actor("compliance"))) == {second.decision_id}
    act(services.withdraw_dispute, second, reason="Taken back.")
    assert withholding.withheld_from(actor("compliance")) == {}
