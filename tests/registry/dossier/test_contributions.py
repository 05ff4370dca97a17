"""What the rooms say of themselves: only what is there, each sentence with an address that leads to its evidence."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

import explain.disputes.services as disputing
import explain.reviewing.services as reviewing
from audit.services import record_reading
from registry.dossier.evidence import Fact, Subject, facts_about
from registry.dossier.queries import law_in_force
from registry.models import Evidence, Version
from tests import ci_tokens, factories
from tests.factories import person, version


def facts_of(found: Version | None) -> dict[str, list[Fact]]:
    return facts_about(Subject(version(1).system, found, timezone.now()))


def sentences(facts: dict[str, list[Fact]], key: str) -> list[str]:
    return [fact.sentence for fact in facts.get(key, [])]


def find_out(found: Version, kind: str, verdict: str = "passed", **payload: Any) -> None:
    Evidence.objects.create(
        version=found,
        kind=kind,
        verdict=verdict,
        summary=f"{kind} was looked at",
        payload=payload,
        recorded_by="system:checks",
        recorded_at=timezone.now(),
    )


@pytest.fixture
def busy(db: None) -> Version:
    """A live version that was measured, rehearsed and disputed, with another one that stands by."""
    factories.released(2)
    found = factories.released(1).version
    thresholds = {"min_roc_auc": 0.65}
    find_out(found, "performance", rows=1_100, metrics={"roc_auc": 0.8231, "f1": None}, thresholds=thresholds)
    groups = [{"value": "yes", "favourable_rate": 0.7}, {"value": "no", "favourable_rate": 0.9}]
    find_out(found, "distribution", groups=[{"feature": "afam", "title": "Group", "ratio": 0.778, "groups": groups}])
    find_out(found, "libraries", written_by={"skops": "0.13"}, read_by={"skops": "0.14"})
    find_out(found, "explanation", methods=["linear_exact"], agreement={"agree": 9, "partly": 1}, rows=[{}] * 10)
    find_out(found, "data_quality")
    find_out(found, "image", "claimed")
    find_out(found, "latency", "failed")
    ci_tokens.trust()
    decision = factories.decided(1)
    support, officer, now = person("support").actor, person("compliance").actor, timezone.now()
    record_reading(actor=support, entry=decision, purpose="p")
    case = disputing.open_dispute(
        actor=support, decision=decision, channel="phone", claim="c", received_at=now, now=now
    )
    reviewing.start_review(actor=officer, dispute=case, now=now)
    ruling = {"outcome": "upheld", "reason_code": "confirmed", "grounds": "g"}
    reviewing.decide_dispute(actor=officer, dispute=case, decision=decision, now=now, **ruling)
    return found


def test_what_is_not_there_is_not_said(db: None) -> None:
    assert set(facts_of(None)) <= {
        *("registry.system.name", "registry.system.uid", "registry.system.intended_purpose", "registry.approval.rule"),
        *("audit.retention", "audit.export", "oversight.policy", "oversight.controls"),
        *("incident.records", "risk.register", "registry.system.provider"),
    }
    draft = facts_of(version(1))
    for key in ("registry.evaluation.metrics", "registry.approval", "registry.deployment", "audit.inference_log"):
        assert key not in draft


def test_rooms_say_what_was_found_out(busy: Version) -> None:
    said = facts_of(busy)
    for key, words in {
        "registry.evaluation.metrics": ["On 1,100 rows that were held back: ROC AUC 0.823."],
        "registry.fairness_report": [
            "Favourable answers by “Group”: yes 70.0%, no 90.0%; the lowest rate is 0.78 of the highest."
        ],
        "registry.artifact.runtime": ["Software: written by skops 0.13; read by skops 0.14."],
        "registry.deployment.image_digest": ["Image (claimed): image was looked at."],
        "registry.dataset.quality_checks": ["The training data were validated (passed): data_quality was looked at."],
        "explainability.limits": [
            "How far the two methods agree was rehearsed on 10 rows: agree in 9, partly in 1."
        ],
        "registry.deployment": ["Version 1 is live by release 2 (direct)."],
        "complaint.cases": ["Disputes about the system so far: 1; open now: 1."],
        "oversight.decision_record": [
            "Rulings so far: 1; each is kept with reviewer, grounds and time, beside the decision."
        ],
    }.items():
        assert sentences(said, key) == words
    [log] = sentences(said, "audit.inference_log")
    assert log.startswith("Every decision of version 1 is in the log since") and log.endswith(": 1 so far.")
    assert "Test “Latency of the artifact”, failed: latency was looked at" in sentences(said, "registry.evaluation")
    limits = " ".join(sentences(said, "registry.model_version.limitations"))
    assert "“Latency of the artifact”: failed" in limits and "“Explanation rehearsal”" not in limits
    [approval] = said["registry.approval.signature"]
    assert busy.artifact_sha256 in approval.sentence and approval.source == "user:compliance"


def test_each_sentence_leads_to_its_evidence(busy: Version) -> None:
    known = law_in_force(timezone.now().date()).evidence
    client = Client()
    client.force_login(person("compliance"))
    for key, facts in facts_of(busy).items():
        assert key in known, f"the law's data does not know {key}"
        for fact in facts:
            assert fact.url, fact.sentence
            assert client.get(fact.url.partition("#")[0]).status_code == 200, fact.url


def test_another_decision_makes_no_statement_stale(busy: Version) -> None:
    def digests() -> dict[str, str]:
        return {fact.name: fact.digest for facts in facts_of(busy).values() for fact in facts}

    before = digests()
    entry = factories.decided(1)
    record_reading(actor=person("support").actor, entry=entry, purpose="p")
    assert digests() == before
    find_out(busy, "latency")
    changed = {name for name, digest in digests().items() if before.get(name) != digest}
    assert changed == {"registry.evaluation#latency"}
