"""The rotation of the data key: no key is lost wherever it is cut off, none is left under the old one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from audit import keys
from audit.encryption import Keyring, Wrapped, kek_id
from audit.erasure import rotation
from audit.erasure.rotation import CannotRotate, rotate_data_key
from audit.identifiers import new_id
from audit.models import Entry, Erasure, Half, Key
from audit.queries import facts_of, inputs_of
from portal.accounts.access import actor_for_process
from portal.vault import DATA_KEY, DATA_KEY_PREVIOUS, data_keys, secrets_dir
from tests import factories
from tests.product import ROOT, eventually

from .conftest import OLD_DAYS, ask, confirm, decided_days_ago

OPERATOR = actor_for_process("operator")


@pytest.fixture
def var_dir(committed: str, server: Path, tmp_path: Path, settings: Any) -> Iterator[Path]:
    """State of the test's own with the tests' keys, on a throw-away database."""
    for name in secrets_dir(server).iterdir():
        copy = secrets_dir(tmp_path) / name.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(name.read_text())
    (tmp_path / "run").symlink_to(server / "run" if (server / "run").exists() else rundir(server))
    settings.VAR_DIR = tmp_path
    keys._keys.cache_clear()
    yield tmp_path
    keys._keys.cache_clear()


def rundir(server: Path) -> Path:
    from portal.embedded.paths import run_dir

    return run_dir(server)


def rotate(settle: float = 0.0) -> list[str]:
    said: list[str] = []
    rotate_data_key(actor=OPERATOR, say=said.append, now=timezone.now, settle=settle)
    return said


def readable(var_dir: Path) -> int:
    """How many keys the present files open: every one that is there."""
    ring = Keyring(data_keys(var_dir))
    rows = list(Key.objects.filter(wrapped__isnull=False))
    for row in rows:
        ring.unwrap(Wrapped(bytes(row.kek), bytes(row.wrapped)), row.entry_id)
    return len(rows)


def under(secret: str) -> int:
    return Key.objects.filter(kek=kek_id(secret)).count()


def test_every_key_is_wrapped_anew_and_the_old_one_destroyed(var_dir: Path) -> None:
    entries = [factories.decided() for _ in range(3)]
    half = new_id()
    old = data_keys(var_dir)[0]
    wrapped = Keyring([old]).wrap(bytes(32), half)
    Half.objects.create(
        id=half, source="s", event_id="e", half="request", system="mortgage", at=timezone.now(),
        received_at=timezone.now(), caller="service:x", kek=wrapped.kek, wrapped=wrapped.wrapped, stored=b"",
    )  # fmt: skip
    count = readable(var_dir)
    said = rotate()
    (new,) = data_keys(var_dir)
    assert new != old and not (secrets_dir(var_dir) / DATA_KEY_PREVIOUS.lower()).exists()
    assert under(old) == 0 and under(new) == count == readable(var_dir)
    row = Half.objects.get()
    assert Keyring([new]).unwrap(Wrapped(bytes(row.kek), bytes(row.wrapped)), half) == bytes(32)
    assert all(inputs_of(entry.id) for entry in entries)
    act = facts_of(Entry.objects.get(type="key.rotated"))["details"]
    assert act == {"old": kek_id(old).hex(), "new": kek_id(new).hex(), "keys": count + 1, "erasures": 0}
    assert any("keys wrapped anew" in line for line in said) and not (var_dir / "trail" / "rotation.json").exists()
    assert new not in " ".join(said) and old not in " ".join(said)
    rotate()
    assert readable(var_dir) == count


def test_an_erasure_becomes_effective_and_a_later_one_waits(var_dir: Path) -> None:
    decided_days_ago(OLD_DAYS)
    decided_days_ago(OLD_DAYS, subject="applicant-18")
    first = confirm(ask())
    backup = list(Key.objects.filter(wrapped__isnull=False).values_list("entry_id", "wrapped"))
    # Confirmed only once the new key is there: a copy of its key may be wrapped by the new one.
    marks: list[Erasure] = []

    def say(line: str) -> None:
        if "keys wrapped anew" in line and not marks:
            marks.append(confirm(ask("applicant-18")))

    rotate_data_key(actor=OPERATOR, say=say, now=timezone.now, settle=0)
    effective = dict(Erasure.objects.values_list("id", "effective_at"))
    assert effective[first.id] and effective[marks[0].id] is None
    ring = Keyring(data_keys(var_dir))
    for entry, wrapped in backup:
        with pytest.raises(Exception, match=r".*"):
            ring.unwrap(Wrapped(ring.current, bytes(wrapped)), entry)
    rotate()
    assert Erasure.objects.filter(effective_at=None).count() == 0


class CutOff(BaseException):
    """As kill -9 ends it: nothing is cleaned up."""


@pytest.mark.parametrize("call", ["replace", "fsync", "unlink"])
def test_cut_off_at_any_file_it_loses_no_key_and_can_be_run_again(
    var_dir: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    entry = factories.decided()
    count, real = readable(var_dir), getattr(os, call)
    for step in range(1, 30):
        left = [step]

        def cut(*args: Any, left: list[int] = left, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise CutOff
            return real(*args, **kwargs)

        monkeypatch.setattr(os, call, cut)
        try:
            rotate()
        except CutOff:
            monkeypatch.setattr(os, call, real)
            assert readable(var_dir) == count
            keys._keys.cache_clear()
            assert inputs_of(entry.id) is not None
            rotate()
            assert readable(var_dir) == count and len(data_keys(var_dir)) == 1
        else:
            break
    else:
        pytest.fail("it never came to its end")
    monkeypatch.setattr(os, call, real)
    assert step > 1 and readable(var_dir) == count


def test_killed_at_any_moment_it_goes_on(var_dir: Path, committed: str, owner: psycopg.Connection) -> None:
    many_keys(owner, 20_000, data_keys(var_dir)[0])
    entry = factories.decided()
    environment = {
        **os.environ, "VAR_DIR": str(var_dir), "EMBEDDED_DATABASE": committed,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "rotate_data_key", "--settle", "0"]
    said: list[str] = []
    for wait_for in ("The new data key", "audit_key: 5000 keys", "audit_key: 10000 keys", ""):
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if wait_for and wait_for in line:
                process.send_signal(signal.SIGKILL)
        assert process.wait(60) == (-signal.SIGKILL if wait_for else 0), "".join(said)
        process.stdout.close()
        assert eventually(lambda: not others(owner), 10)
        connection.close()
        assert readable(var_dir) == Key.objects.filter(wrapped__isnull=False).count() > 20_000
    assert len(data_keys(var_dir)) == 1 and Key.objects.exclude(kek=kek_id(data_keys(var_dir)[0])).count() == 0
    keys._keys.cache_clear()
    assert inputs_of(entry.id) is not None
    assert Entry.objects.filter(type="key.rotated").count() == 1


def others(owner: psycopg.Connection) -> int:
    found = owner.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and objid = 7041777 and database ="
        " (select oid from pg_database where datname = current_database())"
    ).fetchone()
    return found[0] if found else 0


def many_keys(owner: psycopg.Connection, number: int, secret: str) -> None:
    """Keys as the gateway leaves them, without their entries."""
    ring = Keyring([secret])
    with owner.cursor().copy("copy audit_key (entry_id, token, kek, wrapped) from stdin") as copy:
        for _ in range(number):
            entry = new_id()
            wrapped = ring.wrap(os.urandom(32), entry)
            copy.write_row((entry, None, wrapped.kek, wrapped.wrapped))


def test_what_is_erased_meanwhile_stays_erased(var_dir: Path) -> None:
    entry = decided_days_ago(OLD_DAYS)
    real = rotation._wrapped_anew
    erased: list[int] = []

    def erase_in_between(*args: Any) -> Any:
        if not erased:
            erased.append(confirm(ask()).entries)
        return real(*args)

    rotation._wrapped_anew = erase_in_between  # type: ignore[assignment]
    try:
        rotate()
    finally:
        rotation._wrapped_anew = real
    assert erased == [1] and inputs_of(entry.id) is None
    assert Key.objects.get(pk=entry.id).wrapped is None


def test_an_open_transaction_is_waited_for(var_dir: Path, committed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrapped with the old key would be committed after nobody looks any more."""
    monkeypatch.setattr(rotation, "PATIENCE_SECONDS", 0.5)
    old = data_keys(var_dir)[0]
    with psycopg.connect(host=str(rundir(var_dir)), dbname=committed, user="countersign_app") as open_one:
        entry = new_id()
        wrapped = Keyring([old]).wrap(bytes(32), entry)
        row = [entry, wrapped.kek, wrapped.wrapped]
        open_one.execute("insert into audit_key (entry_id, kek, wrapped) values (%s, %s, %s)", row)
        with pytest.raises(CannotRotate, match="transaction from before is still open"):
            rotate()
        assert len(data_keys(var_dir)) == 2
        open_one.commit()
    rotate()
    assert under(old) == 0 and len(data_keys(var_dir)) == 1 and readable(var_dir)


def test_a_process_that_goes_on_with_the_old_key_stops_it(var_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "PATIENCE_SECONDS", 1.0)
    old = data_keys(var_dir)[0]
    ring = Keyring([old])

    def stubborn(line: str) -> None:
        entry = new_id(int((time.time() + 2) * 1000))
        wrapped = ring.wrap(bytes(32), entry)
        with transaction.atomic():
            Key.objects.create(entry_id=entry, kek=wrapped.kek, wrapped=wrapped.wrapped)

    with pytest.raises(CannotRotate, match="start it anew"):
        rotate_data_key(actor=OPERATOR, say=stubborn, now=timezone.now, settle=0.2)
    assert len(data_keys(var_dir)) == 2 and readable(var_dir)


def test_a_changed_key_stops_it_before_anything_is_destroyed(var_dir: Path, owner: psycopg.Connection) -> None:
    entry = factories.decided()
    changed = "update audit_key set wrapped = set_byte(wrapped, 30, 255 - get_byte(wrapped, 30)) where entry_id = %s"
    owner.execute(changed, [entry.id])
    with pytest.raises(CannotRotate, match=str(entry.id)):
        rotate()
    assert len(data_keys(var_dir)) == 2


def test_only_one_at_a_time(var_dir: Path, owner: psycopg.Connection) -> None:
    owner.execute("select pg_advisory_lock(7041777)")
    with pytest.raises(CannotRotate, match="already"):
        rotate()
    assert len(data_keys(var_dir)) == 1


def test_with_keys_given_the_operator_brings_and_takes_them(
    var_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    old = data_keys(var_dir)[0]
    entry = factories.decided()
    decided_days_ago(OLD_DAYS, subject="applicant-18")
    erased = confirm(ask("applicant-18"))
    monkeypatch.setenv(DATA_KEY, old)
    with pytest.raises(CommandError, match=DATA_KEY_PREVIOUS):
        call_command("rotate_data_key", settle=0)
    monkeypatch.setenv(DATA_KEY, "the operator's new key")
    monkeypatch.setenv(DATA_KEY_PREVIOUS, old)
    keys._keys.cache_clear()
    call_command("rotate_data_key", settle=0)
    assert "Destroy it everywhere" in capsys.readouterr().out
    assert under(old) == 0 and Erasure.objects.get(pk=erased.pk).effective_at is None
    assert not Entry.objects.filter(type="key.rotated").exists()
    monkeypatch.delenv(DATA_KEY_PREVIOUS)
    keys._keys.cache_clear()
    call_command("rotate_data_key", settle=0)
    assert "Rotated to" in capsys.readouterr().out
    assert Erasure.objects.get(pk=erased.pk).effective_at and inputs_of(entry.id)
    assert Entry.objects.filter(type="key.rotated").count() == 1


def test_a_key_taken_away_too_early_is_asked_for_again(var_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = data_keys(var_dir)[0]
    factories.decided()
    monkeypatch.setenv(DATA_KEY, "the operator's new key")
    monkeypatch.setenv(DATA_KEY_PREVIOUS, old)
    real: Callable = rotation._rewrap_all
    monkeypatch.setattr(rotation, "_rewrap_all", lambda *_: (_ for _ in ()).throw(CutOff()))
    with pytest.raises(CutOff):
        rotate()
    monkeypatch.setattr(rotation, "_rewrap_all", real)
    monkeypatch.delenv(DATA_KEY_PREVIOUS)
    with pytest.raises(CannotRotate, match="give it as DATA_KEY_PREVIOUS"):
        rotate()
