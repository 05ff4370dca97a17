"""Attempts to break the trail's promise: each way is refused by a grant, a trigger or a constraint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction
from psycopg import errors

import audit.services as trail
from audit.services import Event
from portal.embedded import postgres
from portal.embedded.paths import run_dir
from tests import factories
from tests.databases import copy_of, orm_on

TABLES = ("audit_entry", "audit_payload", "audit_key")


@pytest.fixture(scope="module")
def database(server: Path, seeded: str, django_db_blocker: Any) -> Iterator[str]:
    """One database with one decision for all attempts: each is refused, so none leaves anything behind."""
    with copy_of(server, seeded) as name, django_db_blocker.unblock(), orm_on(name):
        factories.decided()
        yield name


@pytest.fixture
def owner(server: Path, database: str) -> Iterator[psycopg.Connection]:
    """A session as the owner of the tables."""
    with postgres.owner_connection(server, database) as opened:
        yield opened


@pytest.fixture(params=["countersign_app", "countersign_gateway"])
def session(request: Any, server: Path, database: str) -> Iterator[psycopg.Connection]:
    """A session in the role of a running process."""
    with psycopg.connect(host=str(run_dir(server)), dbname=database, user=request.param, autocommit=True) as opened:
        yield opened


def partitions(owner: psycopg.Connection, parent: str) -> list[str]:
    rows = owner.execute("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", [parent])
    return sorted(row[0] for row in rows)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "update {} set {} = {}",
        "delete from {}",
        "truncate {}",
        "drop table {}",
        "alter table {} disable trigger all",
        "create index on {} ({})",
    ],
)
def test_a_running_process_may_only_add_and_read(session: psycopg.Connection, table: str, statement: str) -> None:
    column = "id" if table == "audit_entry" else "entry_id"
    with pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement.format(table, column, column))
    session.execute(f"select count(*) from {table}")


def test_a_running_process_cannot_reach_round_the_parents(
    session: psycopg.Connection, owner: psycopg.Connection
) -> None:
    for table in TABLES:
        for partition in partitions(owner, table):
            for statement in ("select * from {}", "insert into {} default values", "delete from {}", "truncate {}"):
                with pytest.raises(errors.InsufficientPrivilege):
                    session.execute(statement.format(partition))


@pytest.mark.parametrize(
    "statement", ["set role postgres", "create table mine (a int)", "drop function audit_refuse()"]
)
def test_a_running_process_gains_nothing_more(session: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement)


def test_only_the_app_makes_partitions(session: psycopg.Connection, owner: psycopg.Connection) -> None:
    if session.info.user == "countersign_gateway":
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute("select audit_make_partitions(3)")
        return
    before = partitions(owner, "audit_entry")
    assert session.execute("select audit_make_partitions(3)").fetchone() == (0,)
    assert session.execute("select audit_make_partitions(5)").fetchone() == (8,)
    made = set(partitions(owner, "audit_entry")) - set(before)
    assert len(before) == 4 and len(made) == 2
    for partition in made:
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(f"insert into {partition} select * from audit_entry")
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            owner.execute(f"truncate {partition}")


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement",
    [
        "update {entry} set label = 'grant'",
        "delete from {entry}",
        "truncate {entry}",
        "update {payload} set stored = ''",
        "truncate {payload}",
    ],
)
def test_the_owner_is_stopped_from_a_slip(
    owner: psycopg.Connection, statement: str, role: str
) -> None:
    owner.execute(f"set session_replication_role = {role}")
    names = [{"entry": "audit_entry", "payload": "audit_payload"}]
    pairs = zip(partitions(owner, "audit_entry"), partitions(owner, "audit_payload"), strict=True)
    names += [{"entry": entry, "payload": payload} for entry, payload in pairs]
    filled = [name for name in names if owner.execute(f"select count(*) from {name['entry']}").fetchone() != (0,)]
    assert len(filled) == 2
    for name in filled if "truncate" not in statement else names:
        with pytest.raises(errors.InsufficientPrivilege, match="the trail is append-only"):
            owner.execute(statement.format(**name))


@pytest.mark.parametrize(
    "changes,broken",
    [
        ({"leaf_hash": b"\x00" * 32}, "leaf_is_hash_of_entry"),
        ({"entry": b""}, "entry_fits_leaf"),
        ({"entry": b"x" * 65_536}, "entry_fits_leaf"),
        ({"latency_us": None}, "decision_is_complete"),
        ({"status": "guessed"}, "decision_is_complete"),
        ({"mode": "imagined"}, "decision_is_complete"),
        ({"version": None}, "answer_names_version"),
    ],
)
def test_a_row_that_contradicts_itself_is_not_taken(
    session: psycopg.Connection, changes: dict[str, object], broken: str
) -> None:
    row: dict[str, object] = {
        "id": "01a20000-0000-7000-8000-000000000000",
        "type": "decision",
        "system": "mortgage",
        "version": 1,
        "status": "answered",
        "mode": "live",
        "latency_us": 1,
        "actor": "service:x",
        "entry": b"{}",
        **changes,
    }
    row.setdefault("leaf_hash", hashlib.sha256(b"\x00" + row["entry"]).digest())  # type: ignore[operator]
    now = session.execute("select lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0')").fetchone()
    row["id"] = f"{now[0]}70008000000000000000"  # type: ignore[index]
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    with pytest.raises(errors.CheckViolation, match=broken):
        session.execute(f"insert into audit_entry ({names}) values ({marks})", list(row.values()))


def test_an_id_from_another_age_has_no_place(session: psycopg.Connection) -> None:
    statement = (
        "insert into audit_entry (id, type, actor, entry, leaf_hash)"
        " values ('0190ffff-0000-7000-8000-000000000000', 'x', 'a', 'x', sha256('\\x00'::bytea || 'x'::bytea))"
    )
    with pytest.raises(errors.CheckViolation, match="no partition"):
        session.execute(statement)


def test_an_act_cannot_be_recorded_outside_its_transaction(database: str) -> None:
    actor = factories.person("lead").actor
    with pytest.raises(RuntimeError, match=r"the trail is written inside the transaction"):
        trail.record(actor=actor, event=Event.DECISION_READ)
    with transaction.atomic():
        trail.record(actor=actor, event=Event.DECISION_READ)


def test_a_record_falls_with_its_transaction(database: str, owner: psycopg.Connection) -> None:
    actor = factories.person("lead").actor
    before = owner.execute("select count(*) from audit_entry").fetchone()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        trail.record(actor=actor, event=Event.DECISION_READ, text="for nothing")
        1 / 0  # noqa: B018  any failure will do
    assert owner.execute("select count(*) from audit_entry").fetchone() == before
