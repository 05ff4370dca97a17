"""Searches through what people sent: what matches, what is kept of the question, and what an erasure takes back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit.canonical import leaf_hash
from audit.exports import jobs, queries, searching, services, tasks
from audit.exports.searching import Sought
from audit.models import Entry, Job
from audit.queries import facts_of, text_of
from portal.accounts.models import User
from portal.errors import Forbidden, Invalid
from tests import exporting, factories

from .test_exports import erase, signed_in

PAGE = "/decisions/search/"


def with_inputs(**changes: Any) -> Entry:
    return factories.decided(inputs={**factories.DENIED, **changes})


def found(sought: Sought, **changes: Any) -> dict[str, Any]:
    """The result of the search, made by the real task."""
    job = exporting.search(sought=sought, **changes)
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job.result


@pytest.mark.parametrize(
    "sought,matches",
    [
        (Sought("name", "is", "anna müller"), ["Anna Müller"]),
        (Sought("name", "contains", "MÜLL"), ["Anna Müller", "Müllerin"]),
        (Sought("name", "is", " Anna Mu\u0308ller "), ["Anna Müller"]),
        (Sought("name", "is", "5"), [5, "5"]),
        (Sought("name", "is", "5.50"), [5.5]),
        (Sought("name", "is", "true"), [True]),
        (Sought("name", "contains", "5"), [5, "5", 5.5]),
        (Sought("name", "between", low=5, high=5.5), [5, 5.5]),
        (Sought("name", "between", low=-1, high=0), [0, -1]),
    ],
)
def test_what_matches(sought: Sought, matches: list[Any]) -> None:
    recorded = ["Anna Müller", "Müllerin", 5, "5", 5.5, True, 0, -1, None]
    matcher = sought.matcher()
    kinds = [(type(value), value) for value in recorded if matcher(value)]
    assert kinds == [(type(value), value) for value in matches]


@pytest.mark.parametrize(
    "sought,path",
    [
        (Sought(" ", "is", "a"), "input"),
        (Sought("a", "is", " "), "value"),
        (Sought("a", "like", "b"), "how"),
        (Sought("a", "between", low=1.0), "low"),
        (Sought("a", "between", low=float("nan"), high=1.0), "low"),
        (Sought("a", "between", low=2.0, high=1.0), "high"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(db, sought: Sought, path: str) -> None:
    factories.decided()
    with pytest.raises(Invalid) as refusal:
        exporting.search(sought=sought)
    assert [problem.path for problem in refusal.value.details] == [path] and not Job.objects.exists()


def test_hits_are_found_across_chunks(committed: str, monkeypatch) -> None:
    monkeypatch.setattr(queries, "CHUNK", 2)
    entries = [with_inputs(lvrat=value) for value in (0.9, 1.1, 1.2, 2.1, 1.9)]
    factories.refused()
    result = found(Sought("lvrat", "between", low=1.0, high=2.0))
    assert result["hits"] == [str(entries[place].id) for place in (1, 2, 4)]
    assert (result["looked"], result["named"], result["erased"], result["cut"]) == (5, 5, 0, False)


def test_an_unknown_name_is_told_from_a_value_that_nobody_has(committed: str) -> None:
    factories.decided()
    assert found(Sought("lvrat", "is", "77"))["named"] == 1
    assert found(Sought("ltv", "is", "77"))["named"] == 0
    page = signed_in("support").get(f"{PAGE}{Job.objects.order_by('-id').first().pk}/").content
    assert b"None of them has an input of this name" in page and b"Nothing matches" in page


def test_more_hits_than_are_kept_are_cut_and_said(committed: str, monkeypatch) -> None:
    monkeypatch.setattr(searching, "MOST_HITS", 2)
    entries = [factories.decided() for _ in range(3)]
    result = found(Sought("phist", "is", "yes"))
    assert (result["hits"], result["cut"]) == ([str(entry.id) for entry in entries[:2]], True)
    assert b"there are more" in signed_in("support").get(f"{PAGE}{Job.objects.get().pk}/").content


def test_entries_without_encryption_are_read_too(committed: str, owner) -> None:
    entry = factories.decided()
    facts = {**facts_of(entry), "v": 1}
    later = factories.decided(inputs={"lvrat": 1.5})
    content = bytes(32) + json.dumps({"subject": "a", "inputs": {"lvrat": 1.5}}).encode()
    # As a record of format 1 was stored: blinding and content, no key.
    for table in ("audit_entry", "audit_payload", "audit_key"):
        owner.execute(f"alter table {table} disable trigger all")
        for (partition,) in owner.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [table]
        ).fetchall():
            owner.execute(f"alter table {partition} disable trigger all")
    raw = json.dumps(facts).encode()
    columns = "update audit_entry set entry = %s, leaf_hash = %s where id = %s"
    owner.execute(columns, [raw, leaf_hash(raw), entry.id])
    owner.execute("update audit_payload set stored = %s where entry_id = %s and part = 1", [content, entry.id])
    owner.execute("update audit_key set kek = null, wrapped = null where entry_id = %s", [entry.id])
    assert found(Sought("lvrat", "is", "1.5"))["hits"] == [str(entry.id), str(later.id)]


def test_what_was_erased_is_skipped_and_counted(committed: str) -> None:
    kept, _ = factories.decided(subject="applicant-1"), factories.decided(subject="applicant-2")
    erase("applicant-2")
    result = found(Sought("phist", "is", "yes"))
    assert (result["hits"], result["looked"], result["erased"]) == ([str(kept.id)], 1, 1)


def test_the_question_is_kept_encrypted_and_only_until_the_end(committed: str) -> None:
    with_inputs(name="Anna Müller")
    job = exporting.search(sought=Sought("name", "is", "Anna Müller"))
    assert set(job.parameters["sought"]) == {"kek", "wrapped", "stored"}
    assert searching.unsealed(job).value == "Anna Müller"
    assert stored_of(job).count("Müller") == stored_of(job).count("M\\u00fcller") == 0
    tasks.run_job(str(job.pk))
    assert "sought" not in Job.objects.get().parameters and len(Job.objects.get().result["hits"]) == 1
    for way in ("cancel", "fail"):
        job = exporting.search(sought=Sought("name", "is", "Anna Müller"))
        if way == "cancel":
            services.cancel_job(actor=factories.person("support").actor, job=job, now=timezone.now())
        else:
            services.fail_job(job=exporting.claimed(job), error="e", now=timezone.now())
        assert "sought" not in Job.objects.get(pk=job.pk).parameters


def test_a_question_of_another_job_does_not_open(committed: str) -> None:
    factories.decided()
    first, second = exporting.search(), exporting.search()
    Job.objects.filter(pk=second.pk).update(parameters={**second.parameters, "sought": first.parameters["sought"]})
    tasks.run_job(str(second.pk))
    failed = Job.objects.get(pk=second.pk)
    assert failed.state == "failed" and "can no longer be opened" in failed.error


def test_a_record_that_was_changed_is_named(committed: str, owner) -> None:
    entry = factories.decided()
    for table in ("audit_payload", f"audit_payload_{entry.at:%Y_%m}"):
        owner.execute(f"alter table {table} disable trigger all")
    owner.execute("update audit_payload set stored = stored || 'x' where entry_id = %s and part = 1", [entry.id])
    job = exporting.search()
    tasks.run_job(str(job.pk))
    job.refresh_from_db()
    assert job.state == "failed" and str(entry.id) in job.error and "integrity" in job.error


def test_the_act_says_everything_but_the_value(db) -> None:
    with_inputs(name="Anna Müller")
    exporting.search(sought=Sought("name", "contains", "Müller"), purpose="Complaint 7")
    act = Entry.objects.get(type="search.requested")
    details = facts_of(act)["details"]
    assert (details["input"], details["how"], text_of(act.id)) == ("name", "contains", "Complaint 7")
    assert "Müller".encode() not in bytes(act.entry) and "sought" not in details


def test_who_may_not_read_personal_data_may_not_search(client_of, db) -> None:
    factories.decided()
    with pytest.raises(Forbidden):
        exporting.search(by="auditor")
    assert client_of(factories.person("auditor")).get(PAGE).status_code == 404
    assert PAGE.encode() not in client_of(factories.person("auditor")).get("/decisions/").content
    assert PAGE.encode() in client_of(factories.person("support")).get("/decisions/").content


def form(**changes: str) -> dict[str, str]:
    times = {name: f"{moment:%Y-%m-%dT%H:%M}" for name, moment in exporting.lately().items()}
    sought = {"input": "lvrat", "how": "between", "low": "1", "high": "2"}
    return {"system": "mortgage", **times, **sought, "purpose": "Case 12", **changes}


def test_a_search_by_page(committed: str) -> None:
    hit, browser = with_inputs(lvrat=1.5), signed_in("support")
    other = with_inputs(lvrat=0.1)
    asked = browser.post(PAGE, form(until=f"{timezone.now() + timedelta(minutes=2):%Y-%m-%dT%H:%M}"))
    assert asked.status_code == 302
    waiting = browser.get(asked["Location"]).content
    assert b"every 1s" in waiting and b"Cancel" in waiting
    tasks.run_job(str(Job.objects.get().pk))
    part = browser.get(asked["Location"], headers={"hx-request": "true"}).content
    assert b"every 1s" not in part and b"<html" not in part
    assert f"/decisions/{hit.id}/".encode() in part and str(other.id).encode() not in part
    assert b"1 of 2 readable decisions" in part
    assert signed_in("compliance").get(asked["Location"]).status_code == 404
    assert asked["Location"].encode() in browser.get(PAGE).content


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"purpose": ""}, b"This field is required"),
        ({"purpose": "  "}, b"This field is required"),
        ({"low": "many"}, b"Enter a number"),
        ({"high": ""}, b"so must the other"),
        ({"how": "is"}, b"It is needed"),
        ({"system": "nowhere"}, b"Select a valid choice"),
        ({"since": "2020-01-01T00:00"}, b"more than 3 months"),
    ],
)
def test_a_search_that_cannot_be_made_is_told_at_its_field(
    client_of, support: User, changes: dict[str, str], words: bytes
) -> None:
    factories.decided()
    page = client_of(support).post(PAGE, form(**changes))
    assert page.status_code == 422 and words in page.content and not Job.objects.exists()


def test_a_cancelled_search_stops(committed: str, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "NOTE_SECONDS", 0)
    factories.decided()
    job = exporting.claimed(exporting.search())
    browser: Client = signed_in("support")
    assert browser.post(f"/jobs/{job.pk}/cancel/")["Location"] == PAGE
    with pytest.raises(jobs.Stopped):
        searching.search(job, jobs.Work(job).step)
    assert not services.finish_search(job=job, result={"hits": []}, now=timezone.now())
    assert b"cancelled" in browser.get(f"{PAGE}{job.pk}/").content


def test_an_erasure_takes_hits_back_and_stops_what_is_under_way(committed: str) -> None:
    kept, gone = factories.decided(subject="applicant-1"), factories.decided(subject="applicant-2")
    assert found(Sought("phist", "is", "yes"))["hits"] == [str(kept.id), str(gone.id)]
    done = Job.objects.get()
    running = exporting.claimed(exporting.search())
    erase("applicant-2")
    done.refresh_from_db()
    assert done.result["hits"] == [str(kept.id)]
    assert not services.finish_search(job=running, result={"hits": [str(gone.id)]}, now=timezone.now())
    assert "erased while" in Job.objects.get(pk=running.pk).error


def test_hits_go_after_seven_days(committed: str) -> None:
    factories.decided()
    found(Sought("phist", "is", "yes"))
    Job.objects.update(finished_at=timezone.now() - queries.KEPT_FOR - timedelta(minutes=1))
    tasks.let_go()
    job = Job.objects.get()
    page = signed_in("support").get(f"{PAGE}{job.pk}/").content
    assert job.result["hits"] == [] and b"deleted after seven days" in page


def stored_of(job: Job) -> str:
    """The row as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute("select to_jsonb(j)::text from audit_job j where id = %s", [job.pk])
        return cursor.fetchone()[0]
