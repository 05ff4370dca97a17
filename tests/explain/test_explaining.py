"""A real report on a real decision: the model that decided is loaded by digest, and its score comes out again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from audit.records import Mode
from explain import charts, explaining, services, tasks
from explain.models import Explanation
from explain.queries import report_of
from registry import store
from tests import factories

from .conftest import ask, claim


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
    assert explanation.state == "done" and report_of(explanation)["replay"]["verdict"] == "matches"
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
def test_without_its_model_a_report_says_what_was_recorded(support, artifact_dir, harm, words: str) -> None:
    explanation = ask(factories.decided())
    file = store.path_of(artifact_dir, factories.version(1).artifact_sha256)
    file.chmod(0o644)
    harm(file)
    tasks.compute(str(explanation.id))
    explanation.refresh_from_db()
    report = report_of(explanation)
    assert explanation.state == "done" and report["completeness"] == "partial"
    assert report["replay"]["verdict"] == "artifact_missing" and report["replay"]["recomputed"] is None
    assert report["replay"]["recorded"] == pytest.approx(0.9, abs=0.1) and words in report["disclosures"][0]
    assert report["shap"] is report["lime"] is None and report["reasons"] == []


def test_another_model_than_the_recorded_one_is_not_asked(support) -> None:
    explanation = ask(factories.decided(artifact_sha256="ab" * 32))
    report = explaining.make_report(claim(explanation), lambda stage, share: None)
    assert report["replay"]["verdict"] == "artifact_missing"
    assert "names the model file abababababab…" in report["disclosures"][0]


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"phist": "perhaps"}, "inputs.phist must be one of: no, yes"),
        ({"pirat": None}, "inputs.pirat"),
        ({"rate": 3}, "inputs.rate is not a known input"),
    ],
)
def test_inputs_that_do_not_fit_are_told(support, changes: dict, words: str) -> None:
    """Decisions made elsewhere are recorded as they were told."""
    explanation = ask(factories.decided(inputs={**factories.DENIED, **changes}, mode=Mode.REPORTED))
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


class TestLosses:
    """The process apart is killed as the kernel would, in the middle of a real report."""

    def killing(self, stages: list[str]) -> Callable[[str, float], None]:
        """Kills the process once at each of these stages."""

        def progress(stage: str, share: float) -> None:
            if stages and stage == stages[0]:
                stages.pop(0)
                os.kill(explaining.explainer().pid, signal.SIGKILL)

        return progress

    def test_what_ended_the_first_attempt_is_left_out_of_the_second(self, support) -> None:
        report = explaining.make_report(claim(ask(factories.decided(2))), self.killing(["lime"]))
        assert report["completeness"] == "partial" and report["missing"] == ["lime", "agreement"]
        assert report["shap"]["contributions"] and report["replay"]["verdict"] == "matches" and report["cases"]
        assert report["reasons"]
        [problem] = report["problems"]
        assert problem == "lime: The process that explained was ended by the system, most likely for memory."

    def test_twice_and_what_was_found_is_delivered(self, support) -> None:
        report = explaining.make_report(claim(ask(factories.decided(2))), self.killing(["lime", "load"]))
        # The second attempt found nothing that the first had not.
        assert report["shap"]["method"] == "tree" and report["reasons"] and len(report["problems"]) == 2
        assert report["missing"] == ["lime", "agreement", "counterfactuals"]

    def test_before_anything_was_found_there_is_none(self, support) -> None:
        explanation = ask(factories.decided())
        with pytest.raises(explaining.CannotExplain, match="ended the process that asked it, twice"):
            explaining.make_report(claim(explanation), self.killing(["load", "load"]))

    def test_the_minute_is_over(self, support, monkeypatch) -> None:
        """A process that stands still at LIME: the draft is delivered when its time is over, and the process ended."""
        monkeypatch.setattr(explaining, "BUDGET_S", 8.0)
        explaining.warm_up([factories.version(2)])

        def stop(stage: str, share: float) -> None:
            if stage == "lime":
                os.kill(explaining.explainer().pid, signal.SIGSTOP)

        report = explaining.make_report(claim(ask(factories.decided(2))), stop)
        assert report["shap"]["method"] == "tree" and report["lime"] is None
        assert report["missing"] == ["lime", "agreement", "counterfactuals"]
        assert report["problems"] == ["lime: The time was over."]
        assert explaining.explainer().pid is None


def test_a_new_worker_has_the_live_version_prepared(support) -> None:
    factories.released(1)
    explaining.let_go()
    tasks.warm_up()
    pid = explaining.explainer().pid
    assert pid is not None
    report = explaining.make_report(claim(ask(factories.decided())), lambda stage, share: None)
    assert report["completeness"] == "full" and explaining.explainer().pid == pid
    tasks.let_go()
    assert not explaining._explainers


def test_a_worker_that_explains_nothing_starts_no_process(support, settings) -> None:
    settings.WARM_UP = False
    explaining.let_go()
    tasks.warm_up()
    assert not explaining._explainers


def test_the_sweep_is_the_same_service(support) -> None:
    ask(factories.decided())
    tasks.requeue_stale()
    assert Explanation.objects.get().state == "queued"
