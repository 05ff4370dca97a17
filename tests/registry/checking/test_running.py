"""One run over real models: good ones pass, each gate has an input that fails it, and no fault costs the run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from registry.checking import contributed, running
from registry.checking.findings import Finding, Verdict
from registry.checking.gates import BY_KIND, GATES
from registry.checking.parts import Parts
from registry.checking.running import Context, Target, findings_of, gates_checked
from registry.scoring import measuring
from registry.scoring.manifest import Manifest
from tests import factories
from tests.registry.checking.failing import CASES, Case, finding, golden_rows, parts_in

THRESHOLDS = {gate.kind: gate.defaults for gate in GATES}
CHECKED = [
    "artifact", "libraries", "latency", "rollback", "golden_rows", "performance", "distribution", "explanation",
]  # fmt: skip


@pytest.fixture
def boosting(tmp_path: Path) -> Parts:
    return parts_in(tmp_path, factories.trained_boosting())


def test_a_good_version_passes_every_gate_against_one_like_it(tmp_path: Path, boosting: Parts) -> None:
    live = parts_in(tmp_path, factories.trained_boosting(), number=2)
    context = Context(THRESHOLDS, live=live, target=Target(2, live.manifest.inputs))
    told: list[str] = []
    found = list(
        findings_of(parts_in(tmp_path, factories.trained_boosting(), golden=golden_rows()), context, told.append)
    )
    assert [each.gate for each in found] == told == CHECKED
    assert {each.verdict for each in found} == {Verdict.PASSED}, [each.summary for each in found]
    by_gate = {each.gate: each for each in found}
    assert by_gate["distribution"].payload["comparisons"]["live"]["flip_rate"] == 0
    assert by_gate["performance"].payload["live"]["metrics"] == by_gate["performance"].payload["metrics"]
    assert by_gate["golden_rows"].payload["source"] == "golden"
    assert by_gate["latency"].payload["rows"] == 500
    assert all(each.payload["thresholds"] == THRESHOLDS[each.gate] for each in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.gate}: {case.what}")
def test_each_gate_fails_for_what_it_must_fail_for(case: Case, tmp_path: Path) -> None:
    verdict, words = case.tried(tmp_path)
    assert verdict in ("failed", "refused", "not satisfied") and case.words.lower() in words.lower(), words


def test_every_gate_has_such_a_case() -> None:
    assert {case.gate for case in CASES} == set(BY_KIND)


def test_without_an_evaluation_sample_performance_says_nothing_and_the_distribution_is_missing(tmp_path: Path) -> None:
    parts = parts_in(tmp_path, factories.trained_boosting(), evaluation=None)
    assert "performance" not in gates_checked(parts, Context(THRESHOLDS))
    found = finding("distribution", parts)
    assert found.verdict == "missing" and found.payload["groups"][0]["feature"] == "afam"
    assert found.payload["training"]["rows"] == 500 and found.payload["evaluation_sha256"] is None


def test_gates_that_are_off_are_not_checked(boosting: Parts) -> None:
    assert gates_checked(boosting, Context({"latency": THRESHOLDS["latency"]})) == ["latency"]


def test_an_artifact_that_cannot_be_loaded_fails_its_gates_in_words_and_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    run = measuring.sandbox.run
    monkeypatch.setattr(measuring.sandbox, "run", lambda *given, **named: runs.append(given[0]) or run(*given, **named))
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(factories.trained_logistic().artifact)) as old,
        zipfile.ZipFile(changed, "w") as new,
    ):
        for member in old.infolist():
            content = old.read(member)
            new.writestr(member, content.replace(b"1.9.1", b"1.7.2") if member.filename == "schema.json" else content)
    parts = parts_in(tmp_path, factories.trained_logistic(), artifact=changed.getvalue())
    found = {each.gate: each for each in findings_of(parts, Context(THRESHOLDS))}
    assert {found[gate].verdict for gate in CHECKED} == {Verdict.FAILED}
    assert "written by scikit-learn 1.7.2, read by 1.9.1" in found["libraries"].payload["problems"][0]
    assert found["performance"].summary.startswith("Could not be checked: The model was saved with scikit-learn 1.7.2")
    assert runs == ["registry.scoring.measure", "explain.rehearsal"]


def test_labels_that_the_manifest_does_not_know(tmp_path: Path) -> None:
    sample = factories.trained_boosting().evaluation.replace(b",deny\n", b",declined\n")
    found = finding("performance", parts_in(tmp_path, factories.trained_boosting(), evaluation=sample))
    assert found.verdict == "failed" and "the label column has declined" in found.summary


def test_a_fault_of_ours_fails_one_gate_and_not_the_run(
    boosting: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(parts: Parts, thresholds: Any) -> Finding:
        raise ZeroDivisionError

    monkeypatch.setattr(contributed, "checks", {"explanation": broken})
    thresholds = {gate: THRESHOLDS[gate] for gate in ("rollback", "explanation")}
    found = list(findings_of(boosting, Context(thresholds)))
    assert [each.gate for each in found] == ["rollback", "explanation"]
    assert found[1].verdict == "failed" and running.OURS in found[1].payload["problems"]
    assert "ZeroDivisionError" in caplog.text


def test_a_process_that_scores_fewer_rows_than_it_was_given_is_not_believed(
    boosting: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = measuring.sandbox.run

    def shortened(*given: Any, **named: Any) -> dict[str, Any]:
        said = run(*given, **named)
        # Sixteen characters are twelve bytes: cut after three scores of eight.
        return {**said, "scores": {name: packed[:32] for name, packed in said["scores"].items()}}

    monkeypatch.setattr(measuring.sandbox, "run", shortened)
    found = finding("performance", boosting)
    assert found.verdict == "failed" and "3 of 1100 evaluation rows were scored" in found.summary


def test_a_regression_is_judged_by_its_values(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    rows = pd.DataFrame({"size": random.uniform(40, 200, 400), "age": random.integers(0, 80, 400)})
    price = rows["size"] * 3_000 - rows["age"] * 500 + random.normal(0, 9_000, 400)
    booster = xgboost.train(
        {"objective": "reg:squarederror", "max_depth": 3, "nthread": 1},
        xgboost.DMatrix(rows[:200], label=price[:200], feature_names=["size", "age"]),
        60,
    )
    manifest = {
        "model": {"format": "xgboost", "task": "regression"},
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "required": ["size", "age"],
            "properties": {"size": {"type": "number"}, "age": {"type": "integer", "x-protected": True}},
        },
        "output": {"name": "price"},
        "metrics": {"r2": 0.99, "gini": 0.2},
    }
    for name, data in (
        ("artifact", bytes(booster.save_raw("ubj"))),
        ("background", rows[:200].to_csv(index=False).encode()),
        ("evaluation", rows[200:].assign(label=price[200:]).to_csv(index=False).encode()),
    ):
        (tmp_path / name).write_bytes(data)
    parts = Parts(Manifest.parse(manifest), tmp_path / "artifact", tmp_path / "background", tmp_path / "evaluation")
    found = {each.gate: each for each in findings_of(parts, Context(THRESHOLDS))}
    assert set(found["performance"].payload["metrics"]) == {"r2", "mae", "rmse"}
    assert found["performance"].payload["unconfirmed"] == ["gini"]
    assert found["distribution"].payload["candidate"]["positive_rate"] is None
    quarters = found["distribution"].payload["groups"][0]["groups"]
    assert len(quarters) == 4 and not any(group["judged"] for group in quarters)
    verdicts = {gate: each.verdict.value for gate, each in found.items()}
    assert verdicts == {**dict.fromkeys(CHECKED, "passed"), "rollback": "failed"}, [
        each.summary for each in found.values()
    ]
