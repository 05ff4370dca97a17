"""What was true, and who is in which group, from the evaluation rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry.checking.judging.evaluated import Group, LabelsUnfit, groups_of, truth_of
from registry.scoring.manifest import Manifest
from registry.scoring.samples import read_sample
from registry.scoring.schema import InputSchema
from tests.registry.scoring.conftest import hmda_manifest


def manifest(*labels: str) -> Manifest:
    output = {"labels": list(labels), "adverse_label": labels[-1], "threshold": 0.5}
    return Manifest.parse(hmda_manifest("skops", output=output))


REGRESSION = Manifest.parse(
    hmda_manifest("skops", model={"format": "skops", "task": "regression"}, output={"name": "value"})
)


def texts(*values: str) -> np.ndarray:
    return np.array(values, dtype=object)


def test_text_labels() -> None:
    truth = truth_of(texts("grant", "deny", "grant"), manifest("grant", "deny"))
    assert truth.dtype == np.bool_ and truth.tolist() == [False, True, False]
    with pytest.raises(LabelsUnfit, match=r"has maybe, which is none of the labels grant, deny"):
        truth_of(texts("grant", "maybe"), manifest("grant", "deny"))


def test_labels_that_look_like_numbers() -> None:
    assert truth_of(np.array([0.0, 1.0]), manifest("0", "1")).tolist() == [False, True]
    with pytest.raises(LabelsUnfit, match=r"has 2\.0"):
        truth_of(np.array([0.0, 2.0]), manifest("0", "1"))
    with pytest.raises(LabelsUnfit):
        truth_of(np.array([0.0, 1.0]), manifest("grant", "deny"))


def test_labels_of_a_regression_are_numbers() -> None:
    assert truth_of(np.array([1.5, 2.0]), REGRESSION).tolist() == [1.5, 2.0]
    with pytest.raises(LabelsUnfit, match="must hold numbers"):
        truth_of(texts("1", "many"), REGRESSION)


def grouped(spec: dict[str, Any], *values: object) -> list[Group]:
    raw = {"type": "object", "additionalProperties": False, "properties": {"x": {**spec, "x-protected": True}}}
    schema = InputSchema.parse(raw)
    frame = read_sample(pd.DataFrame({"x": list(values), "y": 1})[["x"]].to_csv(index=False).encode(), schema)
    [groups] = groups_of(frame, schema)
    return groups


def test_groups_of_words_in_the_schemas_order() -> None:
    groups = grouped({"enum": ["b", "a", "c"], "title": "Kind"}, "a", "b", "a", "b")
    assert [(group.value, group.rows.tolist()) for group in groups] == [
        ("b", [False, True, False, True]),
        ("a", [True, False, True, False]),
    ]
    assert groups[0].title == "Kind" and groups[0].feature == "x"


def test_groups_of_yes_and_no() -> None:
    assert [group.value for group in grouped({"type": "boolean"}, "true", "false")] == ["no", "yes"]


def test_a_number_of_few_values_has_a_group_for_each_and_of_many_its_quarters() -> None:
    assert [group.value for group in grouped({"type": "integer"}, 3, 1, 1, 2)] == ["1", "2", "3"]
    ages = np.random.default_rng(0).permutation(np.arange(18, 98))
    quarters = grouped({"type": "integer"}, *ages)
    assert [group.value for group in quarters] == [
        "18 to 37", "above 37 to 57", "above 57 to 77", "above 77 to 97",
    ]  # fmt: skip
    counts = np.sum([group.rows for group in quarters], axis=0)
    assert counts.tolist() == [1] * 80


def test_who_did_not_state_it_is_a_group() -> None:
    raw = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"x": {"enum": ["a", None]}, "y": {"type": "number"}},
    }
    raw["properties"]["x"]["x-protected"] = True
    schema = InputSchema.parse(raw)
    [groups] = groups_of(read_sample(b"x,y\na,1\n,2\n", schema), schema)
    assert [(group.value, group.rows.tolist()) for group in groups] == [
        ("a", [True, False]),
        ("not stated", [False, True]),
    ]


def test_inputs_that_are_not_protected_have_no_groups() -> None:
    schema = InputSchema.parse(
        {"type": "object", "additionalProperties": False, "properties": {"x": {"type": "number"}}}
    )
    assert groups_of(read_sample(b"x\n1\n", schema), schema) == []
