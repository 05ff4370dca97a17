"""What two dossiers differ in, point by point: state, statement, facts before and after. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.dossier.differences import Words, words_between
from registry.dossier.evidence import sentence_of
from registry.dossier.states import PointState, Shift

Content = Mapping[str, Any]
LAW = "Law"


@dataclass(frozen=True)
class Head:
    """Something about the whole dossier that changed."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One point that changed; a state is None where the point is not in that dossier."""

    item: str
    ref: str
    title: str
    before: PointState | None
    after: PointState | None
    # The words of the statement, before and after; empty where it says the same.
    words: tuple[Words, ...]
    # In a sentence, who signed it anew or took it back; empty where nobody did.
    signed: str
    facts: tuple[Shift, ...]


@dataclass(frozen=True)
class Difference:
    """Everything that two dossiers differ in."""

    heads: list[Head]
    changes: list[Change]

    def __bool__(self) -> bool:
        return bool(self.heads or self.changes)

    @property
    def count(self) -> int:
        """How many things changed, each point as one."""
        return len(self.heads) + len(self.changes)


def difference(before: Content, after: Content) -> Difference:
    """What changed from one dossier to the other; moments and counts that always move are left out."""
    old = {item["id"]: item for item in before["items"]}
    new = {item["id"]: item for item in after["items"]}
    changes = [
        change
        for item in (*new, *(item for item in old if item not in new))
        if (change := _change(old.get(item), new.get(item)))
    ]
    heads = [Head(what, one, other) for what, one, other in _heads(before, after) if one != other]
    return Difference(heads, changes)


def _heads(before: Content, after: Content) -> Iterator[tuple[str, str, str]]:
    for what, part, name in (
        ("Version", "version", "number"),
        ("State of the version", "version", "state"),
        (LAW, "regulation", "version"),
        ("System", "system", "name"),
        ("Purpose", "system", "purpose"),
        ("Owner", "system", "owner"),
        ("Risk class", "system", "risk_class_words"),
    ):
        yield what, _said(before, part, name), _said(after, part, name)


def _said(content: Content, part: str, name: str) -> str:
    return str((content[part] or {}).get(name) or "none")


def _change(old: Content | None, new: Content | None) -> Change | None:
    """How the point changed; None where it says the same."""
    shown = new or old or {}
    before, after = (PointState(item["state"]) if item else None for item in (old, new))
    # What does not bind, and did not, is no change whatever the records say of it.
    is_bound = {before, after} != {PointState.NOT_APPLICABLE}
    facts = tuple(_shifts(_facts(old), _facts(new))) if is_bound else ()
    words, signed = _statements(old and old["statement"], new and new["statement"])
    if before == after and not (facts or words or signed):
        return None
    return Change(shown["id"], shown["ref"], shown["title"], before, after, words, signed, facts)


def _facts(item: Content | None) -> dict[str, Content]:
    return {fact["name"]: fact for fact in item["facts"]} if item else {}


def _shifts(old: Mapping[str, Content], new: Mapping[str, Content]) -> Iterator[Shift]:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None or before["digest"] != after["digest"]:
            yield Shift(_sentence(before), _sentence(after))


def _sentence(fact: Content | None) -> str | None:
    return sentence_of(fact["words"], fact["values"]) if fact else None


def _statements(old: Content | None, new: Content | None) -> tuple[tuple[Words, ...], str]:
    if old == new:
        return (), ""
    one, other = (_text(statement) for statement in (old, new))
    words = tuple(words_between(one, other)) if one != other else ()
    signed = f"Signed by {new['author']}, {new['signed_at'][:10]}." if new else "Taken back."
    return words, signed


def _text(statement: Content | None) -> str:
    return "\n\n".join(filter(None, (statement["text"], statement["reason"]))) if statement else ""
