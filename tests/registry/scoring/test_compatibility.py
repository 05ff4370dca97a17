"""Which rows a rollback's target would refuse, said from the schemas alone and tried with rows."""

from __future__ import annotations

import copy
import itertools
import random
from typing import Any

import pytest

from portal.demo.hmda import HMDA_INPUTS
from registry.scoring.compatibility import problems_between
from registry.scoring.schema import InputSchema, validator

SPECS: list[dict[str, Any]] = [
    *({"type": kind} for kind in ("number", "integer", "boolean", ["number", "null"], ["integer", "null"])),
    {"type": "number", "minimum": 0, "maximum": 3},
    {"type": "number", "minimum": 0, "exclusiveMaximum": 3},
    {"type": "number", "exclusiveMinimum": 0},
    {"type": "integer", "minimum": 0, "maximum": 3},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 4},
    {"type": "integer", "minimum": 0.5, "maximum": 2.5},
    {"type": ["number", "null"], "minimum": 1, "maximum": 2},
    {"enum": ["a", "b"]},
    {"enum": ["a", "b", "c"]},
    {"enum": ["b", "a", None]},
]
# Around every bound above; what lies between two of them is taken or refused like one of them.
VALUES = [None, True, -1e300, 1e300, -1, 0, 0.25, 0.5, 1, 1.5, 2, 2.5, 2.75, 3, 4, 5, 2**53, "a", "b", "c", "d"]


def schema(properties: dict[str, Any], required: list[str]) -> InputSchema:
    raw = {"type": "object", "additionalProperties": False, "properties": properties, "required": required}
    return InputSchema.parse(raw)


def hmda(**changes: dict[str, Any]) -> InputSchema:
    raw = copy.deepcopy(HMDA_INPUTS)
    for name, change in changes.items():
        raw["properties"][name] |= change
    return InputSchema.parse(raw)


@pytest.mark.parametrize("ours", SPECS)
@pytest.mark.parametrize("required", [(True, True), (False, True), (True, False)])
def test_no_problem_means_that_every_row_is_taken(ours: dict, required: tuple[bool, bool]) -> None:
    source = schema({"x": ours}, ["x"] * required[0])
    allowed = [row for row in [{"x": value} for value in VALUES] + [{}] if not validator(source)(row)]
    for theirs in SPECS:
        target = schema({"x": theirs}, ["x"] * required[1])
        refused = [row for row in allowed if validator(target)(row)]
        assert bool(problems_between(source, target)) == bool(refused), (theirs, refused)


def test_inputs_that_one_side_lacks() -> None:
    one, two = schema({"a": {"type": "number"}}, []), schema({"a": {"type": "number"}, "b": {"type": "number"}}, ["b"])
    assert problems_between(one, two) == ["b would be required and is not among the inputs"]
    assert problems_between(two, one) == ["b would be refused as unknown"]


def test_words_name_the_input_and_what_would_be_refused() -> None:
    wide, narrow = hmda(), hmda(pirat={"maximum": 2}, chist={"minimum": 2}, phist={"enum": ["no"]})
    assert problems_between(narrow, wide) == []
    assert problems_between(wide, narrow) == [
        "pirat: values above 2 would be refused",
        "chist: values below 2 would be refused",
        "phist: 'yes' would be refused",
    ]


def test_many_inputs_at_once_are_the_sum_of_each() -> None:
    chosen = random.Random(3)
    for _ in range(50):
        pairs = {f"f{index}": (chosen.choice(SPECS), chosen.choice(SPECS)) for index in range(6)}
        source = schema({name: ours for name, (ours, _) in pairs.items()}, list(pairs))
        target = schema({name: theirs for name, (_, theirs) in pairs.items()}, list(pairs))
        single = [problems_between(source.subset((name,)), target.subset((name,))) for name in pairs]
        assert problems_between(source, target) == list(itertools.chain(*single))
