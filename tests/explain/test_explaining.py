"""A real report on a real decision: the model that decided is loaded by digest, and its score comes out again."""

from __future__ import annotations

import pytest

from audit.records import Mode
from explain import charts, explaining, services, tasks
from explain.models import Explanation
from registry import store
from tests import factories

from .conftest import ask, claim


@pytest.fixture(autouse=True)
def cold() -> None:
    explaining._warm.clear()


@pytest.mark.parametrize("number,method", [(1, "linear"), (2, "tree")])
def test_a_report_is_the_contracts(support, number: int, method: str) -> None:
    decision = factories.decided(number)
    stages: list[tuple[str, float]] = []
    report = explaining.make_report(claim(ask(decision)), lambda stage, share: stages.append((stage, share)))
    assert (report["decision"], report["system"], report["version"]) == (str(decision.id), "mortgage", number)
    assert report["artifact_sha256"] == factories.version(number).artifact_sha256
    assert report["replay"]["verdict"] == "matches" and report["completeness"] == "full"
    assert report["replay"]["recomputed"] == pytest.approx(report["replay"]["recorded"], abs=1e-9)
    assert report["shap"]["method"] == method and report["shap"]["additivity_error"] < 1e-6
    contributions = {item["feature"]: item["contribution"] for item in report["shap"]["contributions"]}
    assert set(contributions) == {*factories.DENIED, "afam"} and contributions["afam"] == 0
    assert {item["feature"] for item in report["lime"]["contributions"]} <= set(contributions)
    assert {"top3_overlap", "sign_agreement", "rank_correlation", "verdict"} <= set(report["agreement"])
    assert 1 <= len(report["reasons"]) <= 4 and report["disclosures"]
    assert "afam" not in " ".join(report["reasons"])
    assert [share for _, share in stages] == sorted(share for _, share in stages)
    again = explaining.make_report(Explanation.objects.get(), lambda stage, share: None)
    assert services.report_digest(again) == services.report_digest(report)
    context = charts.report_context(report, factories.version(number).spec)
    assert context["shap_plot"]["items"] and context["adverse_label"] == "deny"


def test_the_worker_makes_and_keeps_it(support) -> None:
    explanation = ask(factories.decided())
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    assert explanation.state == "done" and explanation.report["replay"]["verdict"] == "matches"
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    assert explanation.attempts == 1


def test_a_reported_version_that_nobody_registered_cannot_be_explained(support) -> None:
    explanation = ask(factories.decided(version=99, mode=Mode.REPORTED))
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    assert explanation.state == "failed" and "Version 99 of mortgage is not in the registry" in explanation.error


@pytest.mark.parametrize(
    "harm,words",
    [
        (lambda file: file.unlink(), "cannot be loaded: the file"),
        (lambda file: file.write_bytes(b"altered"), "no longer hashes to its name"),
    ],
)
def test_without_its_model_a_decision_cannot_be_explained(support, artifact_dir, harm, words: str) -> None:
    explanation = ask(factories.decided())
    harm(store.path_of(artifact_dir, factories.version(1).artifact_sha256))
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    assert explanation.state == "failed" and words in explanation.error


def test_without_its_inputs_a_decision_cannot_be_explained(support) -> None:
    explanation = ask(factories.decided(inputs=None))
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    assert explanation.state == "failed" and "no longer there" in explanation.error


def test_a_fault_of_ours_is_said_and_logged(support, monkeypatch, caplog) -> None:
    monkeypatch.setattr(explaining, "make_report", lambda *_: 1 / 0)
    explanation = ask(factories.decided())
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    assert explanation.state == "failed" and "a fault of ours" in explanation.error
    assert "ZeroDivisionError" in caplog.text


def test_a_new_worker_prepares_what_is_live(support) -> None:
    factories.released(1)
    tasks.warm_up()
    assert list(explaining._warm) == [factories.version(1).pk]


def test_few_versions_are_kept_warm(support, monkeypatch) -> None:
    monkeypatch.setattr(explaining, "KEPT_WARM", 1)
    first = explaining.prepared_version(factories.version(1))
    assert explaining.prepared_version(factories.version(1)) is first
    explaining.prepared_version(factories.version(2))
    assert list(explaining._warm) == [factories.version(2).pk]


def test_the_sweep_is_the_same_service(support) -> None:
    ask(factories.decided())
    tasks.requeue_stale()
    assert Explanation.objects.get().state == "queued"
