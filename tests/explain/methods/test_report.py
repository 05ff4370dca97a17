"""The whole report: the contract's shape, the same twice, within its time."""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from explain.methods import DecisionFacts, Effort, OutOfTime, Prepared, compose_report, prepare, seed_of
from explain.methods.facts import bare_report
from explain.methods.local import number
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
    none = compose(ready, refused(ready), budget_s=0)
    assert none["completeness"] == "partial" and none["shap"] is None and none["lime"] is None
    assert none["missing"] == ["shap", "lime", "agreement", "counterfactuals"]
    assert none["replay"]["verdict"] == "matches" and none["counterfactuals"] == [] and none["reasons"] == []
    # The last rung asks nothing of the model.
    assert none["cases"] and none["disclosures"][0].startswith("This report is partial. It lacks what each input did")
    some = compose(ready, refused(ready), budget_s=20, clock=ticking(1))
    assert some["completeness"] == "partial" and some["shap"] is not None and some["lime"] is not None
    assert some["missing"] == ["counterfactuals"] or some["cut_short"]
    assert some["reasons"] and any("partial" in line or "Time was short" in line for line in some["disclosures"])
    json.dumps(some, allow_nan=False)


def test_each_stage_leaves_time_for_the_next(ready: Prepared) -> None:
    """The first method has six tenths of the time: what it does not finish by then shall not cost the second."""
    late = iter([0.0, 1.0, 2.0, 3.0, 3.0, *[34.0] * 200])
    report = compose(ready, refused(ready), budget_s=55, clock=lambda: next(late))
    assert "shap" in report["missing"] and report["lime"] is not None and report["lime"]["r2"] > 0


def test_what_was_found_so_far_is_a_report_at_any_moment(ready: Prepared) -> None:
    kept: list[dict[str, Any]] = []
    whole = compose(ready, refused(ready), keep=kept.append)
    assert [draft["missing"] for draft in kept] == [
        ["shap", "lime", "agreement", "counterfactuals"],
        ["lime", "agreement", "counterfactuals"],
        ["counterfactuals"],
    ]
    assert all(draft["completeness"] == "partial" and set(draft) == set(whole) for draft in kept)
    assert kept[1]["shap"] == whole["shap"] and kept[1]["reasons"] == whole["reasons"] and kept[1]["lime"] is None
    assert "It lacks what would have changed the answer." in kept[2]["disclosures"][0]
    assert whole["missing"] == whole["cut_short"] == [] and not any("partial" in each for each in whole["disclosures"])


def test_a_stage_that_took_down_its_process_is_left_out(ready: Prepared) -> None:
    report = compose(ready, refused(ready), without=["shap"])
    assert report["shap"] is None and report["lime"] is not None and report["missing"] == ["shap", "agreement"]


def test_without_a_model_the_report_says_so_and_no_more(ready: Prepared) -> None:
    given = DecisionFacts("0199-a", "mortgage", 2, "ab" * 32, 0.8)
    report = bare_report(given, 0.5, "artifact_missing", "The file is gone.")
    assert set(report) == set(compose(ready, CODES[0]))
    assert report["replay"] == {"recorded": 0.8, "recomputed": None, "verdict": "artifact_missing"}
    assert report["completeness"] == "partial" and report["disclosures"][0] == "The file is gone."
    json.dumps(report, allow_nan=False)


class TestSlowModels:
    """Real slowness: each row costs its time. What the clock decides is always said."""

    def slow(self, seconds_per_row: float, **given: Any) -> Prepared:
        def ask(codes: np.ndarray) -> np.ndarray:
            time.sleep(seconds_per_row * len(codes))
            return np.clip(np.nan_to_num(codes[:, 1]) * 0.8 + 0.1 * np.nan_to_num(codes[:, 2]), 0, 1)

        background = frames.from_codes(draw(200, seed=1), SCHEMA)
        return prepare(SCHEMA, of_codes(ask), background, frames, **given)

    def test_sampling_stops_and_lime_asks_less(self) -> None:
        prepared = self.slow(0.002, effort=Effort(exact_rows=0))
        report = compose(prepared, refused(prepared), budget_s=4)
        assert report["timings_ms"]["total"] < 8_000
        assert report["shap"]["method"] == "permutation" and "shap" in report["cut_short"]
        assert 0 < report["shap"]["background_rows"] < 200
        assert "lime" in [*report["cut_short"], *report["missing"]]
        assert report["lime"] is None or 300 <= report["lime"]["samples"] < 5_000
        assert any("Time was short" in line for line in report["disclosures"])

    def test_enumeration_that_takes_too_long_becomes_sampling(self) -> None:
        prepared = self.slow(0.0003)
        report = compose(prepared, refused(prepared), budget_s=3)
        assert report["shap"]["method"] == "permutation" and "shap" in report["cut_short"]
        errors = [item.get("standard_error") for item in report["shap"]["contributions"]]
        assert all(error is not None for error in errors)

    def test_a_part_of_the_background_is_scored_where_all_would_take_too_long(self) -> None:
        prepared = self.slow(0.02, seconds=2.5)
        assert not prepared.whole and 50 <= prepared.population.rows < 200
        report = compose(prepared, CODES[0], budget_s=0.5)
        assert report["cut_short"][0] == "background" and report["background"]["rows"] == prepared.population.rows

    def test_a_model_that_takes_seconds_a_row_is_not_tried(self) -> None:
        with pytest.raises(OutOfTime, match=r"takes 0\.\d s for one person"):
            self.slow(0.2, seconds=1.0)


def test_one_failing_method_does_not_cost_the_others(
    ready: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **given: object) -> None:
        raise ArithmeticError("no fit")

    monkeypatch.setattr("explain.methods.report.explain_lime", fail)
    report = compose(ready, refused(ready))
    assert report["lime"] is None and report["shap"] is not None and report["reasons"]
    assert report["completeness"] == "partial" and report["problems"] == ["lime: ArithmeticError: no fit"]
    assert "It lacks the second method (LIME) and the comparison of both methods." in report["disclosures"][0]


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
    # What lowered a value is as much of a reason as what raised it, and is told in the value's own unit.
    told = {item["feature"]: item["contribution"] for item in report["shap"]["contributions"]}
    assert {"debt", "home"} == {name for name, contribution in told.items() if contribution}
    way = "up" if told["debt"] > 0 else "down"
    amount = number(abs(told["debt"]))
    assert f"This moved the value {way} by {amount} (" in report["reasons"][0]
    assert len(report["reasons"]) == 2


def test_a_report_on_many_classes_says_what_it_explains(ready: Prepared) -> None:
    many = OutputSpec(("grant", "deny"), "deny", 0.5, classes=("A", "B", "C"), adverse_classes=("B", "C"))
    report = compose_report(ready, row_of(CODES[0]), facts(ready, CODES[0]), many)
    assert any("3 classes apart" in line and "lead to “deny”: B, C" in line for line in report["disclosures"])


def test_empty_background_and_lossy_coding_are_refused() -> None:
    empty = frames.from_codes(draw(1)[:0], SCHEMA)
    with pytest.raises(ValueError, match="background"):
        prepare(SCHEMA, of_codes(lambda codes: codes[:, 1]), empty, frames)
    turn = iter(np.linspace(0, 1, 500))
    with pytest.raises(ValueError, match="coding"):
        made(of_codes(lambda codes: np.full(len(codes), next(turn))))
