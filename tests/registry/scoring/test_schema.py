"""The linted subset of JSON Schema, and rows refused in words a caller can act on."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from jsonschema import Draft7Validator

from registry.scoring.problems import ManifestInvalid
from registry.scoring.schema import InputSchema, validator

NUMBER = {"type": "number", "minimum": 0, "maximum": 3}
GOOD = {"pirat": 0.2, "chist": 2, "phist": "no", "owner": True}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["pirat", "chist", "phist"],
    "properties": {
        "pirat": NUMBER,
        "chist": {"type": "integer", "minimum": 1, "maximum": 6},
        "phist": {"enum": ["no", "yes"], "x-actionable": True, "x-protected": True, "x-personal": False},
        "owner": {"type": "boolean"},
        "years": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 100,
            "title": "Years here",
        },
        "channel": {"enum": ["web", "shop", None]},
    },
}


def with_feature(**spec: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {"a": spec}}


def refused(raw: object) -> dict[str, str]:
    with pytest.raises(ManifestInvalid) as caught:
        InputSchema.parse(raw)
    return {problem.path: problem.problem for problem in caught.value.details}


def said(row: Any) -> dict[str, str]:
    return {problem.path: problem.problem for problem in validator(InputSchema.parse(SCHEMA))(row)}


def test_features_keep_order_and_meaning() -> None:
    schema = InputSchema.parse(SCHEMA)
    assert schema.names == ("pirat", "chist", "phist", "owner", "years", "channel")
    assert [feature.kind for feature in schema.features] == [
        "number", "integer", "category", "boolean", "number", "category",
    ]  # fmt: skip
    phist, years = schema.by_name["phist"], schema.by_name["years"]
    assert phist.categories == ("no", "yes") and phist.actionable and phist.protected and not phist.personal
    assert years.title == "Years here" and years.nullable and not years.required and years.exclusive_minimum
    assert schema.by_name["channel"].nullable and schema.by_name["channel"].categories == ("web", "shop")
    assert schema.by_name["pirat"].personal and not schema.by_name["pirat"].actionable


@pytest.mark.parametrize(
    "spec, path",
    [
        ({"type": "string"}, "type"),
        ({}, "type"),
        ({"type": ["number", "integer"]}, "type"),
        ({"type": 5}, "type"),
        ({"type": "number", "multipleOf": 2}, "multipleOf"),
        ({"type": "number", "default": 2}, "default"),
        ({"$ref": "#"}, "$ref"),
        ({"anyOf": []}, "anyOf"),
        ({"type": "number", "minimum": "0"}, "minimum"),
        ({"type": "number", "minimum": True}, "minimum"),
        ({"type": "number", "maximum": float("inf")}, "maximum"),
        ({"type": "number", "maximum": 10**400}, "maximum"),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": 0}, "exclusiveMinimum"),
        ({"type": "number", "minimum": 1, "exclusiveMaximum": 1}, "minimum"),
        ({"type": "boolean", "minimum": 0}, "minimum"),
        ({"enum": []}, "enum"),
        ({"enum": [None]}, "enum"),
        ({"enum": [1, 2]}, "enum"),
        ({"enum": [["x"]]}, "enum"),
        ({"enum": ["a", "a"]}, "enum"),
        ({"enum": ["a"], "minimum": 1}, "minimum"),
        ({"enum": ["a", None], "type": "string"}, "type"),
        ({"enum": ["a"], "type": ["string", "null"]}, "type"),
        ({"type": "number", "x-personal": "yes"}, "x-personal"),
        ({"type": "number", "x-monotone": 2}, "x-monotone"),
        ({"type": "number", "x-monotone": True}, "x-monotone"),
        ({"type": "number", "title": 3}, "title"),
    ],
)
def test_what_is_outside_the_subset(spec: dict[str, Any], path: str) -> None:
    assert f"inputs.properties.a.{path}" in refused(with_feature(**spec))


@pytest.mark.parametrize("name", ["", "1a", "a b", "a" * 65, "a\n", "é"])
def test_names(name: str) -> None:
    assert refused({"type": "object", "additionalProperties": False, "properties": {name: NUMBER}})


def test_the_top_level() -> None:
    good = with_feature(type="number")
    assert refused({**good, "additionalProperties": True}) and refused({**good, "properties": {}})
    assert refused({**good, "required": ["b"]}) and refused({**good, "required": "a"})
    assert refused({**good, "patternProperties": {}}) and refused({**good, "type": "array"})
    assert refused({**good, "properties": {f"f{i}": NUMBER for i in range(2_001)}})
    assert InputSchema.parse({**good, "properties": {f"f{i}": NUMBER for i in range(2_000)}})


def test_text_of_the_sender_does_not_reach_the_generated_code() -> None:
    words = ['"""); import os; os._exit(1) #', "{variable}", "\\", "'", "\n"]
    raw = with_feature(enum=words, title=words[0], description=words[1])
    check = validator(InputSchema.parse(raw))
    assert all(check({"a": word}) == [] for word in words) and check({"a": "other"})


@pytest.mark.parametrize(
    "change, path, problem",
    [
        ({"pirat": 7.5}, "inputs.pirat", "must be at most 3, was 7.5"),
        ({"pirat": -1}, "inputs.pirat", "must be at least 0, was -1"),
        ({"pirat": "0.2"}, "inputs.pirat", "must be a number, was '0.2'"),
        ({"pirat": True}, "inputs.pirat", "must be a number, was true"),
        ({"pirat": None}, "inputs.pirat", "must be a number, was null"),
        ({"pirat": [1]}, "inputs.pirat", "must be a number, was a list"),
        ({"pirat": float("nan")}, "inputs.pirat", "must be a finite number"),
        ({"years": 10**400}, "inputs.years", "must be less than 100, was a number of more than 20 digits"),
        ({"chist": 1.5}, "inputs.chist", "must be a whole number, was 1.5"),
        ({"chist": True}, "inputs.chist", "must be a whole number, was true"),
        ({"phist": "maybe"}, "inputs.phist", "must be one of: no, yes"),
        ({"owner": 1}, "inputs.owner", "must be true or false, was 1"),
        ({"years": 0}, "inputs.years", "must be more than 0, was 0"),
        ({"years": "x"}, "inputs.years", "must be a number or null, was 'x'"),
        ({"colour": "red"}, "inputs.colour", "is not a known input"),
        ({"channel": "fax"}, "inputs.channel", "must be one of: web, shop, null"),
    ],
)
def test_wording(change: dict[str, Any], path: str, problem: str) -> None:
    assert said({**GOOD, **change}) == {path: problem}


def test_all_problems_of_a_row() -> None:
    assert said({"pirat": 9, "x": 1, "y": 2}) == {
        "inputs.pirat": "must be at most 3, was 9",
        "inputs.chist": "is required",
        "inputs.phist": "is required",
        "inputs.x": "is not a known input",
        "inputs.y": "is not a known input",
    }
    assert said({**GOOD, "years": 10**5_000}) == {
        "inputs": "holds a whole number that is too large to be read"
    }
    assert said([]) == {"inputs": "must be an object, was a list"}


def test_good_rows() -> None:
    for change in ({}, {"chist": 2.0}, {"years": None}, {"channel": None}, {"years": 0.1}):
        row = {**GOOD, **change}
        before = json.dumps(row)
        assert said(row) == {} and json.dumps(row) == before


def test_numbers_that_no_model_can_hold() -> None:
    check = validator(InputSchema.parse(with_feature(type="integer")))
    assert (
        check({"a": 2**53}) == []
        and check({"a": 2**53 + 1})
        and check({"a": 10**400})
        and check({"a": 1e999})
    )


def test_agrees_with_the_full_library_on_random_rows() -> None:
    draw = random.Random(5)
    values: list[Any] = [None, True, 0, 1, 2.0, 2.5, 4, -1, 99.9, 100, "no", "yes", "web", "", [], {}]
    check, full = validator(InputSchema.parse(SCHEMA)), Draft7Validator(SCHEMA)
    for _ in range(3_000):
        row = {
            **GOOD,
            **{name: draw.choice(values) for name in draw.sample([*SCHEMA["properties"], "other"], 2)},
        }
        assert (check(row) == []) == full.is_valid(row), row


def test_the_good_path_is_fast(schema: InputSchema) -> None:
    check = validator(schema)
    row: dict[str, Any] = {f.name: f.categories[0] if f.categories else 1 for f in schema.features}
    row["unemp"] = 4.5
    started = time.process_time()
    for _ in range(1_000):
        assert not check(row)
    assert time.process_time() - started < 0.2
