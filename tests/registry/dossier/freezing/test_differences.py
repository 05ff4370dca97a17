"""What two dossiers differ in: each kind of change once, and nothing that only moves."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from registry.dossier.freezing.differences import difference
from registry.dossier.states import Shift

FACT = {"name": "a.b", "words": "%(n)s gates", "values": {"n": 3}, "digest": "1"}
SIGNED = {"text": "It is so.", "reason": "", "author": "lena", "signed_at": "2026-11-27T10:00:00Z", "revision": 1}
POINT = {"id": "art-9", "ref": "Art 9", "title": "Risks", "state": "statement", "statement": SIGNED, "facts": [FACT]}
DOSSIER: dict[str, Any] = {
    "made_at": "2026-11-27T10:00:00Z",
    "version": {"number": 1, "state": "live"},
    "regulation": {"version": "2026"},
    "system": {"name": "Mortgage", "purpose": "p", "owner": "o", "risk_class_words": "High risk"},
    "items": [POINT, {**POINT, "id": "art-10", "state": "missing", "statement": None, "facts": []}],
}


def changed(**of_point: Any) -> dict[str, Any]:
    after = deepcopy(DOSSIER)
    after["items"][0].update(of_point)
    return after


def test_what_only_moves_is_no_change() -> None:
    after = changed(facts=[{**FACT, "values": {"n": 4}}])  # volatile: another value under the same digest
    after["made_at"] = "2027-01-01T00:00:00Z"
    assert not difference(DOSSIER, after)
    idle = changed(state="not_applicable")
    assert not difference(idle, {**idle, "items": [{**idle["items"][0], "facts": []}, idle["items"][1]]})


@pytest.mark.parametrize(
    "facts, shift",
    [
        ([{**FACT, "values": {"n": 5}, "digest": "2"}], Shift("3 gates", "5 gates")),
        ([], Shift("3 gates", None)),
        ([FACT, {**FACT, "name": "a.c"}], Shift(None, "3 gates")),
    ],
)
def test_facts_are_told_before_and_after(facts: Any, shift: Shift) -> None:
    (change,) = difference(DOSSIER, changed(facts=facts, state="stale")).changes
    assert change.facts == (shift,) and (change.before, change.after, change.signed) == ("statement", "stale", "")


def test_statements_are_told_word_by_word() -> None:
    text = changed(statement={**SIGNED, "text": "It is not so.", "revision": 2, "author": "clara"})
    (change,) = difference(DOSSIER, text).changes
    assert [(word.kind, word.text) for word in change.words] == [("same", "It is "), ("new", "not "), ("same", "so.")]
    assert change.signed == "Signed by clara, 2026-11-27."
    (again,) = difference(DOSSIER, changed(statement={**SIGNED, "revision": 2})).changes
    assert again.words == () and again.signed  # the same words, signed anew
    (gone,) = difference(DOSSIER, changed(statement=None, state="evidence")).changes
    assert gone.signed == "Taken back."


def test_points_and_the_whole_come_and_go() -> None:
    after = {**DOSSIER, "items": DOSSIER["items"][:1], "version": None, "regulation": {"version": "2027"}}
    found = difference(DOSSIER, after)
    assert [(change.item, change.before, change.after) for change in found.changes] == [("art-10", "missing", None)]
    assert {(head.what, head.before, head.after) for head in found.heads} == {
        ("Version", "1", "none"),
        ("State of the version", "live", "none"),
        ("Law", "2026", "2027"),
    }
    assert difference(after, DOSSIER).changes[0].before is None
