"""In which state a point of the dossier is, and why: never one score, and nothing filled by prose. Pure.

A point that the registry fills by itself is `auto`. What a person must say is a `statement` while the evidence is as it
was when they signed, and `stale` once it is not. `evidence` is material that nobody has judged, and `missing` is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from registry.dossier.evidence import Fact, Value

AUTO_WRITTEN = "auto"


class PointState(StrEnum):
    """What can be said of a point."""

    AUTO = "auto"
    STATEMENT = "statement"
    EVIDENCE = "evidence"
    STALE = "stale"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"

    @property
    def label(self) -> str:
        """The state in words."""
        return _LABELS[self]


_LABELS = {
    PointState.AUTO: "filled automatically",
    PointState.STATEMENT: "signed statement",
    PointState.EVIDENCE: "evidence, no statement",
    PointState.STALE: "stale",
    PointState.MISSING: "missing",
    PointState.NOT_APPLICABLE: "not applicable",
}


@dataclass(frozen=True)
class Words:
    """A sentence that can be translated: a msgid with named places, and what fills them."""

    words: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.words % self.values


@dataclass(frozen=True)
class Shift:
    """One fact that changed after somebody signed; None before where it is new, None after where it is gone."""

    before: str | None
    after: str | None


@dataclass(frozen=True)
class Standing:
    """A point's state, why it is so, and what changed since it was signed."""

    state: PointState
    why: Words
    shifts: tuple[Shift, ...] = ()


class Asked(Protocol):
    """What a state needs to know of a requirement."""

    @property
    def written_by(self) -> str: ...
    @property
    def needs(self) -> list[str]: ...


class Bound(Protocol):
    """What it needs to know of whether the requirement binds."""

    @property
    def applies(self) -> bool: ...
    @property
    def reason(self) -> str: ...


class Signed(Protocol):
    """What it needs to know of the statement that stands."""

    @property
    def kind(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def signed_at(self) -> datetime: ...
    @property
    def evidence(self) -> list[dict[str, Any]]: ...


def standing_of(
    requirement: Asked,
    bound: Bound,
    facts: Sequence[Fact],
    statement: Signed | None,
    *,
    titles: Mapping[str, str],
    classified_by: str,
    has_law_changed: bool = False,
) -> Standing:
    """The point's state: from what the law asks, what there is, and the statement that stands.

    `titles` are the names of the keys, for saying which are missing; `classified_by` is who said what binds;
    `has_law_changed` says that the point asked for something else when the statement was signed.
    """
    if not bound.applies:
        words = "%(reason)s Classified by %(by)s."
        return Standing(PointState.NOT_APPLICABLE, Words(words, {"reason": bound.reason, "by": classified_by}))
    if statement is not None and statement.kind == "not_applicable":
        said = {**_signature(statement), "reason": statement.reason}
        return Standing(PointState.NOT_APPLICABLE, Words("%(author)s said so on %(day)s: %(reason)s", said))
    is_auto = requirement.written_by == AUTO_WRITTEN
    lacking = unfilled(requirement, facts) if is_auto else []
    if is_auto and not lacking and (statement is None or statement.kind != "override"):
        return Standing(PointState.AUTO, Words("Filled from live evidence; each sentence leads to it."))
    if statement is not None:
        return _signed(statement, facts, has_law_changed)
    if is_auto:
        return _partly(lacking, facts, titles)
    if facts:
        words = "There is evidence, and nobody has signed a statement on it yet."
        return Standing(PointState.EVIDENCE, Words(words))
    return Standing(PointState.MISSING, Words("There is neither evidence nor a statement."))


def unfilled(requirement: Asked, facts: Iterable[Fact]) -> list[str]:
    """The keys without which the registry cannot fill the point, and that nothing fills."""
    filled = {fact.key for fact in facts}
    return [key for key in requirement.needs if key not in filled]


def snapshot_of(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """The facts as a signature keeps them."""
    return [
        {"name": fact.name, "key": fact.key, "sentence": fact.sentence, "url": fact.url, "digest": fact.digest}
        for fact in facts
    ]


def shifts_between(signed: Iterable[Mapping[str, Any]], facts: Iterable[Fact]) -> tuple[Shift, ...]:
    """What changed between the facts of a signature and those of today, in the order of the first."""
    then = {fact["name"]: fact for fact in signed}
    today = {fact.name: fact for fact in facts}
    changed = [
        Shift(then[name]["sentence"], today[name].sentence if name in today else None)
        for name in then
        if name not in today or today[name].digest != then[name]["digest"]
    ]
    return (*changed, *(Shift(None, fact.sentence) for name, fact in today.items() if name not in then))


def _signed(statement: Signed, facts: Sequence[Fact], has_law_changed: bool) -> Standing:
    shifts = shifts_between(statement.evidence, facts)
    said = _signature(statement)
    if has_law_changed:
        words = "The law asks for something else since %(author)s signed on %(day)s."
        return Standing(PointState.STALE, Words(words, said), shifts)
    if shifts:
        words = "The evidence changed after %(author)s signed on %(day)s."
        return Standing(PointState.STALE, Words(words, said), shifts)
    words = "Signed by %(author)s on %(day)s; the evidence is as it was then."
    return Standing(PointState.STATEMENT, Words(words, said))


def _partly(lacking: Sequence[str], facts: Sequence[Fact], titles: Mapping[str, str]) -> Standing:
    named = ", ".join(titles.get(key, key) for key in lacking)
    if facts:
        return Standing(PointState.EVIDENCE, Words("Filled in part. Nothing on: %(lacking)s.", {"lacking": named}))
    return Standing(PointState.MISSING, Words("Nothing on: %(lacking)s.", {"lacking": named}))


def _signature(statement: Signed) -> dict[str, Value]:
    author = statement.author.partition(":")[2] or statement.author
    return {"author": author, "day": f"{statement.signed_at:%-d %B %Y}"}
