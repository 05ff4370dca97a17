"""Maxima: set by the officer, never below six months, and what they take away."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

import explain.services as explaining
from audit.erasure import services as erasing
from audit.erasure.queries import LEGAL_MONTHS
from audit.models import Entry, Retention
from audit.queries import check_entry, erased_on, facts_of, inputs_of
from audit.retention import policies, queries, services
from audit.verifying.services import check_trail
from explain.models import Explanation
from portal.errors import Conflict, Forbidden, Invalid
from portal.times import months_before
from tests import factories
from tests.explain.conftest import REPORT, ask, claim

from .conftest import RETENTION, decided_in, keep, month_ago, officer

FIRST = uuid.UUID(int=0)


def expire(month: date, system: str = "mortgage", at_most: int = 100, after: uuid.UUID = FIRST) -> list[uuid.UUID]:
    facts = {"actor": RETENTION, "system": system, "month": month, "after": after, "now": timezone.now()}
    return services.expire_decisions(at_most=at_most, **facts)


def test_less_than_six_months_is_refused_with_the_article(db: None) -> None:
    factories.decided()
    for months in (5, 1, 0, -3):
        with pytest.raises(Invalid, match=r"at least six months \(AI Act Art\. 19\(1\) and 26\(6\)\)"):
            keep(months)
    with pytest.raises(Invalid, match="hundred years"):
        keep(1_201)
    with pytest.raises(Invalid, match="no decisions of nowhere"):
        keep(7, "nowhere")
    assert not Retention.objects.exists() and not Entry.objects.filter(type="retention.set").exists()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("insert into audit_retention values ('mortgage', 5, 'user:x', now())")


def test_a_maximum_is_recorded_and_can_be_taken_back(db: None) -> None:
    factories.decided()
    assert keep(6).months == 6
    assert keep(None).months is None and list(queries.rules()) == []
    acts = [facts_of(act)["details"] for act in Entry.objects.filter(type="retention.set").order_by("id")]
    assert acts == [{"months": 6, "before": None}, {"months": None, "before": 6}]
    facts = {"system": "mortgage", "months": 9, "reason": "r", "now": timezone.now()}
    with pytest.raises(Forbidden):
        services.set_retention(actor=factories.person("support").actor, **facts)


def test_the_least_is_the_same_everywhere() -> None:
    assert services.LEAST_MONTHS == LEGAL_MONTHS == 6


def test_nothing_expires_without_a_maximum_or_before_it(db: None) -> None:
    month = month_ago(9)
    entry = decided_in(month)
    with pytest.raises(Conflict, match="still to be kept"):
        expire(month)
    keep(24)
    with pytest.raises(Conflict, match="still to be kept"):
        expire(month)
    keep(6)
    young = month_ago(6)
    decided_in(young)
    if not queries.has_passed(young, 6, timezone.now()):
        with pytest.raises(Conflict, match="still to be kept"):
            expire(young)
    assert inputs_of(entry.id) is not None


def test_personal_data_goes_in_batches_and_the_entries_stay(committed: str) -> None:
    month = month_ago(9)
    entries = [decided_in(month, day) for day in (1, 2, 3)]
    other = decided_in(month, system="loans", subject="x")
    keep(6)
    first = expire(month, at_most=2)
    assert first == [entry.id for entry in entries[:2]]
    assert expire(month, at_most=2, after=first[-1]) == [entries[2].id] and expire(month, after=entries[2].id) == []
    assert [inputs_of(entry.id) for entry in entries] == [None, None, None] and inputs_of(other.id) is not None
    assert all(erased_on(entry.id) and check_entry(entry).holds for entry in entries)
    assert check_trail(processes=1).contradictions == []
    acts = Entry.objects.filter(type="retention.expired").order_by("id")
    assert [facts_of(act)["details"]["decisions"] for act in acts] == [2, 1]


def test_holds_keep_a_system_or_one_person(db: None) -> None:
    month = month_ago(9)
    entry, held = decided_in(month), decided_in(month, subject="applicant-18")
    keep(6)
    facts = {"actor": officer(), "system": "mortgage", "reason": "A court.", "now": timezone.now()}
    erasing.place_hold(subject="applicant-18", **facts)
    assert expire(month) == [entry.id] and inputs_of(held.id) is not None
    decided_in(month, 11)
    erasing.place_hold(**facts)
    with pytest.raises(Conflict, match="legal hold is on the system"):
        expire(month)


def test_reports_go_with_the_month(db: None) -> None:
    month = month_ago(9)
    entry = decided_in(month)
    running = claim(ask(entry))
    explaining.finish_explanation(actor=RETENTION, explanation=running, report=REPORT, now=timezone.now())
    keep(6)
    expire(month)
    assert Explanation.objects.get().sealed_report is None


def test_the_daily_work_does_what_is_due_once(committed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, older, fresh = decided_in(month_ago(9)), decided_in(month_ago(12)), factories.decided()
    said: list[str] = []
    policies.keep_to_policies(actor=RETENTION, now=timezone.now, say=said.append)
    assert said == [] and inputs_of(old.id) is not None
    keep(8)
    monkeypatch.setattr(policies, "is_due", lambda month, now: False)
    policies.keep_to_policies(actor=RETENTION, now=timezone.now, say=said.append)
    assert len(said) == 2 and "1 decisions can no longer be read" in said[0]
    assert [inputs_of(entry.id) is None for entry in (old, older, fresh)] == [True, True, False]
    done = Retention.objects.get().emptied_through
    assert done and month_ago(9) <= done
    policies.keep_to_policies(actor=RETENTION, now=timezone.now, say=said.append)
    assert len(said) == 2


def test_who_is_under_a_hold_is_looked_at_again_when_it_is_lifted(committed: str) -> None:
    month = month_ago(9)
    decided_in(month)
    keep(6)
    held = erasing.place_hold(
        actor=officer(), system="mortgage", subject="applicant-17", reason="A court.", now=timezone.now()
    )
    work: dict[str, Any] = {"actor": RETENTION, "system": "mortgage", "now": timezone.now, "say": lambda line: None}
    assert policies.expire_month(month=month, **work) and Retention.objects.get().emptied_through is None
    with connection.cursor() as cursor:
        cursor.execute("update audit_hold set lifted_by = 'user:other', lifted_at = now() where id = %s", [held.id])
    assert policies.expire_month(month=month, **work)
    assert Retention.objects.get().emptied_through == month and Entry.objects.filter(type="retention.expired").exists()


def test_months_are_calendar_months() -> None:
    now = timezone.now().replace(year=2026, month=8, day=31, hour=10)
    assert months_before(now, 6) == now.replace(month=2, day=28)
    assert months_before(now, 8) == now.replace(year=2025, month=12, day=31)
    assert months_before(now, 0) == now and months_before(now, 12) == now.replace(year=2025)
    assert queries.has_passed(date(2026, 1, 1), 6, now) and not queries.has_passed(date(2026, 2, 1), 6, now)
    assert not queries.has_passed(date(2026, 2, 1), 6, now + timedelta(hours=1))
    assert queries.has_passed(date(2026, 2, 1), 6, now + timedelta(days=1))
    assert queries.next_month(date(2026, 12, 1)) == date(2027, 1, 1)
