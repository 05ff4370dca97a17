"""What differs between two versions' manifests and input schemas, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from registry.scoring.manifest import Manifest
from registry.scoring.schema import Feature


class Difference(NamedTuple):
    """One thing that differs: what it is, and how it is in the first and in the second version."""

    what: str
    first: str
    second: str


ABSENT = "–"
# The inputs have a table of their own, and metrics stand among the measured ones.
_APART = ("inputs", "metrics")


def manifest_differences(first: Manifest, second: Manifest) -> list[Difference]:
    """The keys of the manifests that differ, inputs and metrics left out."""
    one, other = dict(_flat(first.raw)), dict(_flat(second.raw))
    return [
        Difference(key, one.get(key, ABSENT), other.get(key, ABSENT))
        for key in dict.fromkeys([*one, *other])
        if one.get(key) != other.get(key)
    ]


def schema_differences(first: Manifest, second: Manifest) -> list[Difference]:
    """The inputs that differ: added, gone, or allowed to hold something else."""
    one, other = first.inputs.by_name, second.inputs.by_name
    return [
        Difference(name, _said(one.get(name)), _said(other.get(name)))
        for name in dict.fromkeys([*one, *other])
        if _said(one.get(name)) != _said(other.get(name))
    ]


def may_hold(feature: Feature) -> str:
    """What an input may hold, in words: "number, 0 to 3", "no, yes", "integer, or missing"."""
    words = ", ".join(feature.categories) if feature.categories else f"{feature.kind}{_range(feature)}"
    unit = f" {feature.unit}" if feature.unit else ""
    return f"{words}{unit}{', or missing' if feature.may_be_missing else ''}"


def _range(feature: Feature) -> str:
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    if low is not None:
        return f", {low:g} or more"
    return f", at most {high:g}" if high is not None else ""


def _said(feature: Feature | None) -> str:
    if feature is None:
        return ABSENT
    marks = {
        "personal": feature.personal,
        "protected": feature.protected,
        "can be changed by the person": feature.actionable,
    }
    return "; ".join([may_hold(feature), *(mark for mark, holds in marks.items() if holds)])


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        where = f"{path}.{key}" if path else key
        if where in _APART:
            continue
        if isinstance(item, Mapping):
            yield from _flat(item, where)
        else:
            yield where, ", ".join(map(str, item)) if isinstance(item, list) else str(item)
