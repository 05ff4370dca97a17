"""The inputs of a version: the linted subset of JSON Schema that we accept, and the check of one row."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import fastjsonschema
from jsonschema import Draft7Validator

from portal.errors import Problem

from .problems import NAME, ManifestInvalid, explain, join_path, show

Kind = Literal["number", "integer", "category", "boolean"]
RowValidator = Callable[[Mapping[str, Any]], list[Problem]]

MAX_FEATURES = 2_000
MAX_CATEGORIES = 1_000
MAX_TEXT = 200
# Above this a float64, which every model is fed, no longer holds each whole number.
MAX_WHOLE = 2**53

_TOP_KEYS = {"type", "properties", "required", "additionalProperties", "title", "description"}
_TOP_KEYS |= {"$schema", "$id", "$comment"}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_FLAGS = ("x-personal", "x-actionable", "x-protected")
_TEXTS = ("title", "description", "x-unit")
_FEATURE_KEYS = {"type", "enum", "x-monotone", *_BOUNDS, *_FLAGS, *_TEXTS}


@dataclass(frozen=True, slots=True)
class Feature:
    """One input: what it is called, what it may hold, and what may be done with it."""

    name: str
    title: str
    kind: Kind
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    required: bool = True
    nullable: bool = False
    personal: bool = True
    actionable: bool = False
    protected: bool = False
    monotone: int | None = None
    description: str = ""
    unit: str = ""

    @property
    def may_be_missing(self) -> bool:
        """True if a row may come without this input (absent, or null where the schema says so)."""
        return self.nullable or not self.required


@dataclass(frozen=True)
class InputSchema:
    """The ordered inputs of a version. The order is the order of the columns that a model is fed."""

    features: tuple[Feature, ...]
    raw: Mapping[str, Any]

    @classmethod
    def parse(cls, raw: object, path: str = "inputs") -> InputSchema:
        """Read a JSON Schema; raise ManifestInvalid with every problem found in it."""
        problems = list(_top_problems(raw, path))
        if problems:
            raise ManifestInvalid(problems)
        assert isinstance(raw, Mapping)
        required = set(raw.get("required", ()))
        features = []
        for name, spec in raw["properties"].items():
            found = list(_feature_problems(name, spec, f"{path}.properties.{name}"))
            problems.extend(found)
            if not found:
                features.append(_feature(name, spec, name in required))
        if problems:
            raise ManifestInvalid(problems)
        return cls(tuple(features), raw)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """The inputs by name."""
        return {feature.name: feature for feature in self.features}

    def subset(self, names: tuple[str, ...]) -> InputSchema:
        """Return the schema of only these inputs, in this order (what one artifact reads)."""
        if names == self.names:
            return self
        properties = self.raw["properties"]
        raw = {**self.raw, "properties": {name: properties[name] for name in names}}
        raw["required"] = [name for name in self.raw.get("required", ()) if name in names]
        return InputSchema(tuple(self.by_name[name] for name in names), raw)


def validator(schema: InputSchema) -> RowValidator:
    """Return the check of one row: no problems for a good row, else all of them, in words.

    A whole number may be written `1.0`, as JSON has one number type; `true` is not a number.
    NaN and numbers that a float64 cannot hold are refused here too: both libraries let NaN past
    `minimum` and `maximum`.
    """
    raw = _bare(schema)
    # The generated code contains only keywords and text that the lint above let through.
    fast = fastjsonschema.compile(raw, use_default=False)
    full = Draft7Validator(raw)
    numeric = tuple(f.name for f in schema.features if f.kind in ("number", "integer"))
    whole = frozenset(f.name for f in schema.features if f.kind == "integer")

    def problems_of(row: Mapping[str, Any]) -> list[Problem]:
        try:
            fast(row)
        except fastjsonschema.JsonSchemaException:
            if found := _broken(full, row):
                return found
        return list(_unholdable(row, numeric, whole))

    return problems_of


def _broken(full: Draft7Validator, row: Mapping[str, Any]) -> list[Problem]:
    try:
        found = [p for error in full.iter_errors(row) for p in explain(error, ["inputs"], "input")]
    except ValueError:
        # The library writes values into its messages; Python refuses that beyond 4,300 digits.
        return [Problem("inputs", "holds a whole number that is too large to be read")]
    return list(dict.fromkeys(found))


def _bare(schema: InputSchema) -> dict[str, Any]:
    """Only the keywords that decide: titles and the like must not reach the code generator."""
    kept = ("type", "enum", *_BOUNDS)
    properties = {
        name: {key: spec[key] for key in kept if key in spec}
        for name, spec in schema.raw["properties"].items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(schema.raw.get("required", ())),
    }


def _unholdable(row: Mapping[str, Any], numeric: tuple[str, ...], whole: frozenset[str]) -> Iterator[Problem]:
    for name in numeric:
        value = row.get(name)
        if value is None:
            continue
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            yield Problem(f"inputs.{name}", "must be a finite number")
        elif name in whole and abs(value) > MAX_WHOLE:
            yield Problem(f"inputs.{name}", f"must lie within ±{MAX_WHOLE}")


def _top_problems(raw: object, path: str) -> Iterator[Problem]:
    if not isinstance(raw, Mapping):
        yield Problem(path, f"must be an object, was {show(raw)}")
        return
    for key in raw:
        if key not in _TOP_KEYS and not str(key).startswith("x-"):
            yield Problem(f"{path}.{key}", "is not a supported keyword here")
    if raw.get("type") != "object":
        yield Problem(f"{path}.type", "must be object")
    if raw.get("additionalProperties") is not False:
        yield Problem(f"{path}.additionalProperties", "must be false, so that unknown inputs are refused")
    properties = raw.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        yield Problem(f"{path}.properties", "must name at least one input")
        return
    if len(properties) > MAX_FEATURES:
        yield Problem(f"{path}.properties", f"must name at most {MAX_FEATURES} inputs")
    required = raw.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield Problem(f"{path}.required", "must be a list of input names")
        return
    for name in required:
        if name not in properties:
            yield Problem(f"{path}.required", f"names {show(name)}, which is not among the properties")
    if len(set(required)) != len(required):
        yield Problem(f"{path}.required", "must not repeat an entry")


def _feature_problems(name: object, spec: object, path: str) -> Iterator[Problem]:
    if not isinstance(name, str) or not re.match(NAME, name):
        yield Problem(path, "has a name that is not 1 to 64 letters, digits, '_', '.' or '-'")
    if not isinstance(spec, Mapping):
        yield Problem(path, f"must be an object, was {show(spec)}")
        return
    for key in spec:
        if key not in _FEATURE_KEYS and not str(key).startswith("x-"):
            yield Problem(f"{path}.{key}", "is not a supported keyword here")
    yield from _annotation_problems(spec, path)
    if "enum" in spec:
        yield from _enum_problems(spec, path)
    else:
        yield from _type_problems(spec, path)


def _annotation_problems(spec: Mapping[str, Any], path: str) -> Iterator[Problem]:
    for key in _FLAGS:
        if not isinstance(spec.get(key, False), bool):
            yield Problem(f"{path}.{key}", "must be true or false")
    for key in _TEXTS:
        text = spec.get(key, "")
        if not isinstance(text, str) or len(text) > 5 * MAX_TEXT:
            yield Problem(f"{path}.{key}", f"must be text of at most {5 * MAX_TEXT} characters")
    # bool is an int in Python, and True == 1.
    if "x-monotone" in spec and (
        spec["x-monotone"] not in (-1, 0, 1) or isinstance(spec["x-monotone"], bool)
    ):
        yield Problem(f"{path}.x-monotone", "must be -1, 0 or 1")


def _enum_problems(spec: Mapping[str, Any], path: str) -> Iterator[Problem]:
    values = spec["enum"]
    if not isinstance(values, list) or not values:
        yield Problem(f"{path}.enum", "must be a list of at least one text")
        return
    texts = [value for value in values if value is not None]
    if not all(isinstance(value, str) and 1 <= len(value) <= MAX_TEXT for value in texts):
        yield Problem(
            f"{path}.enum",
            f"must list texts of 1 to {MAX_TEXT} characters (or null); "
            "for numbers use type integer or number",
        )
        return
    if len(values) > MAX_CATEGORIES or not texts:
        yield Problem(f"{path}.enum", f"must list 1 to {MAX_CATEGORIES} texts")
    if len(set(values)) != len(values):
        yield Problem(f"{path}.enum", "must not repeat an entry")
    nullable = None in values
    if _types(spec) not in (set(), {"string"}, {"string", "null"}) or (
        "type" in spec and ("null" in _types(spec)) != nullable
    ):
        yield Problem(f"{path}.type", "must be left out, or be string (with null exactly if enum has null)")
    for key in _BOUNDS:
        if key in spec:
            yield Problem(f"{path}.{key}", "does not go with enum")


def _type_problems(spec: Mapping[str, Any], path: str) -> Iterator[Problem]:
    types = _types(spec) - {"null"}
    if types not in ({"number"}, {"integer"}, {"boolean"}):
        yield Problem(
            f"{path}.type",
            "must be number, integer or boolean (each also with null), or the input must have an enum",
        )
        return
    bounds = {key: spec[key] for key in _BOUNDS if key in spec}
    for key, value in bounds.items():
        if types == {"boolean"}:
            yield Problem(f"{path}.{key}", "does not go with type boolean")
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value):
            yield Problem(f"{path}.{key}", f"must be a finite number, was {show(value)}")
            return
    for plain in ("Minimum", "Maximum"):
        if plain.lower() in bounds and f"exclusive{plain}" in bounds:
            yield Problem(f"{path}.exclusive{plain}", f"does not go with {plain.lower()}")
    low, high = _lower(bounds), _upper(bounds)
    open_ends = "exclusiveMinimum" in bounds or "exclusiveMaximum" in bounds
    if low is not None and high is not None and (low > high or (low == high and open_ends)):
        yield Problem(join_path([path, "minimum"]), "must not lie above the maximum")


def _types(spec: Mapping[str, Any]) -> set[str]:
    declared = spec.get("type", [])
    listed = [declared] if isinstance(declared, str) else declared
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return {"?"}
    return set(listed)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _lower(spec: Mapping[str, Any]) -> float | None:
    value = spec.get("minimum", spec.get("exclusiveMinimum"))
    return None if value is None else float(value)


def _upper(spec: Mapping[str, Any]) -> float | None:
    value = spec.get("maximum", spec.get("exclusiveMaximum"))
    return None if value is None else float(value)


def _kind(spec: Mapping[str, Any]) -> Kind:
    if "enum" in spec:
        return "category"
    types = _types(spec)
    return "number" if "number" in types else "integer" if "integer" in types else "boolean"


def _feature(name: str, spec: Mapping[str, Any], required: bool) -> Feature:
    # Silence errs on the side of the person: personal unless said otherwise, actionable only if said.
    return Feature(
        name=name,
        title=spec.get("title") or name,
        kind=_kind(spec),
        categories=tuple(value for value in spec.get("enum", ()) if value is not None),
        minimum=_lower(spec),
        maximum=_upper(spec),
        exclusive_minimum="exclusiveMinimum" in spec,
        exclusive_maximum="exclusiveMaximum" in spec,
        required=required,
        nullable=None in spec["enum"] if "enum" in spec else "null" in _types(spec),
        personal=spec.get("x-personal", True),
        actionable=spec.get("x-actionable", False),
        protected=spec.get("x-protected", False),
        monotone=spec.get("x-monotone"),
        description=spec.get("description", ""),
        unit=spec.get("x-unit", ""),
    )
