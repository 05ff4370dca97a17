"""A state of the law as a file of data: what such a file must hold, and what two of them differ in. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from portal.errors import Invalid, Problem
from registry.dossier.differences import Words, words_between

MAX_BYTES = 4 * 1024 * 1024

_TEXT = {"type": "string", "minLength": 1, "maxLength": 4_000}
_SHORT = {"type": "string", "minLength": 1, "maxLength": 160}
_DAY = {"type": "string", "format": "date"}
_MAYBE_DAY = {"type": ["string", "null"], "format": "date"}
_KEY = {"type": "string", "pattern": r"^[a-z_]+(\.[a-z_]+)+$"}
_ID = {"type": "string", "pattern": r"^(annex|art)-[a-z0-9]+(\.[a-z0-9]+)*$", "maxLength": 40}
_REQUIREMENT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("id", "ref", "title", "asks", "group", "article", "written_by", "applies_to", "condition"),
        *("applies_from", "mandatory", "evidence_from"),
    ],
    "properties": {
        "id": _ID,
        "ref": _SHORT,
        "title": _SHORT,
        "asks": _TEXT,
        "group": {"type": "string"},
        "article": {"type": "string", "minLength": 1, "maxLength": 40},
        "written_by": {"enum": ["auto", "ml_lead", "compliance"]},
        "applies_to": {"enum": ["provider", "deployer", "both"]},
        "condition": {"type": ["string", "null"], "minLength": 1},
        "applies_from": {
            "type": "object",
            "additionalProperties": False,
            "required": ["annex_iii", "annex_i", "others", "formal_from", "basis"],
            "properties": {
                "annex_iii": _MAYBE_DAY,
                "annex_i": _MAYBE_DAY,
                "others": _MAYBE_DAY,
                "formal_from": _MAYBE_DAY,
                "basis": {"enum": ["text", "reading", "unsettled"]},
            },
        },
        "mandatory": {"type": "boolean"},
        "evidence_from": {"type": "array", "items": _KEY, "minItems": 1, "uniqueItems": True},
        "needs": {"type": "array", "items": _KEY, "uniqueItems": True},
        "note": _TEXT,
        "deadline": {"type": "object", "required": ["max_days", "clock_starts"]},
    },
}
_LAW: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "title", "in_force_from", "sources", "groups", "evidence", "requirements"],
    "properties": {
        "version": _SHORT,
        "title": {"type": "string", "minLength": 1, "maxLength": 300},
        "in_force_from": _DAY,
        # When the sources were last read.
        "read_on": _DAY,
        "sources": {"type": "array", "items": _TEXT, "minItems": 1},
        "groups": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "short", "title", "ref"],
                "properties": dict.fromkeys(("id", "short", "title", "ref"), _SHORT),
            },
        },
        "evidence": {
            "type": "object",
            "propertyNames": _KEY,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["title", "document"],
                "properties": {"title": _SHORT, "document": {"type": "boolean"}},
            },
        },
        "requirements": {"type": "array", "items": _REQUIREMENT, "minItems": 1, "maxItems": 2_000},
    },
}
_VALIDATOR = Draft202012Validator(_LAW, format_checker=FormatChecker())
# What a reader of a diff wants to see, each with its name in words.
_COMPARED = {
    "ref": "Reference",
    "title": "Title",
    "asks": "What is asked",
    "condition": "Condition",
    "applies_to": "Binds",
    "written_by": "Written by",
    "applies_from": "Applies from",
    "mandatory": "Mandatory",
    "evidence_from": "Evidence",
    "needs": "Needed to fill it automatically",
    "note": "Note",
    "deadline": "Deadline",
}


@dataclass(frozen=True)
class Law:
    """A file of the law that holds together, and the SHA-256 of its bytes."""

    said: Mapping[str, Any]
    sha256: str

    @property
    def in_force_from(self) -> date:
        """The first day of this state of the law."""
        return date.fromisoformat(self.said["in_force_from"])


@dataclass(frozen=True)
class Change:
    """One field of a requirement that differs."""

    title: str
    words: list[Words]


@dataclass(frozen=True)
class Difference:
    """What two states of the law differ in: items that are only in one, and items that changed, with what."""

    added: list[Any]
    removed: list[Any]
    changed: list[tuple[Any, list[Change]]]

    @property
    def is_empty(self) -> bool:
        """Whether they say the same."""
        return not (self.added or self.removed or self.changed)


def read_law(said: bytes) -> Law:
    """The law in the file; `Invalid` naming everything that is wrong with it."""
    if len(said) > MAX_BYTES:
        raise Invalid(f"The file has {len(said):,} bytes; at most {MAX_BYTES:,} are read.", code="law_too_large")
    try:
        law = json.loads(said)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Invalid(f"The file is not JSON: {error}.", code="law_invalid") from None
    problems = [
        Problem(".".join(str(step) for step in error.absolute_path), error.message)
        for error in sorted(_VALIDATOR.iter_errors(law), key=lambda error: [str(step) for step in error.absolute_path])
    ] or list(_inner_problems(law))
    if problems:
        first = problems[0]
        message = f"The file does not hold a state of the law: {first.path or 'the whole'}: {first.problem}"
        raise Invalid(message, code="law_invalid", details=problems[:100])
    return Law(law, hashlib.sha256(said).hexdigest())


def difference(older: Iterable[Any], newer: Iterable[Any]) -> Difference:
    """What the requirements of two states of the law differ in, by item; rows of `Requirement` or alike."""
    before, after = ({row.item: row for row in rows} for rows in (older, newer))
    changed = [(after[item], changes_of(before[item], after[item])) for item in after if item in before]
    return Difference(
        added=[row for item, row in after.items() if item not in before],
        removed=[row for item, row in before.items() if item not in after],
        changed=[(row, changes) for row, changes in changed if changes],
    )


def changes_of(before: Any, after: Any) -> list[Change]:
    """The fields in which two states of one requirement differ."""
    pairs = [(title, _plain(getattr(before, name)), _plain(getattr(after, name))) for name, title in _COMPARED.items()]
    return [Change(title, words_between(one, other)) for title, one, other in pairs if one != other]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')}: {_plain(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _inner_problems(law: Mapping[str, Any]) -> Iterable[Problem]:
    """What no schema can say: that ids are given once, and that what is named is there."""
    groups, keys = {group["id"] for group in law["groups"]}, law["evidence"]
    seen: set[str] = set()
    for place, point in enumerate(law["requirements"]):
        path = f"requirements.{place}"
        if point["id"] in seen:
            yield Problem(f"{path}.id", f"{point['id']} is given twice")
        seen.add(point["id"])
        if point["group"] not in groups:
            yield Problem(f"{path}.group", f"{point['group']} is none of the groups")
        for key in point["evidence_from"]:
            if key not in keys:
                yield Problem(f"{path}.evidence_from", f"{key} is not among the evidence")
        for key in point.get("needs", []):
            if key not in point["evidence_from"]:
                yield Problem(f"{path}.needs", f"{key} is not in evidence_from")
        if point["written_by"] == "auto" and not point.get("needs"):
            yield Problem(f"{path}.needs", "must name what the registry needs to fill it")
