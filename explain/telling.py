"""A report's principal reasons in compliance's words: beside the report's own lines, which stay as they are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from explain.methods.wording import MOST_REASONS, PROTECTED_MATTERS, SMALL, is_reason
from registry.scoring.manifest import Manifest

Contribution = Mapping[str, Any]


@dataclass(frozen=True)
class Wording:
    """How an input is told in one language: its title, and the sentence of a reason (with {value}), if there is one.

    `number` is its version, counted from 1; `by` and `at` say who set it, and when.
    """

    title: str
    sentence: str = ""
    number: int = 0
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Reason:
    """One line of the report, and compliance's sentence for it (empty where there is none) with its wording."""

    line: str
    sentence: str = ""
    wording: Wording | None = None


def principal(report: Mapping[str, Any] | None, spec: Manifest) -> tuple[list[Contribution], float]:
    """The contributions that may be given as reasons, the strongest first, and the whole that they are parts of."""
    pushing = [item for item in contributions_of(report) if is_reason(item["contribution"], spec.output)]
    total = sum(abs(item["contribution"]) for item in pushing)
    barred = protected_in(spec)
    told = [item for item in pushing if item["feature"] not in barred and abs(item["contribution"]) >= SMALL * total]
    return sorted(told, key=lambda item: -abs(item["contribution"]))[:MOST_REASONS], total


def reasons_told(
    report: Mapping[str, Any], spec: Manifest, wording: Mapping[str, Wording], tell: Callable[[Any, str], str]
) -> list[Reason]:
    """The report's reasons, each with compliance's sentence where there is one; `tell` writes a value with its unit."""
    items, lines = principal(report, spec)[0], report["reasons"]
    if len(items) != len(lines):
        # Made by an earlier method, which chose otherwise: no sentence may stand beside another input's line.
        return [Reason(line) for line in lines]
    pairs = zip(lines, items, strict=True)
    return [_told(line, item, spec, wording.get(item["feature"]), tell) for line, item in pairs]


def protected_used(report: Mapping[str, Any] | None, spec: Manifest | None) -> list[str]:
    """Protected inputs that the model used so much that it must be said."""
    barred = protected_in(spec) if spec else set()
    return [
        item["feature"]
        for item in contributions_of(report)
        if item["feature"] in barred and item.get("share", 0) >= PROTECTED_MATTERS
    ]


def titles_of(names: list[str], spec: Manifest) -> list[str]:
    """What the schema calls these inputs."""
    return [spec.inputs.by_name[name].title for name in names]


def contributions_of(report: Mapping[str, Any] | None) -> list[Contribution]:
    """What each input did; nothing where that part of the report is not there."""
    return list(((report or {}).get("shap") or {}).get("contributions") or [])


def protected_in(spec: Manifest) -> set[str]:
    """The names of the inputs that the schema protects."""
    return {each.name for each in spec.inputs.features if each.protected}


def _told(
    line: str, item: Contribution, spec: Manifest, wording: Wording | None, tell: Callable[[Any, str], str]
) -> Reason:
    if wording is None or not wording.sentence:
        return Reason(line)
    feature = spec.inputs.by_name.get(item["feature"])
    value = tell(item["value"], feature.unit if feature else "")
    return Reason(line, wording.sentence.replace("{value}", value), wording)
