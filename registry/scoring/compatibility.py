"""Whether one schema takes every row that another one allows: what a rollback needs of its target. Pure."""

from __future__ import annotations

import math

from .problems import show
from .schema import MAX_WHOLE, Feature, InputSchema

_NAMED = 5
_KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "category": "one of some words",
    "boolean": "true or false",
}


def problems_between(source: InputSchema, target: InputSchema) -> list[str]:
    """What `source` allows and `target` would refuse, in words that name the inputs; none when it takes every row.

    Both refuse unknown inputs, as every schema here does.
    """
    problems = []
    for name, feature in source.by_name.items():
        known = target.by_name.get(name)
        problems += [f"{name} would be refused as unknown"] if known is None else _problems_of(feature, known)
    for feature in target.features:
        if feature.required and feature.name not in source.by_name:
            problems.append(f"{feature.name} would be required and is not among the inputs")
    return problems


def _problems_of(source: Feature, target: Feature) -> list[str]:
    name, problems = source.name, []
    if target.required and not source.required:
        problems.append(f"{name} would be required and may be left out now")
    if source.nullable and not target.nullable:
        problems.append(f"{name}: null would be refused")
    if source.kind != target.kind and (source.kind, target.kind) != ("integer", "number"):
        problems.append(f"{name} is {_KINDS[source.kind]} and would have to be {_KINDS[target.kind]}")
    elif source.kind == "category":
        problems += _category_problems(source, target)
    elif source.kind != "boolean":
        problems += _range_problems(source, target)
    return problems


def _category_problems(source: Feature, target: Feature) -> list[str]:
    lost = [show(value) for value in source.categories if value not in target.categories]
    if not lost:
        return []
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return [f"{source.name}: {', '.join(lost[:_NAMED])}{more} would be refused"]


def _range_problems(source: Feature, target: Feature) -> list[str]:
    problems = []
    (low, low_open), (least, least_open) = _lower(source), _lower(target)
    (high, high_open), (most, most_open) = _upper(source), _upper(target)
    if low < least or (low == least and least_open and not low_open):
        values = f"of {least:.15g} or less" if least_open else f"below {least:.15g}"
        problems.append(f"{source.name}: values {values} would be refused")
    if high > most or (high == most and most_open and not high_open):
        values = f"of {most:.15g} or more" if most_open else f"above {most:.15g}"
        problems.append(f"{source.name}: values {values} would be refused")
    return problems


def _lower(feature: Feature) -> tuple[float, bool]:
    """The smallest value, and whether it is itself left out; for whole numbers the smallest whole number."""
    low = -math.inf if feature.minimum is None else feature.minimum
    if feature.kind != "integer":
        return low, feature.exclusive_minimum
    whole = math.ceil(max(low, -MAX_WHOLE))
    return float(whole + (feature.exclusive_minimum and whole == low)), False


def _upper(feature: Feature) -> tuple[float, bool]:
    """Likewise, the largest."""
    high = math.inf if feature.maximum is None else feature.maximum
    if feature.kind != "integer":
        return high, feature.exclusive_maximum
    whole = math.floor(min(high, MAX_WHOLE))
    return float(whole - (feature.exclusive_maximum and whole == high)), False
