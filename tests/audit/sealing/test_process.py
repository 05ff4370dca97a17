"""The sealer as processes that are killed, paused and doubled; and what it says when it halts."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from audit.sealing.tree import seal_batch
from portal.embedded import postgres
from tests.databases import copy_of
from tests.product import ROOT

from .conftest import Log, settled, smaller, wait_for


@contextmanager
def load(log: Log, rows: int = 400) -> Iterator[Callable[[], int]]:
    """Entries arrive all the time; gives how many there are."""
    stop, count = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            log.enqueue(rows)
            count[0] += rows
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield lambda: count[0]
    finally:
        stop.set()
        writer.join()


def test_it_imports_no_django() -> None:
    code = "import audit.sealing.__main__, sys; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_it_seals_signs_beats_and_stops_when_told(log: Log) -> None:
    sealer = log.start()
    log.enqueue(1000)
    assert settled(log)
    with log.owner() as owner:
        age, problem = owner.execute("select now() - beat_at < interval '3 s', problem from audit_sealer").fetchone()
    assert age and problem == ""
    sealer.send_signal(signal.SIGTERM)
    assert sealer.wait(10) == 0
    log.check(1000)


def test_killed_at_any_moment_it_loses_nothing_and_signs_nothing_twice(log: Log) -> None:
    """Twenty kills under load; checkpoints are watched from outside all the time."""
    dice = random.Random(7)
    smaller(log, 500)
    log.start()
    wait_for(log.note)
    with load(log) as written:
        for _ in range(20):
            sealer = log.start()
            until = time.monotonic() + dice.uniform(0.25, 0.7)
            while time.monotonic() < until:
                log.note()
                time.sleep(0.005)
            log.end()
            log.note()
            assert sealer.returncode == -signal.SIGKILL
    log.start()
    assert settled(log)
    assert len(log.seen) > 10
    log.check(written())


def test_two_sealers_share_the_work(log: Log) -> None:
    smaller(log, 200)
    first, second = log.start(), log.start()
    with load(log) as written:
        time.sleep(3)
        first.kill()
        time.sleep(1)
    assert settled(log)
    assert second.poll() is None and log.problem() == ""
    log.check(written())


def test_one_that_is_paused_in_its_transaction_loses_it_and_goes_on_when_it_wakes(log: Log) -> None:
    paused = log.start()
    wait_for(log.note)
    with log.owner() as owner:
        with owner.transaction():
            owner.execute("lock table audit_tile in exclusive mode")
            log.enqueue(500)
            wait_for(lambda: log.sealers("wait_event_type = 'Lock'") == 1)
            paused.send_signal(signal.SIGSTOP)
        # Its statement is done, its entries are out of the queue, and it does not go on.
        wait_for(lambda: log.sealers("state = 'idle in transaction'") == 1)
        assert log.size() == 0
    other = log.start()
    log.enqueue(500)
    try:
        # The server takes the lock away after ten seconds; then the other one gets everything done.
        assert settled(log, 40)
    finally:
        paused.send_signal(signal.SIGCONT)
    log.enqueue(500)
    other.kill()
    assert settled(log)
    assert paused.poll() is None
    log.check(1500)


def test_a_session_that_rests_in_its_transaction_cannot_write_any_more(log: Log) -> None:
    log.enqueue(5)
    with (
        log.sealing() as session,
        pytest.raises(psycopg.Error),
        session.transaction(),
    ):
        assert seal_batch(session, 100) == 5
        assert session.execute("show idle_in_transaction_session_timeout").fetchone() == ("10s",)
        session.execute("set local idle_in_transaction_session_timeout = '200ms'")
        time.sleep(1)
        session.execute("select 1")
    assert (log.size(), log.pending()) == (0, 5)


def test_a_database_that_was_copied_back_halts_and_is_told(
    server: Path, seeded: str, log_on: Callable[[str], Log]
) -> None:
    with copy_of(server, seeded) as name:
        log = log_on(name)
        sealer = log.start()
        assert settled(log)
        sealer.send_signal(signal.SIGTERM)
        sealer.wait(10)
        with copy_of(server, name) as backup:
            log.start()
            log.enqueue(300)
            assert settled(log)
            log.end()
            earlier = log_on(backup)
            assert earlier.config.trail_dir == log.config.trail_dir
            kept, halted = log.note(), earlier.start()
            wait_for(earlier.problem)
            assert f"{log.size()} were signed" in earlier.problem() and "set back" in earlier.problem()
            # It goes on in the same way, and grows to another tree of the same size: never signed either.
            earlier.enqueue(300)
            time.sleep(1.5)
            assert earlier.note() == kept and earlier.size() < log.size() and halted.poll() is None
            with earlier.owner() as owner:
                assert owner.execute("select now() - beat_at < interval '5 s' from audit_sealer").fetchone() == (True,)
            done = earlier.run("adopt")
            assert done.returncode == 1 and "it decides, and is not replaced" in done.stderr


def test_a_lost_file_is_adopted_by_an_operators_word_and_the_halted_sealer_goes_on(log: Log) -> None:
    sealer = log.start()
    log.enqueue(10)
    assert settled(log)
    log.last_signed.path.unlink()
    wait_for(lambda: "is missing" in log.problem())
    log.enqueue(5)
    shown = log.run("adopt")
    assert shown.returncode == 0 and shown.stdout.splitlines()[1] == "10" and not log.last_signed.path.exists()
    wrong = log.run("adopt", "9")
    assert wrong.returncode == 1 and "has the size 10, not 9" in wrong.stderr
    done = log.run("adopt", "10")
    assert done.returncode == 0, done.stderr
    assert settled(log)
    wait_for(lambda: log.problem() == "")
    assert sealer.poll() is None
    log.check(15)


def test_a_clock_that_was_wrong_is_forgiven_by_an_operators_word(log: Log) -> None:
    log.start()
    log.enqueue(1)
    assert settled(log)
    with log.owner() as owner:
        owner.execute("alter table audit_checkpoint disable trigger all")
        owner.execute("update audit_checkpoint set at = now() + interval '1 day' where size = 1")
    log.enqueue(1)
    wait_for(lambda: "behind the newest checkpoint" in log.problem())
    assert log.size() == 2, "sealing goes on"
    done = log.run("accept-clock")
    assert done.returncode == 0, done.stderr
    log.enqueue(1)
    assert settled(log)
    wait_for(lambda: log.problem() == "")
    log.check(3)


def test_a_folder_that_cannot_be_written_is_told_and_recovers_by_itself(log: Log) -> None:
    log.start()
    log.enqueue(3)
    assert settled(log)
    folder = log.config.trail_dir
    away = folder.rename(folder.with_name("away"))
    folder.write_text("not a folder")
    log.enqueue(3)
    wait_for(lambda: "cannot be read or written" in log.problem())
    with log.owner() as owner:
        assert owner.execute("select max(size) from audit_checkpoint").fetchone() == (3,)
    folder.unlink()
    shutil.move(away, folder)
    assert settled(log)
    wait_for(lambda: log.problem() == "")
    log.check(6)


def test_a_database_that_goes_away_is_waited_for(log: Log, server: Path) -> None:
    sealer = log.start()
    log.enqueue(3)
    assert settled(log)
    with postgres.owner_connection(server, "postgres") as root:
        for _ in range(3):
            root.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [log.database])
            time.sleep(0.3)
    log.enqueue(3)
    assert settled(log)
    assert sealer.poll() is None and log.problem() == ""
    log.check(6)
