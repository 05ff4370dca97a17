"""`verify_trail`: 0 for a whole trail, 1 for one that an owner has changed, 2 where it could not be checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from audit.models import Entry
from tests import factories

REHASH = "leaf_hash = sha256('\\x00'::bytea || {}::bytea), entry = {}::bytea"


def verify(*arguments: str) -> tuple[int, dict]:
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify_trail", "--json", *arguments, stdout=out)
    return left.value.code, json.loads(out.getvalue())


@pytest.fixture
def decision(committed: str) -> Entry:
    factories.released(1)
    factories.refused()
    return factories.decided()


@pytest.fixture
def tamper(decision: Entry, owner: psycopg.Connection):
    """The owner takes the seat belt off and changes something."""

    def change(statement: str) -> None:
        owner.execute("alter table audit_entry disable trigger append_only")
        owner.execute("alter table audit_payload disable trigger append_only")
        owner.execute("alter table audit_entry drop constraint leaf_is_hash_of_entry")
        owner.execute(statement.replace("THIS", f"'{decision.id}'"))

    return change


def test_a_whole_trail_is_verified(decision: Entry) -> None:
    code, result = verify()
    assert (code, result["verdict"], result["entries"]) == (0, "verified", Entry.objects.count())
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert verify("--since", later) == (0, {"verdict": "verified", "entries": 0, "contradictions": []})
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_trail", stdout=out)
    assert out.getvalue().startswith("verified: ")


@pytest.mark.parametrize(
    "statement,what",
    [
        ("update audit_entry set label = 'grant' where id = THIS", "the column label differs"),
        ("update audit_entry set actor = 'user:x' where id = THIS", "the column actor differs"),
        ("update audit_entry set score_ppm = null where id = THIS", "the column score_ppm differs"),
        ("update audit_entry set entry = entry || ' ' where id = THIS", "do not hash to the leaf"),
        ("update audit_payload set stored = stored || 'x' where entry_id = THIS", "a payload does not hash"),
        (
            "insert into audit_payload (entry_id, part, stored) values (THIS, 4, 'more')",
            "a payload does not hash",
        ),
        (f"update audit_entry set {REHASH.format(repr('x'), repr('x'))} where id = THIS", "are no entry"),
        (f"update audit_entry set {REHASH.format(repr('{}'), repr('{}'))} where id = THIS", "are no entry"),
        (f"update audit_entry set {REHASH.format(repr('[1]'), repr('[1]'))} where id = THIS", "are no entry"),
        (
            "update audit_entry set entry = o.entry, leaf_hash = o.leaf_hash from"
            " (select entry, leaf_hash from audit_entry where status = 'refused') o where id = THIS",
            "the bytes are those of",
        ),
    ],
)
def test_what_an_owner_changed_is_found(decision: Entry, tamper, statement: str, what: str) -> None:
    tamper(statement)
    code, result = verify()
    assert (code, result["verdict"]) == (1, "contradicted")
    [found] = result["contradictions"]
    assert found["entry"] == str(decision.id) and what in found["what"]


def test_what_could_not_be_checked_is_not_verified(decision: Entry) -> None:
    assert verify("--since", "yesterday")[0] == 2
    assert verify("--since", "2026-01-01T00:00:00")[0] == 2
    assert verify("--since", "2026-13-01T00:00:00Z")[0] == 2
    connection.close()
    connection.settings_dict["NAME"] = "nowhere"
    code, result = verify()
    connection.close()
    assert (code, result["verdict"]) == (2, "not_checked") and "nowhere" in result["error"]
