"""Erasing on two people's word: who may, what stands against it, and what can be read afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

import audit.services as trail
import explain.disputes.services as disputing
import explain.services as explaining
from audit import queries
from audit.erasure import services
from audit.models import Entry, Erasure, Hold, Key
from audit.queries import check_entry, erased_on, facts_of, inputs_of, output_of, text_of
from audit.records import subject_token
from explain.disputes.queries import claim_of
from explain.models import Dispute, Explanation
from portal.errors import Conflict, Forbidden, Invalid
from tests import factories
from tests.explain.conftest import REPORT, claim
from tests.explain.conftest import ask as ask_explanation
from tests.sealing import seal

from .conftest import OLD_DAYS, ask, confirm, decided_days_ago, hold, officer, second_officer, support

SECRET = "applicant-unmistakable-8731"


def test_an_old_decision_is_erased_and_stays_provable(committed: str) -> None:
    entry, other = decided_days_ago(OLD_DAYS), decided_days_ago(OLD_DAYS, subject="applicant-18")
    done = confirm(ask())
    assert (done.state, done.entries, done.decided_by) == ("confirmed", 1, "user:compliance")
    assert done.effective_at is None and done.override_reason == ""
    assert inputs_of(entry.id) is None and output_of(entry.id) is None
    assert erased_on(entry.id) == timezone.now().date() and check_entry(entry).holds
    assert inputs_of(other.id) is not None and erased_on(other.id) is None
    assert all(check_entry(kept).holds for kept in Entry.objects.all())


def test_the_trail_says_it_without_naming_anybody(db: None, settings: Any) -> None:
    decided_days_ago(OLD_DAYS, subject=SECRET)
    confirm(ask(SECRET), reason="The right comes first here.")
    acts = Entry.objects.filter(type__startswith="erasure.").order_by("id")
    asked, confirmed = (facts_of(act) for act in acts)
    assert asked["details"]["decisions"] == 1 and confirmed["details"]["overridden"] is False
    assert confirmed["details"]["decisions"] == 1 and confirmed["system"] == "mortgage"
    token = subject_token(settings.SUBJECT_KEY, "mortgage", SECRET)
    for act in acts:
        assert SECRET.encode() not in bytes(act.entry) and token.hex().encode() not in bytes(act.entry)
    assert text_of(acts[0].id) == "The person asked by letter."
    assert text_of(acts[1].id) == "The right comes first here."


def test_whoever_asks_cannot_decide(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    mine = ask(actor=officer())
    with pytest.raises(Forbidden):
        confirm(mine)
    with pytest.raises(Forbidden):
        services.decline_erasure(actor=officer(), erasure=mine, reason="No.", now=timezone.now())
    assert confirm(mine, actor=second_officer()).state == "confirmed"


@pytest.mark.parametrize(
    "statement,rule",
    [
        (
            "update audit_erasure set state = 'confirmed', decided_by = requested_by, decided_at = now()",
            "another_person_decides",
        ),
        (
            "insert into audit_erasure (id, system, token, reason, requested_by, requested_at, state, decided_by,"
            " decided_at) select gen_random_uuid(), system, token, 'r', 'user:x', now(), 'confirmed', 'user:y', now()"
            " from audit_erasure",
            "begins as a request",
        ),
        ("update audit_hold set lifted_by = placed_by, lifted_at = now()", "another_person_lifts"),
    ],
)
def test_the_database_keeps_two_people_apart(db: None, statement: str, rule: str) -> None:
    decided_days_ago(OLD_DAYS)
    ask()
    hold()
    with pytest.raises(IntegrityError, match=rule), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_what_was_decided_or_lifted_stays_so_in_the_database(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    confirm(ask())
    held = hold()
    services.lift_hold(actor=second_officer(), hold=held, reason="Settled.", now=timezone.now())
    for statement in (
        "update audit_erasure set state = 'requested', decided_by = null, decided_at = null",
        "update audit_erasure set override_reason = 'none was given'",
        "update audit_hold set lifted_by = null, lifted_at = null",
    ):
        with pytest.raises(IntegrityError, match="already"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_inside_six_months_a_reason_of_its_own_is_needed(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    young = decided_days_ago(10)
    waiting = ask()
    with pytest.raises(Conflict, match=r"1 of 2 decisions are younger than six months.*Art\. 19\(1\) and 26\(6\)"):
        confirm(waiting)
    with pytest.raises(Conflict):
        confirm(waiting, override="   ")
    assert inputs_of(young.id) is not None
    done = confirm(waiting, override="Data protection comes first: decided by counsel.")
    assert done.entries == 2 and done.override_reason.startswith("Data protection")
    act = Entry.objects.get(type="erasure.confirmed")
    assert facts_of(act)["details"]["overridden"] is True and "decided by counsel" in text_of(act.id)
    assert inputs_of(young.id) is None


def test_calendar_months_count_and_not_days(db: None) -> None:
    decided_days_ago(186)
    waiting = ask()
    assert confirm(waiting).override_reason == ""
    decided_days_ago(180)
    with pytest.raises(Conflict, match="six months"):
        confirm(ask())


@pytest.mark.parametrize("subject", ["", "applicant-17"])
def test_a_hold_stops_an_erasure_whatever_is_said(db: None, subject: str) -> None:
    entry = decided_days_ago(OLD_DAYS)
    waiting, held = ask(), hold(subject)
    with pytest.raises(Conflict, match=r"A legal hold is in force: “A court asked for it\.”"):
        confirm(waiting, override="I want it all the same.")
    assert inputs_of(entry.id) is not None
    with pytest.raises(Forbidden):
        services.lift_hold(actor=officer(), hold=held, reason="Settled.", now=timezone.now())
    services.lift_hold(actor=second_officer(), hold=held, reason="Settled.", now=timezone.now())
    with pytest.raises(Conflict):
        services.lift_hold(actor=second_officer(), hold=held, reason="Settled.", now=timezone.now())
    assert confirm(waiting).entries == 1


def test_a_hold_on_another_stops_nothing(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    decided_days_ago(OLD_DAYS, subject="applicant-18")
    hold("applicant-18")
    assert confirm(ask()).entries == 1


@pytest.mark.parametrize("hinder,words", [("hold", "legal hold"), ("young", "six months")])
def test_the_database_has_the_same_rules(db: None, hinder: str, words: str) -> None:
    decided_days_ago(OLD_DAYS if hinder == "hold" else 10)
    waiting = ask()
    if hinder == "hold":
        hold()
    Erasure.objects.filter(pk=waiting.pk).update(
        state="confirmed", decided_by="user:other", decided_at=timezone.now(), decision_reason="r"
    )
    with pytest.raises(IntegrityError, match=words), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select audit_erase(%s)", [waiting.pk])


def test_a_request_erases_nothing_even_when_the_function_is_called(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS)
    waiting = ask()
    with pytest.raises(Exception, match="query returned no rows"), transaction.atomic():
        connection.cursor().execute("select audit_erase(%s)", [waiting.pk])
    assert inputs_of(entry.id) is not None


def test_an_unknown_person_is_told_and_nothing_is_kept(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    for act in (ask, hold):
        with pytest.raises(Invalid, match="no decision about this reference"):
            act("applicant-nobody")
    assert not Erasure.objects.exists() and not Hold.objects.exists()
    assert not Entry.objects.filter(type__startswith="erasure.").exists()


def test_a_reason_may_not_repeat_the_reference(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    with pytest.raises(Invalid, match="repeats the person's reference"):
        ask(reason="Erase Applicant-17, please")
    with pytest.raises(Invalid, match="A reason is needed"):
        ask(reason="  ")
    assert not Erasure.objects.exists()


def test_one_request_waits_at_a_time_and_erasing_twice_finds_nothing(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    waiting = ask()
    with pytest.raises(Conflict, match="waits for a decision already"):
        ask()
    confirm(waiting)
    with pytest.raises(Conflict, match=r"was erased on 20\d\d-\d\d-\d\d; nothing is left"):
        ask()
    with pytest.raises(Conflict, match="was confirmed already"):
        confirm(waiting)


def test_a_declined_request_erases_nothing_and_can_be_made_again(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS)
    declined = services.decline_erasure(actor=officer(), erasure=ask(), reason="A claim is open.", now=timezone.now())
    assert (declined.state, declined.entries) == ("declined", 0) and inputs_of(entry.id) is not None
    assert confirm(ask()).entries == 1


def test_new_decisions_about_the_same_person_are_read_as_ever(db: None) -> None:
    decided_days_ago(OLD_DAYS)
    confirm(ask())
    later = factories.decided()
    assert inputs_of(later.id)["subject"] == "applicant-17"
    assert confirm(ask(), override="Asked again.").entries == 1 and inputs_of(later.id) is None


def test_a_confirmed_erasure_never_reaches_what_is_decided_later(committed: str, owner: psycopg.Connection) -> None:
    decided_days_ago(OLD_DAYS)
    done = confirm(ask())
    owner.execute("alter table audit_erasure disable trigger all")
    owner.execute("update audit_erasure set decided_at = decided_at - interval '1 hour', override_reason = 'x'")
    later = factories.decided()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select audit_erase(%s)", [done.pk])
        assert cursor.fetchall() == []
    assert inputs_of(later.id) is not None


def test_words_left_about_the_decision_go_too(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS)
    reading = {"actor": support(), "entry": entry, "purpose": "Mrs Unmistakable called."}
    trail.record_reading(**reading)
    act = Entry.objects.get(type="decision.read")
    assert text_of(act.id) == "Mrs Unmistakable called."
    done = confirm(ask())
    assert text_of(act.id) == "" and done.entries == 1 and check_entry(act).holds


def test_a_refused_requests_body_goes_too(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS)
    body = factories.refused(id=None, subject="applicant-17", inputs={"a": 1}, body=b"what came", output=None)
    assert queries.body_of(body.id) == "what came"
    confirm(ask(), override="All of it.")
    assert queries.body_of(body.id) is None and inputs_of(entry.id) is None


def test_a_joint_application_is_one_reference_and_goes_as_one(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS, subject="joint-5", inputs={"first": "Ada", "second": "Bob"})
    with pytest.raises(Invalid):
        ask("Ada")
    assert confirm(ask("joint-5")).entries == 1 and inputs_of(entry.id) is None


def test_reports_and_claims_go_and_their_digests_stay(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS)
    now = timezone.now()
    dispute = disputing.open_dispute(
        actor=support(), decision=entry, channel="phone", claim="I am Unmistakable.", received_at=now, now=now
    )
    disputing.explain_dispute(actor=support(), dispute=dispute, decision=entry, now=now)
    running = claim(Explanation.objects.get())
    report = {**REPORT, "inputs": factories.DENIED}
    explaining.finish_explanation(actor=support(), explanation=running, report=report, now=now)
    digest = Explanation.objects.get().report_sha256
    confirm(ask())
    left = Explanation.objects.get()
    assert (left.sealed_report, left.state, left.report_sha256) == (None, "done", digest)
    assert left.erased_on and "erased" in left.error
    assert claim_of(Dispute.objects.get()) == "" and Dispute.objects.get().erased_on
    with pytest.raises(Conflict, match="erased"):
        ask_explanation(entry)


def test_an_explanation_under_way_ends_with_nothing_kept(db: None) -> None:
    entry = decided_days_ago(OLD_DAYS)
    running = claim(ask_explanation(entry))
    confirm(ask())
    kept = explaining.finish_explanation(actor=support(), explanation=running, report=REPORT, now=timezone.now())
    left = Explanation.objects.get()
    assert not kept and (left.state, left.sealed_report) == ("failed", None) and left.erased_on


def test_erasing_while_it_is_sealed_changes_no_proof(committed: str, tmp_path: Any) -> None:
    entries = [decided_days_ago(OLD_DAYS), decided_days_ago(OLD_DAYS, subject="applicant-18")]
    before = seal(committed, tmp_path)
    late = decided_days_ago(OLD_DAYS)
    confirm(ask())
    after = seal(committed, tmp_path)
    assert after.size > before.size
    assert all(check_entry(kept).holds for kept in Entry.objects.all())
    assert [inputs_of(entry.id) is None for entry in (*entries, late)] == [True, False, True]
    for entry in (*entries, late):
        assert check_entry(entry).holds and Key.objects.filter(pk=entry.id).exists()


def test_format_1_was_not_encrypted_so_its_payloads_go(
    committed: str, owner: psycopg.Connection, settings: Any
) -> None:
    entry = decided_days_ago(OLD_DAYS, subject="applicant-18")
    token = subject_token(settings.SUBJECT_KEY, "mortgage", "applicant-1")
    old = bytes(32) + b'{"subject": "applicant-1", "inputs": {}}'
    # As the migration of 0002 left it: a token, no wrapped key, and bytes that are only blinded.
    owner.execute("alter table audit_payload disable trigger all")
    owner.execute("update audit_key set token = %s, kek = null, wrapped = null where entry_id = %s", [token, entry.id])
    owner.execute("update audit_payload set stored = %s where entry_id = %s and part = 1", [old, entry.id])
    owner.execute("alter table audit_payload enable always trigger append_only")
    assert confirm(ask("applicant-1")).entries == 1
    assert owner.execute("select count(*) from audit_payload where entry_id = %s", [entry.id]).fetchone() == (0,)
    assert json.loads(bytes(Entry.objects.get(pk=entry.id).entry))["id"] == str(entry.id)


def test_nothing_of_the_person_is_left_in_any_table(committed: str, owner: psycopg.Connection) -> None:
    needles = [SECRET, "quince-and-medlar", "0.123456789012345"]
    inputs = {**factories.DENIED, "hobby": "quince-and-medlar", "pirat": 0.123456789012345}
    output = {"label": "deny", "score": 0.75, "note": "quince-and-medlar"}
    entry = decided_days_ago(OLD_DAYS, subject=SECRET, inputs=inputs, output=output)
    now = timezone.now()
    disputing.open_dispute(
        actor=support(), decision=entry, channel="phone", claim=f"I am {SECRET}", received_at=now, now=now
    )
    running = claim(ask_explanation(entry, reason=f"{SECRET} asks"))
    explaining.finish_explanation(actor=support(), explanation=running, report={**REPORT, "inputs": inputs}, now=now)
    # Nor is it there in clear before.
    assert found_in_tables(owner, "loan-desk")
    assert [found_in_tables(owner, needle) for needle in needles] == [[], [], []]
    keys = owner.execute("select wrapped from audit_key where wrapped is not null").fetchall()
    confirm(ask(SECRET))
    assert [found_in_tables(owner, needle) for needle in needles] == [[], [], []]
    left = owner.execute("select wrapped from audit_key where wrapped is not null").fetchall()
    assert set(keys) - set(left)


def found_in_tables(owner: psycopg.Connection, needle: str) -> list[str]:
    """Every table with a row that holds the needle, as text or as bytes."""
    tables = owner.execute(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'public' and c.relkind = 'r'"
    ).fetchall()
    # A row as text writes bytea as hex.
    wanted = [needle, needle.encode().hex()]
    return [
        table
        for (table,) in tables
        if owner.execute(
            f"select exists (select from {table} t where strpos(t::text, %s) > 0 or strpos(t::text, %s) > 0)", wanted
        ).fetchone()
        == (True,)
    ]


def test_a_hold_placed_in_the_same_moment_is_waited_for(committed: str, server: Any) -> None:
    from portal.embedded.paths import run_dir

    decided_days_ago(OLD_DAYS)
    waiting = ask()
    app = psycopg.connect(host=str(run_dir(server)), dbname=committed, user="countersign_app")
    with app:
        app.execute(
            "insert into audit_hold (id, system, reason, placed_by, placed_at)"
            " values (gen_random_uuid(), 'mortgage', 'r', 'user:x', now())"
        )
        with connection.cursor() as cursor:
            cursor.execute("set lock_timeout = '300ms'")
        with pytest.raises(Exception, match="lock timeout"):
            confirm(waiting)
    with pytest.raises(Conflict, match="legal hold"):
        confirm(waiting)


@pytest.mark.parametrize("who", ["lead", "auditor", "outsider"])
def test_others_may_not(db: None, who: str) -> None:
    decided_days_ago(OLD_DAYS)
    actor, waiting = factories.person(who).actor, ask()
    for attempt in (
        lambda: ask(actor=actor),
        lambda: confirm(waiting, actor=actor),
        lambda: hold(actor=actor),
        lambda: services.decline_erasure(actor=actor, erasure=waiting, reason="r", now=timezone.now()),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_what_is_due_is_shown_to_those_who_may_decide_it(db: None) -> None:
    from audit.erasure.queries import erasures_to_decide

    decided_days_ago(OLD_DAYS)
    waiting = ask()
    assert list(erasures_to_decide(officer())) == [waiting]
    assert list(erasures_to_decide(support())) == []
    confirm(waiting, now=timezone.now() + timedelta(seconds=1))
    assert list(erasures_to_decide(officer())) == []
