"""A manifest is read whole or refused with every problem, by path."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from registry.scoring.manifest import Manifest, ManifestInvalid

from .conftest import hmda_manifest


def problems(raw: object) -> dict[str, str]:
    with pytest.raises(ManifestInvalid) as caught:
        Manifest.parse(raw)
    return {problem.path: problem.problem for problem in caught.value.details}


def test_everything_is_read() -> None:
    raw = hmda_manifest("xgboost")
    manifest = Manifest.parse(raw)
    assert (manifest.model.format, manifest.model.task, manifest.is_classifier) == (
        "xgboost", "binary_classification", True,
    )  # fmt: skip
    assert manifest.output.labels == ("grant", "deny") and manifest.output.favourable_label == "grant"
    assert manifest.source is not None and manifest.source.commit == "a" * 40
    assert manifest.image_digest == "sha256:" + "b" * 64
    assert manifest.training_data is not None and manifest.training_data.rows == 2380
    assert manifest.metrics == {"roc_auc": 0.83}
    raw["output"]["threshold"] = 0.9
    assert manifest.output.threshold == 0.5 and manifest.raw["output"]["threshold"] == 0.5


def test_optional_parts_may_be_left_out() -> None:
    raw = {
        key: value for key, value in hmda_manifest("skops").items() if key in ("model", "inputs", "output")
    }
    manifest = Manifest.parse(raw)
    assert manifest.source is None and manifest.image_digest is None and manifest.training_data is None


@pytest.mark.parametrize(
    "score, label", [(0.5, "deny"), (0.49999, "grant"), (1.0, "deny"), (0.0, "grant")]
)
def test_the_threshold_itself_is_adverse(score: float, label: str) -> None:
    assert Manifest.parse(hmda_manifest("skops")).output.label(score) == label


def test_regression_has_no_labels() -> None:
    task = {"format": "onnx", "task": "regression"}
    raw = hmda_manifest("onnx", model=task, output={"name": "loss"})
    assert Manifest.parse(raw).output.name == "loss" and Manifest.parse(raw).output.label(3.0) is None
    del raw["output"]
    assert Manifest.parse(raw).output.labels is None
    found = problems(hmda_manifest("onnx", model=task))
    assert set(found) == {"output.labels", "output.adverse_label", "output.threshold"}


@pytest.mark.parametrize(
    "path, value, problem",
    [
        ("model.format", "pickle", "must be one of: skops, xgboost, lightgbm, onnx, remote"),
        ("model.task", "clustering", "must be one of: binary_classification, multiclass_classification, regression"),
        ("model.extra", 1, "is not a known key"),
        ("extra", 1, "is not a known key"),
        ("output.extra", 1, "is not a known key"),
        ("output.threshold", 1.5, "must be at most 1, was 1.5"),
        ("output.threshold", True, "must be a number, was true"),
        ("output.adverse_label", "refuse", "must be one of the labels: grant, deny"),
        ("output.labels", ["a", "a"], "must not repeat an entry"),
        ("output.labels", ["deny"], "must have at least 2 entries"),
        ("output.labels", None, "must be a list, was null"),
        ("source.commit", "abc", "is not written as expected (40 lower-case hexadecimal digits)"),
        ("source.commit", "a" * 40 + "\n", "is not written as expected (40 lower-case hexadecimal digits)"),
        (
            "image.digest",
            "latest",
            "is not written as expected (sha256: and 64 lower-case hexadecimal digits)",
        ),
        ("training_data.sha256", "0", "is not written as expected (64 lower-case hexadecimal digits)"),
        ("training_data.rows", 0, "must be at least 1, was 0"),
        ("inputs.properties.pirat.minimum", 7, "must not lie above the maximum"),
        ("inputs.properties.pirat.pattern", "x", "is not a supported keyword here"),
    ],
)
def test_one_wrong_value(path: str, value: Any, problem: str) -> None:
    raw = hmda_manifest("skops")
    place = raw
    *parts, last = path.split(".")
    for part in parts:
        place = place[part]
    place[last] = value
    assert problems(raw)[path] == problem


def test_all_problems_at_once() -> None:
    raw = hmda_manifest("skops", source={"commit": "x"}, surprise=1)
    del raw["output"], raw["inputs"]["additionalProperties"]
    assert set(problems(raw)) == {"source.commit", "surprise", "output", "inputs.additionalProperties"}


@pytest.mark.parametrize(
    "raw", [None, 3, "x", [], {}, {"model": 3, "inputs": 4, "output": 5}, {"model": {"task": []}}]
)
def test_any_json_is_answered_with_problems(raw: object) -> None:
    assert problems(raw)


def test_no_part_replaced_by_junk_gets_through_or_crashes() -> None:
    junk: list[Any] = [None, True, -1, "", [], {}, [[]], {"": 0}, float("nan")]
    for key in hmda_manifest("skops"):
        for value in junk:
            raw = copy.deepcopy(hmda_manifest("skops"))
            raw[key] = value
            if key in ("source", "training_data", "metrics") and value in ({}, {"": 0}):
                Manifest.parse(raw)
            else:
                assert problems(raw), (key, value)


@pytest.mark.parametrize(
    "changes,path,words",
    [
        ({"classes": None}, "output.classes", "must be a list, was null"),
        ({"classes": ["A", "B"]}, "output.classes", "must have at least 3 entries"),
        ({"adverse_classes": ["E"]}, "output.adverse_classes", "must be among the classes; E is not"),
        ({"adverse_classes": ["A", "B", "C"]}, "output.adverse_classes", "must leave a class"),
        ({"adverse_classes": []}, "output.adverse_classes", "must have at least 1"),
    ],
)
def test_classes_lead_to_two_answers(changes: dict[str, Any], path: str, words: str) -> None:
    raw = hmda_manifest("skops")
    raw["model"]["task"] = "multiclass_classification"
    raw["output"] |= {"classes": ["A", "B", "C"], "adverse_classes": ["B", "C"]}
    spec = Manifest.parse(raw)
    assert spec.output.adverse_among(("C", "A", "B")) == (0, 2) and spec.output.label(0.6) == "deny"
    raw["output"] |= changes
    assert words in problems(raw)[path]
    with pytest.raises(ManifestInvalid, match=r"output\.classes is not a known key"):
        Manifest.parse({**raw, "model": {**raw["model"], "task": "binary_classification"}})
