"""The trail's scheduled work."""

from __future__ import annotations

import psycopg

from audit import tasks


def test_expired_keys_are_forgotten_and_the_others_kept(committed: str, owner: psycopg.Connection) -> None:
    row = (
        "insert into audit_idempotency (caller, key_mac, fingerprint, entry_id, expires_at)"
        " values (%s, sha256('k'), sha256('f'), gen_random_uuid(), now() + %s)"
    )
    owner.execute(row, ["service:old", "-1 second"])
    owner.execute(row, ["service:new", "1 hour"])
    tasks.forget_expired_keys()
    assert owner.execute("select caller from audit_idempotency").fetchall() == [("service:new",)]


def test_partitions_are_made_ahead(committed: str, owner: psycopg.Connection) -> None:
    def made() -> list[str]:
        statement = "select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_entry'::regclass"
        rows = owner.execute(statement)
        return sorted(name for (name,) in rows)

    before = made()
    assert len(before) == 4
    owner.execute(f"drop table {before[-1]}")
    tasks.make_partitions()
    assert made() == before
