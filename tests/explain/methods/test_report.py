"""The whole report: the contract's shape, the same twice, within its time."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from explain.methods import DecisionFacts, Effort, Prepared, compose_report, prepare, seed_of
from registry.scoring import frames
from registry.scoring.manifest import OutputSpec

from .planted import SCHEMA, draw, fitted, of_codes, of_pipeline, outcome

OUTPUT = OutputSpec(labels=("grant", "deny"), adverse_label="deny", threshold=0.5)
CODES = draw(400)
KEYS = {
    "decision", "system", "version", "artifact_sha256", "seed", "output_space", "replay", "shap", "lime",
    "agreement", "counterfactuals", "reasons", "disclosures", "completeness", "timings_ms", "background",
    "libraries",
}  # fmt: skip


@pytest.fixture(scope="module")
def ready() -> Prepared:
    scorer = of_pipeline(fitted(RandomForestClassifier(20, random_state=0), CODES, outcome(CODES)))
    return made(scorer)


def made(scorer: Any, **given: Any) -> Prepared:
    background = frames.from_codes(draw(200, seed=1), SCHEMA)
    effort = Effort(lime_samples=800)
    return prepare(SCHEMA, scorer, background, frames, background_sha256="cd" * 32, effort=effort, **given)


def row_of(codes: np.ndarray) -> dict[str, Any]:
    record = frames.from_codes(codes.reshape(1, -1), SCHEMA).to_dict("records")[0]
    return {name: None if pd.isna(value) else value for name, value in record.items()}


def refused(prepared: Prepared) -> np.ndarray:
    codes = draw(300, seed=4)
    return codes[np.argmax(prepared.subject.score(codes))]


def facts(prepared: Prepared, codes: np.ndarray, recorded: float | None = None) -> DecisionFacts:
    score = float(prepared.subject.score(codes.reshape(1, -1))[0]) if recorded is None else recorded
    return DecisionFacts("0199-a", "mortgage", 2, "ab" * 32, score)


def compose(prepared: Prepared, codes: np.ndarray, **given: Any) -> dict[str, Any]:
    return compose_report(prepared, row_of(codes), facts(prepared, codes), OUTPUT, **given)


def test_report_has_the_contracts_shape_and_is_json(ready: Prepared) -> None:
    codes = refused(ready)
    report = compose(ready, codes)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report) >= KEYS and report["completeness"] == "full"
    assert report["problems"] == []
    assert report["replay"]["verdict"] == "matches" and report["output_space"] == "probability"
    shap = report["shap"]
    assert shap["method"] == "tree" and shap["additivity_error"] < 1e-9
    assert shap["base_value"] + sum(item["contribution"] for item in shap["contributions"]) == pytest.approx(
        shap["prediction"], abs=1e-12
    )
    assert shap["prediction"] == pytest.approx(report["replay"]["recomputed"])
    assert {item["feature"] for item in shap["contributions"]} == set(SCHEMA.names)
    assert {"feature", "condition", "weight"} <= set(report["lime"]["contributions"][0])
    assert report["background"] == {"sha256": "cd" * 32, "rows": 200, "population": "the training sample"}
    assert 1 <= len(report["reasons"]) <= 4 and report["disclosures"] and report["libraries"]["numpy"]
    assert {"replay", "shap", "lime", "total"} <= set(report["timings_ms"])
    for item in report["counterfactuals"]:
        assert item["label"] == "grant" and {"feature", "from", "to"} == set(item["changes"][0])


# The network need not be good, only repeatable.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["forest", "logistic", "network"])
def test_same_inputs_same_report(kind: str, ready: Prepared) -> None:
    estimator = {
        "logistic": LogisticRegression(),
        "network": MLPClassifier((8,), max_iter=30, random_state=0),
    }.get(kind)
    scorer = (
        ready.subject.scorer if estimator is None else of_pipeline(fitted(estimator, CODES, outcome(CODES)))
    )
    first, second = made(scorer), made(scorer)
    codes = refused(first)
    # A warm explainer that has served others, and a cold one, say the same.
    compose(first, draw(1, seed=8)[0])
    reports = [compose(first, codes), compose(second, codes)]
    for report in reports:
        report.pop("timings_ms")
    assert reports[0] == reports[1]


def test_seed_follows_decision_and_artifact(ready: Prepared) -> None:
    assert seed_of("a", "b") == seed_of("a", "b")
    assert len({seed_of("a", "b"), seed_of("a", "c"), seed_of("b", "b"), seed_of("ab", "")}) == 4
    assert compose(ready, CODES[0])["seed"] == seed_of("0199-a", "ab" * 32) < 2**32


@pytest.mark.parametrize("shift, verdict", [(0, "matches"), (1e-7, "close"), (1e-3, "differs")])
def test_replay_tells_how_far_the_recorded_score_is(ready: Prepared, shift: float, verdict: str) -> None:
    score = float(ready.subject.score(CODES[:1])[0])
    given = facts(ready, CODES[0], score + shift)
    report = compose_report(ready, row_of(CODES[0]), given, OUTPUT)
    assert report["replay"]["verdict"] == verdict
    assert ("does not give the recorded score" in report["disclosures"][0]) == (verdict == "differs")


def ticking(step: float) -> Callable[[], float]:
    now = [0.0]

    def clock() -> float:
        now[0] += step
        return now[0]

    return clock


def test_deadline_delivers_what_is_finished(ready: Prepared) -> None:
    none = compose(ready, CODES[0], budget_s=0)
    assert none["completeness"] == "partial" and none["shap"] is None and none["lime"] is None
    assert none["replay"]["verdict"] == "matches" and none["counterfactuals"] == [] and none["reasons"] == []
    some = compose(ready, refused(ready), budget_s=6.5, clock=ticking(1))
    assert some["completeness"] == "partial" and some["shap"] is not None and some["agreement"] is None
    assert some["reasons"] and any("partial" in line for line in some["disclosures"])
    json.dumps(some, allow_nan=False)


def test_one_failing_method_does_not_cost_the_others(
    ready: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **given: object) -> None:
        raise ArithmeticError("no fit")

    monkeypatch.setattr("explain.methods.report.explain_lime", fail)
    report = compose(ready, refused(ready))
    assert report["lime"] is None and report["shap"] is not None and report["reasons"]
    assert report["completeness"] == "partial" and report["problems"] == ["lime: ArithmeticError: no fit"]
    assert any("could not be made" in line for line in report["disclosures"])


def test_progress_goes_up_to_the_end(ready: Prepared) -> None:
    seen: list[tuple[str, float]] = []
    compose(ready, CODES[0], progress=lambda stage, fraction: seen.append((stage, fraction)))
    assert [stage for stage, _ in seen] == [
        "replay", "shap", "lime", "agreement", "counterfactuals", "wording", "done",
    ]  # fmt: skip
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen) and seen[-1][
        1
    ] == 1.0


def test_missing_inputs_are_null_and_named() -> None:
    prepared = made(of_codes(lambda codes: np.where(np.isnan(codes[:, 0]), 0.8, 0.3)))
    row = {name: value for name, value in row_of(CODES[0]).items() if name != "income"}
    report = compose_report(prepared, row, facts(prepared, CODES[0]), OUTPUT)
    first = report["shap"]["contributions"][0]
    assert (first["feature"], first["value"]) == ("income", None)
    assert report["reasons"][0].startswith("Income: not given.")
    assert any(line.startswith("Not given: Income") for line in report["disclosures"])


def test_regression_reports_speak_in_values() -> None:
    prepared = made(of_codes(lambda codes: 100 * codes[:, 1] + 10 * (codes[:, 3] == 1)), regression=True)
    report = compose_report(prepared, row_of(CODES[0]), facts(prepared, CODES[0]), OutputSpec())
    assert report["output_space"] == "value" and report["lime"]["output_space"] == "value"
    assert report["counterfactuals"] == [] and report["threshold"] is None
    assert all("pushed the value up" in reason for reason in report["reasons"])


def test_empty_background_and_lossy_coding_are_refused() -> None:
    empty = frames.from_codes(draw(1)[:0], SCHEMA)
    with pytest.raises(ValueError, match="background"):
        prepare(SCHEMA, of_codes(lambda codes: codes[:, 1]), empty, frames)
    turn = iter(np.linspace(0, 1, 500))
    with pytest.raises(ValueError, match="coding"):
        made(of_codes(lambda codes: np.full(len(codes), next(turn))))
