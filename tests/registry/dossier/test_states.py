"""In which state a point is, and why; and when two readings of the evidence are the same."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from registry.dossier import evidence
from registry.dossier.evidence import Fact, Subject, contribute, facts_about
from registry.dossier.states import PointState, Shift, snapshot_of, standing_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BINDS = SimpleNamespace(applies=True, reason="You are the system's provider.")
EXEMPT = SimpleNamespace(applies=False, reason="The system is not high-risk.")
HUMAN = SimpleNamespace(written_by="ml_lead", needs=[])
AUTO = SimpleNamespace(written_by="auto", needs=["a.b", "c.d"])


def fact(key: str, word: str = "x", **more: Any) -> Fact:
    return Fact(key, "It says %(word)s, %(count)s times.", {"word": word, "count": 3}, NOW, "registry", **more)


def signed(*facts: Fact, kind: str = "statement", reason: str = "") -> Any:
    return SimpleNamespace(
        kind=kind, reason=reason, author="user:lena", signed_at=NOW, evidence=snapshot_of(facts), text="t"
    )


def state_of(asked: Any, facts: list[Fact], statement: Any = None, bound: Any = BINDS) -> Any:
    titles = {"a.b": "Runtime", "c.d": "Hardware"}
    return standing_of(asked, bound, facts, statement, titles=titles, classified_by="clara")


AB, CD, OTHER = fact("a.b"), fact("c.d"), fact("e.f")


@pytest.mark.parametrize(
    "asked, facts, statement, bound, state, why",
    [
        (HUMAN, [], None, BINDS, "missing", "neither evidence nor a statement"),
        (HUMAN, [AB], None, BINDS, "evidence", "nobody has signed"),
        (HUMAN, [AB], signed(AB), BINDS, "statement", "Signed by lena on 27 November 2026"),
        (HUMAN, [], signed(), BINDS, "statement", "Signed by lena"),
        (HUMAN, [fact("a.b", "y")], signed(AB), BINDS, "stale", "changed after lena signed"),
        (HUMAN, [], signed(AB), BINDS, "stale", "changed after lena signed"),
        (HUMAN, [AB, CD], signed(AB), BINDS, "stale", "changed after lena signed"),
        (HUMAN, [AB], signed(kind="not_applicable", reason="No."), BINDS, "not_applicable", "lena said so on .*: No."),
        (HUMAN, [AB], signed(AB), EXEMPT, "not_applicable", "not high-risk. Classified by clara."),
        (AUTO, [AB, CD], None, BINDS, "auto", "live evidence"),
        (AUTO, [AB, CD], signed(AB, CD), BINDS, "auto", "live evidence"),
        (AUTO, [AB, CD], signed(AB, CD, kind="override", reason="r"), BINDS, "statement", "Signed by lena"),
        (AUTO, [AB, CD], signed(AB, kind="override", reason="r"), BINDS, "stale", "changed"),
        (AUTO, [AB], None, BINDS, "evidence", "Nothing on: Hardware."),
        (AUTO, [OTHER], None, BINDS, "evidence", "Nothing on: Runtime, Hardware."),
        (AUTO, [], None, BINDS, "missing", "Nothing on: Runtime, Hardware."),
        (AUTO, [AB], signed(AB), BINDS, "statement", "Signed by lena"),
    ],
)
def test_each_state_has_its_cause(asked: Any, facts: Any, statement: Any, bound: Any, state: str, why: str):
    import re

    found = state_of(asked, facts, statement, bound)
    assert found.state == state and re.search(why, str(found.why)), str(found.why)
    assert bool(found.shifts) == (state == PointState.STALE)


def test_what_changed_since_it_was_signed_is_named():
    gone, before, same = fact("a.b", about="1"), fact("a.b", about="2"), fact("c.d")
    after, new = fact("a.b", "y", about="2"), fact("e.f")
    found = state_of(HUMAN, [after, same, new], signed(gone, before, same))
    assert found.shifts == (
        Shift(gone.sentence, None),
        Shift(before.sentence, after.sentence),
        Shift(None, new.sentence),
    )


def test_a_digest_is_of_what_lasts():
    once, again = fact("a.b"), fact("a.b")
    assert once.digest == again.digest
    more = Fact("a.b", once.words, {"word": "x", "count": 4}, NOW, "registry")
    assert more.digest != once.digest
    counted = [Fact("a.b", once.words, {"word": "x", "count": n}, NOW, "registry", volatile=("count",)) for n in (3, 4)]
    assert counted[0].digest == counted[1].digest
    # Other words for the same facts, and another place to look them up, make nothing stale.
    assert Fact("a.b", "%(word)s %(count)s", once.values, NOW, "audit", url="/x/").digest == once.digest
    assert fact("a.b", about="1").digest != once.digest


def test_a_contributor_fills_its_own_keys_once(monkeypatch: Any):
    monkeypatch.setattr(evidence, "_contributors", {})
    said: list[Fact] = [fact("a.b"), fact("a.b", about="1"), fact("c")]
    asked = []

    def speak(subject: Subject) -> list[Fact]:
        asked.append(subject)
        return said

    contribute("a", speak)
    contribute("c", speak)
    subject = Subject(None, None, NOW)  # type: ignore[arg-type]
    assert {key: len(facts) for key, facts in facts_about(subject).items()} == {"a.b": 2, "c": 1}
    assert asked == [subject]
    for wrong, words in ((fact("ab.c"), "may not fill ab.c"), (fact("a.b"), "gives a.b twice")):
        said.append(wrong)
        with pytest.raises(ValueError, match=words):
            facts_about(subject)
        said.pop()
