"""Two tables of features are compared key by key, and what differs is named; no row's value leaves the comparison."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry.checking.findings import Verdict
from registry.checking.importing.parity import Parity, ParityInvalid, compare, from_json, judge

THRESHOLDS = {"max_mismatch": 0.01, "relative_tolerance": 1e-6}
ROWS = 200


def table(**changes: Any) -> pd.DataFrame:
    """Features of two hundred applicants; a change to None drops a column."""
    random = np.random.default_rng(1)
    columns = {
        "applicant": np.arange(ROWS),
        "pirat": random.uniform(0.1, 0.6, ROWS),
        "chist": random.integers(1, 7, ROWS),
        "phist": random.choice(["yes", "no"], ROWS),
        **changes,
    }
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})


def differing(column: str, rows: int, value: Any) -> pd.DataFrame:
    changed = table()
    changed[column] = changed[column].astype(object)
    changed.loc[: rows - 1, column] = value
    return changed.infer_objects()


def verdict(parity: Parity) -> Verdict:
    return judge(parity, ["pirat", "chist", "phist", "unemp"], THRESHOLDS).verdict


def test_the_same_features_pass() -> None:
    shuffled = table().sample(frac=1, random_state=2)[["phist", "applicant", "chist", "pirat"]]
    found = compare(table(), shuffled, ["applicant"])
    finding = judge(found, ["pirat", "chist", "phist", "unemp"], THRESHOLDS)
    assert finding.verdict == Verdict.PASSED
    assert finding.summary == (
        "3 features are the same at serving for 200 keys; 3 of 4 inputs of the model are among them"
    )
    assert {feature.mismatch_rate for feature in found.features} == {0.0}
    assert found.features[0].relative_difference == {"p50": 0, "p90": 0, "p99": 0, "max": 0}


@pytest.mark.parametrize(
    "rows,expected", [(0, Verdict.PASSED), (2, Verdict.PASSED), (3, Verdict.FAILED), (200, Verdict.FAILED)]
)
@pytest.mark.parametrize("column,value", [("pirat", 0.7), ("chist", 9), ("phist", "maybe"), ("pirat", None)])
def test_a_share_above_one_percent_fails(column: str, value: Any, rows: int, expected: Verdict) -> None:
    found = compare(table(), differing(column, rows, value), ["applicant"])
    [feature] = [each for each in found.features if each.feature == column]
    assert feature.mismatches == rows and verdict(found) == expected
    if expected == Verdict.FAILED and rows < ROWS:
        assert f"{column} in {rows / ROWS:.1%} of rows" in judge(found, ["pirat"], THRESHOLDS).summary


def test_rounding_to_single_precision_is_within_the_tolerance_and_a_part_in_ten_thousand_is_not() -> None:
    single = table(pirat=table()["pirat"].astype("float32"))
    assert verdict(compare(table(), single, ["applicant"])) == Verdict.PASSED
    off = compare(table(), table(pirat=table()["pirat"] * 1.0001), ["applicant"])
    [pirat] = [each for each in off.features if each.feature == "pirat"]
    assert pirat.mismatch_rate == 1 and pirat.relative_difference["max"] == pytest.approx(1e-4, rel=1e-3)
    assert verdict(compare(table(), table(pirat=table()["pirat"] * 1.0001), ["applicant"])) == Verdict.FAILED


def test_infinities_and_zeros() -> None:
    left = pd.DataFrame({"k": [1, 2, 3, 4, 5], "x": [0.0, np.inf, np.inf, 0.0, -np.inf]})
    right = pd.DataFrame({"k": [1, 2, 3, 4, 5], "x": [0.0, np.inf, 1.0, 1e-300, np.inf]})
    [feature] = compare(left, right, ["k"]).features
    assert feature.mismatches == 3 and feature.relative_difference["max"] == 1.0


def test_missing_on_both_sides_is_the_same() -> None:
    gaps = differing("phist", 50, None)
    assert verdict(compare(gaps, gaps.copy(), ["applicant"])) == Verdict.PASSED


def test_types_that_differ_are_named() -> None:
    found = compare(table(), table(chist=table()["chist"].astype(str)), ["applicant"])
    finding = judge(found, ["pirat"], THRESHOLDS)
    assert finding.verdict == Verdict.FAILED and "of another type at serving: chist" in finding.summary.lower()


def test_times_are_compared_as_moments() -> None:
    moments = pd.date_range("2026-01-01", periods=ROWS, tz="UTC")
    berlin = moments.tz_convert("Europe/Berlin")
    found = compare(table(seen=moments), table(seen=berlin), ["applicant"])
    assert {each.training_type for each in found.features} >= {"time"} and verdict(found) == Verdict.PASSED
    later = compare(table(seen=moments), table(seen=berlin + pd.Timedelta(seconds=1)), ["applicant"])
    assert verdict(later) == Verdict.FAILED


def test_keys_are_matched_however_they_were_read() -> None:
    as_text = table(applicant=np.arange(ROWS).astype(str).astype(object))
    as_fractions = table(applicant=np.arange(ROWS).astype(float))
    for other in (as_text, as_fractions):
        assert compare(table(), other, ["applicant"]).rows == ROWS


def test_keys_on_one_side_only() -> None:
    found = compare(table(), table().head(150), ["applicant"])
    assert (found.rows, found.training_only, found.serving_only) == (150, 50, 0)
    assert "50 of 200 keys are missing at serving" in judge(found, ["pirat"], THRESHOLDS).summary
    # A store serves more people than were sampled for training.
    assert verdict(compare(table().head(150), table(), ["applicant"])) == Verdict.PASSED
    nobody = compare(table(), table(applicant=np.arange(ROWS) + 1_000), ["applicant"])
    assert "o key is on both sides" in judge(nobody, ["pirat"], THRESHOLDS).summary


def test_several_keys() -> None:
    both = table(branch=np.arange(ROWS) % 3)
    assert compare(both, both.sample(frac=1, random_state=3), ["branch", "applicant"]).rows == ROWS


def test_columns_on_one_side_only() -> None:
    found = compare(table(extra=1.0), table(unemp=2.0), ["applicant"])
    assert (found.missing_in_serving, found.missing_in_training) == (["extra"], ["unemp"])
    assert "issing at serving: extra" in judge(found, ["pirat"], THRESHOLDS).summary
    assert verdict(compare(table(), table(unemp=2.0), ["applicant"])) == Verdict.PASSED


def test_features_that_the_model_does_not_read_prove_nothing() -> None:
    finding = judge(compare(table(), table(), ["applicant"]), ["income"], THRESHOLDS)
    assert finding.verdict == Verdict.FAILED and "one of the features is an input of the model" in finding.summary


def test_how_old_the_served_values_are() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    moments = [at - timedelta(seconds=60 * number) for number in range(ROWS)]
    found = compare(table(seen=moments), table(seen=moments), ["applicant"], timestamp="seen", at=at)
    assert found.age_seconds["max"] == 60 * (ROWS - 1) and found.age_seconds["p50"] == pytest.approx(60 * 99.5)
    assert "seen" not in [each.feature for each in found.features]


@pytest.mark.parametrize(
    "left,right,keys,words",
    [
        (table(), table(), [], "no key"),
        (table(), table(), ["nobody"], "training lacks the key nobody"),
        (table(), table(applicant=None), ["applicant"], "serving lacks the key applicant"),
        (table(applicant=1), table(), ["applicant"], "training has several rows with one key"),
        (table(applicant=[None, *range(1, ROWS)]), table(), ["applicant"], "training has rows without a key"),
        (table()[["applicant", "pirat"]], table()[["applicant", "phist"]], ["applicant"], "share no feature"),
    ],
)
def test_what_cannot_be_compared_is_said(left, right, keys: list[str], words: str) -> None:
    with pytest.raises(ParityInvalid, match=words):
        compare(left, right, keys)


def test_the_json_says_the_same_and_holds_no_value_of_a_row() -> None:
    found = compare(table(), differing("phist", 3, "SECRET"), ["applicant"], source="Feast 0.67.0")
    text = json.dumps(found.as_json())
    assert "SECRET" not in text and "NaN" not in text
    again = from_json(json.loads(text))
    assert again == found and judge(again, ["pirat"], THRESHOLDS) == judge(found, ["pirat"], THRESHOLDS)


def test_a_laxer_comparison_made_elsewhere_is_not_enough() -> None:
    found = compare(table(), table(pirat=table()["pirat"] * 1.0001), ["applicant"], relative_tolerance=0.01)
    finding = judge(from_json(found.as_json()), ["pirat"], THRESHOLDS)
    assert finding.verdict == Verdict.FAILED and "ompared with a tolerance of 0.01" in finding.summary


@pytest.mark.parametrize(
    "name,expected,words",
    [("feast_same", Verdict.PASSED, "for 500 keys"), ("feast_skewed", Verdict.FAILED, "pirat in 4.0% of rows")],
)
def test_what_the_adapter_wrote_in_the_environment_of_feast(name: str, expected: Verdict, words: str) -> None:
    file = Path(__file__).parent / "data" / f"{name}.json"
    found = from_json(json.loads(file.read_text(encoding="utf-8")))
    assert found.source == "Feast 0.67.0, feature service credit_v1"
    finding = judge(found, ["pirat", "chist", "phist", "unemp"], THRESHOLDS)
    assert finding.verdict == expected and words in finding.summary


GOOD = compare(table(), table(), ["applicant"]).as_json()
FEATURE = GOOD["features"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "countersign.feature-parity/2"},
        {"features": []},
        {"features": [7]},
        {"features": [FEATURE] * 1_001},
        {"features": [{**FEATURE, "compared": -1}]},
        {"features": [{**FEATURE, "compared": 5, "mismatches": 6}]},
        {"features": [{**FEATURE, "feature": "x" * 300}]},
        {"features": [{**FEATURE, "relative_difference": {"p50": "0"}}]},
        {"features": [{**FEATURE, "relative_difference": {"p51": 0}}]},
        {"keys": "applicant"},
        {"keys": [7]},
        {"rows": True},
        {"rows": 1.5},
        {"relative_tolerance": None},
        {"age_seconds": []},
        {"source": 7},
    ],
)
def test_what_is_no_comparison_is_refused(changes: dict) -> None:
    with pytest.raises(ParityInvalid):
        from_json({**GOOD, **changes})
