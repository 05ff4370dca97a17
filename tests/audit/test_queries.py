"""Who sees which decisions, by which filters, in which pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from audit import queries
from audit.identifiers import new_id, time_of
from audit.queries import DecisionFilter, check_entry, facts_of, page_of
from audit.records import Mode, Status
from portal.errors import Hidden
from tests import factories


def found(actor, **wanted) -> list:
    return [entry.id for entry in queries.filtered(queries.decisions_visible_to(actor), DecisionFilter(**wanted))]


def test_every_filter_narrows(auditor) -> None:
    actor = auditor.actor
    first = factories.decided(1, subject="Zoë", request_id="r-1")
    shadow = factories.decided(2, mode=Mode.SHADOW, request_id="r-2")
    no = factories.refused(request_id="r-3")
    other = factories.decided(1, system="loans", subject="Zoë", output={"label": "grant", "score": 0.1})
    everything = {first.id, shadow.id, no.id, other.id}
    assert set(found(actor)) == everything
    assert set(found(actor, system="mortgage")) == everything - {other.id}
    assert found(actor, version=2) == [shadow.id]
    assert found(actor, label="grant") == [other.id]
    assert found(actor, status=Status.REFUSED) == [no.id]
    assert found(actor, mode=Mode.SHADOW) == [shadow.id]
    assert found(actor, request_id="r-1") == [first.id]
    assert set(found(actor, subject=" Zoe\u0308 ")) == {first.id, other.id}
    assert found(actor, subject="Zoë", system="loans") == [other.id]
    assert found(actor, subject="Zoe") == []
    assert found(actor, version=2, label="grant") == []


def test_times_bound_from_and_up_to(auditor) -> None:
    entry = factories.decided()
    at, tick = time_of(entry.id), timedelta(milliseconds=1)
    assert found(auditor.actor, since=at) == [entry.id]
    assert found(auditor.actor, since=at + tick) == []
    assert found(auditor.actor, until=at) == []
    assert found(auditor.actor, until=at + tick) == [entry.id]


def test_pages_lead_through_everything_once_both_ways(auditor) -> None:
    for _ in range(7):
        factories.decided()
    visible = queries.decisions_visible_to(auditor.actor)
    everything = list(visible.order_by("-id").values_list("id", flat=True))
    older = page_of(visible, size=3)
    seen, last = [entry.id for entry in older.entries], older
    assert older.newer is None
    while last.older:
        last = page_of(visible, before=last.older, size=3)
        seen += [entry.id for entry in last.entries]
    assert seen == everything and len(seen) == 7
    back = page_of(visible, after=last.newer, size=3)
    assert [entry.id for entry in back.entries] == everything[3:6]
    assert back.newer == everything[3]
    assert page_of(visible, after=new_id(), size=3).entries == []


def test_who_has_no_sight_sees_nothing(outsider, lead, support, auditor) -> None:
    entry = factories.decided()
    factories.released(1)
    assert found(outsider.actor) == [] and found(lead.actor) == [entry.id]
    with pytest.raises(Hidden):
        queries.decision_for(outsider.actor, entry.id)
    with pytest.raises(Hidden):
        queries.decision_for(lead.actor, new_id())
    assert queries.acts_visible_to(auditor.actor).exists()
    assert not queries.acts_visible_to(support.actor).exists()


def test_acts_are_no_decisions(auditor) -> None:
    factories.released(1)
    assert found(auditor.actor) == []
    assert {act.type for act in queries.acts_visible_to(auditor.actor)} >= {"version.approved", "release.created"}
    act = queries.acts_visible_to(auditor.actor).filter(type="version.approved").get()
    assert queries.text_of(act.id) == "The gates hold." and not act.is_decision
    with pytest.raises(Hidden):
        queries.decision_for(auditor.actor, act.id)


def test_an_entry_speaks_for_itself(auditor) -> None:
    entry = factories.decided()
    assert facts_of(entry)["system"] == "mortgage" and check_entry(entry).holds
    assert entry.is_decision and entry.at == time_of(entry.id)
    assert entry.score == pytest.approx(queries.output_of(entry.id)["score"], abs=1e-6)
    entry.leaf_hash = b"\x00" * 32
    assert not check_entry(entry).holds
    no = factories.refused()
    assert queries.body_of(no.id) == '{"inputs": NaN}' and queries.inputs_of(no.id) is None and no.score is None


def test_counts_are_by_status(auditor, outsider) -> None:
    entry = factories.decided()
    factories.decided()
    factories.refused()
    counts = queries.decisions_since(auditor.actor, time_of(entry.id))
    assert {status: (count.number, count.is_exact) for status, count in counts.items()} == {
        "answered": (2, True),
        "refused": (1, True),
        "failed": (0, True),
    }
    assert all(count.number == 0 for count in queries.decisions_since(outsider.actor, time_of(entry.id)).values())


def test_many_are_estimated_and_never_counted_through(auditor, monkeypatch) -> None:
    for _ in range(30):
        factories.decided()
    visible = queries.decisions_visible_to(auditor.actor)
    assert queries.about(visible) == queries.About(30, True)
    monkeypatch.setattr(queries, "COUNTED_UP_TO", 10)
    with connection.cursor() as cursor:
        cursor.execute("set local statement_timeout = 0")
    assert not queries.about(visible).is_exact


def test_a_value_that_is_not_personal_is_found_in_clear(auditor) -> None:
    entry = factories.decided(features={"unemp": "10.6"})
    factories.decided(features={"unemp": "3.1"})
    assert found(auditor.actor, features={"unemp": "10.6"}) == [entry.id]
    assert found(auditor.actor, features={"unemp": "10"}) == []


def test_what_takes_too_long_is_refused_and_nothing_else_breaks(db) -> None:
    with pytest.raises(queries.TooMuch), queries.bounded(0.05), connection.cursor() as cursor:
        cursor.execute("select pg_sleep(2)")
    factories.decided()


def test_the_systems_seen_are_found_without_reading_the_decisions(db) -> None:
    assert queries.systems_seen() == []
    for system in ("mortgage", "loans", "mortgage"):
        factories.decided(system=system)
    assert queries.systems_seen() == ["loans", "mortgage"]
