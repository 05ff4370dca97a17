"""The check in the background: one at a time, and what it found is kept whatever it is."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from audit.models import Entry, Verification
from audit.verifying import crew, services
from audit.verifying.crew import CrewFailed
from audit.verifying.tasks import _ONE_AT_A_TIME, verify


def test_it_is_kept_and_recorded(decision: Entry) -> None:
    verify()
    kept = Verification.objects.get()
    assert (kept.verdict, kept.details["contradicted"]) == ("verified", 0)
    assert Entry.objects.filter(type="trail.verified", actor="system:verifying").count() == 1


def test_a_second_one_leaves(decision: Entry, owner: psycopg.Connection) -> None:
    owner.execute("select pg_advisory_lock(%s)", [_ONE_AT_A_TIME])
    verify()
    assert not Verification.objects.exists()
    owner.execute("select pg_advisory_unlock(%s)", [_ONE_AT_A_TIME])
    verify()
    verify()
    assert Verification.objects.count() == 2


def test_what_could_not_be_checked_is_kept_as_that(decision: Entry, owner: psycopg.Connection) -> None:
    owner.execute("revoke select on audit_tile from countersign_app")
    verify()
    kept = Verification.objects.get()
    assert kept.verdict == "not_checked" and "audit_tile" in kept.details["error"]


def test_a_process_that_ends_ends_the_check(decision: Entry) -> None:
    connection.ensure_connection()
    trusted = services._trusted()
    with (
        crew.Crew(1, conninfo="host=/nowhere", snapshot="1", trusted=trusted) as gone,
        pytest.raises(CrewFailed, match="nowhere"),
    ):
        list(gone.answers([("block", 0, 0)]))
