"""A restored backup brings nothing back: what was confirmed is erased again, from the database or from the register."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.utils import timezone

import explain.disputes.services as disputing
from audit.erasure import register
from audit.models import Entry, Erasure
from audit.queries import facts_of, inputs_of
from explain.disputes.queries import claim_of
from explain.models import Dispute
from portal.embedded import postgres
from tests import factories
from tests.databases import copy_of, orm_on

from .conftest import OLD_DAYS, ask, confirm, decided_days_ago, support


@pytest.fixture
def var_dir(tmp_path: Path, settings: Any) -> Path:
    """The register's folder; the data key stays the tests' own, which is read once."""
    from audit.keys import keyring

    keyring()
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def backup(committed: str, server: Path, var_dir: Path) -> Iterator[Any]:
    """What makes a copy of the database as it is at the moment, and leads the product to it."""
    from contextlib import ExitStack

    from django.db import connections

    with ExitStack() as stack:

        def take() -> str:
            for alias in connections:
                connections[alias].close()
            return stack.enter_context(copy_of(server, committed))

        yield take


def replay() -> str:
    out = StringIO()
    call_command("replay_erasures", stdout=out)
    return out.getvalue().strip()


@pytest.mark.parametrize("taken", ["before the request", "between request and confirmation"])
def test_an_older_backup_is_erased_again(backup: Any, taken: str, server: Path) -> None:
    entry, other = decided_days_ago(OLD_DAYS), decided_days_ago(OLD_DAYS, subject="applicant-18")
    now = timezone.now()
    disputing.open_dispute(actor=support(), decision=entry, channel="phone", claim="Mine.", received_at=now, now=now)
    if taken == "before the request":
        restored = backup()
        erased = confirm(ask())
    else:
        waiting = ask()
        restored = backup()
        erased = confirm(waiting)
    with orm_on(restored):
        assert inputs_of(entry.id) is not None
        later = factories.decided()
        assert replay() == "1 erasures done again, of 1 decisions."
        assert inputs_of(entry.id) is None and inputs_of(other.id) is not None
        assert inputs_of(later.id) is not None, "what was decided after the erasure stays"
        assert claim_of(Dispute.objects.get()) == ""
        back = Erasure.objects.get()
        assert (back.id, back.state, back.entries) == (erased.id, "confirmed", 1)
        assert back.decided_at == erased.decided_at
        act = Entry.objects.get(type="erasure.replayed")
        assert facts_of(act)["details"] == {"erasures": 1, "decisions": 1}
        assert replay() == "" and Entry.objects.filter(type="erasure.replayed").count() == 1


def test_the_register_is_completed_from_the_database(backup: Any, var_dir: Path) -> None:
    decided_days_ago(OLD_DAYS)
    done = confirm(ask())
    file = register.register_file()
    line = json.loads(file.read_text())
    assert set(line) == {"id", "system", "token", "at"} and line["id"] == str(done.id)
    assert file.stat().st_mode & 0o777 == 0o600
    # As a crash leaves it that came between the commit and the line, or in the middle of the line.
    file.write_text(file.read_text()[:40])
    assert register.lines() == []
    assert replay() == ""
    assert [kept.id for kept in register.lines()] == [done.id]
    assert file.read_text().startswith(json.dumps(line)[:40] + "\n")


def test_what_was_rolled_back_is_not_in_the_register(backup: Any, var_dir: Path) -> None:
    from django.db import transaction

    decided_days_ago(OLD_DAYS)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        confirm(ask())
        1 / 0  # noqa: B018  any failure will do
    assert register.lines() == [] and not Erasure.objects.exists()


def test_only_the_owner_may_replay(committed: str, owner: psycopg.Connection, server: Path) -> None:
    from portal.embedded.paths import run_dir

    with psycopg.connect(host=str(run_dir(server)), dbname=committed, user="countersign_app") as app:
        for call in ("audit_erase_again(gen_random_uuid())", "audit_forget('{}')", "audit_forget_decisions('{}')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(f"select {call}")
            app.rollback()
    assert owner.info.user == postgres.EMBEDDED_OWNER
