"""A sealed trail on a database of its own, an owner who changes it, and the check as an operator runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command

from audit.models import Entry
from tests import factories
from tests.sealing import seal

# What keeps an owner from a slip, and not from a decision.
SEAT_BELTS = {
    "audit_entry": ("append_only",),
    "audit_payload": ("append_only",),
    "audit_leaf": ("append_only",),
    "audit_tile": ("only_grow",),
    "audit_tree": ("only_grow",),
    "audit_checkpoint": ("only_grow",),
}


def verify(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report of `verify_trail --json`."""
    out = StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify_trail", "--json", *arguments, stdout=out)
    return left.value.code, json.loads(out.getvalue())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sealer keeps what it signed last."""
    monkeypatch.setenv("TRAIL_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def decision(committed: str, folder: Path) -> Entry:
    """A sealed decision, between others, with a checkpoint before the last of them; one more waits."""
    factories.released(1)
    factories.refused()
    seal(committed, folder)
    decided = factories.decided(features={"unemp": "10.6"})
    factories.decided()
    seal(committed, folder)
    factories.decided()
    return decided


@pytest.fixture
def tamper(decision: Entry, owner: psycopg.Connection) -> Callable[[str], None]:
    """The owner takes the seat belts off and changes something; THIS stands for the decision's id."""

    def change(*statements: str) -> None:
        owner.execute("alter table audit_entry drop constraint if exists leaf_is_hash_of_entry")
        for table, triggers in SEAT_BELTS.items():
            for trigger in triggers:
                owner.execute(f"alter table {table} disable trigger {trigger}")
        for statement in statements:
            owner.execute(statement.replace("THIS", f"'{decision.id}'"))

    return change
