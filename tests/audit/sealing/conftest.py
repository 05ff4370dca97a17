"""A log of the test's own: a throw-away database, a folder beside it, and sealers as processes or in the test."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from audit.identifiers import new_id
from audit.log.checkpoints import Checkpoint, open_checkpoint
from audit.log.notes import signer_from_secret
from audit.log.tiles import root_at
from audit.sealing.config import Config
from audit.sealing.last_signed import LastSigned
from audit.sealing.sealer import connect
from audit.sealing.tree import tile_reader
from portal.database import GATEWAY_ROLE, SEALER_ROLE
from portal.embedded import postgres
from portal.embedded.paths import run_dir
from portal.vault import log_origin, secret
from tests.audit.log.trees import tree_hash
from tests.product import ROOT, eventually


@dataclass
class Log:
    """One database with its `last_signed`, and every checkpoint that was seen outside the database."""

    config: Config
    server: Path
    database: str
    environment: dict[str, str]
    seen: dict[int, str] = field(default_factory=dict)
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def last_signed(self) -> LastSigned:
        return LastSigned(self.config.trail_dir)

    def session(self, role: str = SEALER_ROLE) -> psycopg.Connection:
        return psycopg.connect(host=str(run_dir(self.server)), dbname=self.database, user=role, autocommit=True)

    def owner(self) -> psycopg.Connection:
        return postgres.owner_connection(self.server, self.database)

    @contextmanager
    def sealing(self) -> Iterator[psycopg.Connection]:
        """A sealer's session."""
        with connect(self.config.conninfo) as connection:
            yield connection

    def enqueue(self, number: int) -> None:
        """Entries' rows in the queue, as the gateway leaves them."""
        with self.session(GATEWAY_ROLE) as connection:
            rows = [new_id() for _ in range(number)]
            hashes = [hashlib.sha256(row.bytes).digest() for row in rows]
            statement = "insert into audit_pending select * from unnest(%b::uuid[], %b::bytea[])"
            connection.execute(statement, [rows, hashes])

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """A sealer as a process."""
        command = [sys.executable, "-m", "audit.sealing"]
        process = subprocess.Popen(command, cwd=ROOT, env={**self.environment, **environment})
        self._running.append(process)
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """An operator's command, to its end."""
        command = [sys.executable, "-m", "audit.sealing", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=30)

    def end(self) -> None:
        """SIGKILL to every sealer that still runs."""
        for process in self._running:
            process.kill()
            process.wait()
        self._running.clear()

    def pending(self) -> int:
        return self._number("select count(*) from audit_pending")

    def size(self) -> int:
        return self._number("select size from audit_tree")

    def problem(self) -> str:
        with self.owner() as owner:
            return owner.execute("select problem from audit_sealer").fetchone()[0]

    def sealers(self, condition: str) -> int:
        """How many sealers' sessions are in this state (of `pg_stat_activity`)."""
        sessions = "select count(*) from pg_stat_activity where datname = current_database()"
        return self._number(f"{sessions} and usename = 'countersign_sealer' and {condition}")

    def is_idle(self) -> bool:
        """Whether everything that waited is sealed and signed."""
        kept = self.note()
        return self.pending() == 0 and bool(kept) and self.opened(kept).size == self.size() == self._newest()

    def note(self) -> str:
        """What is signed now; remembered outside the database."""
        kept = self.last_signed.read() or ""
        if kept:
            size = self.opened(kept).size
            assert self.seen.setdefault(size, kept) == kept, "two checkpoints of one size"
        return kept

    def opened(self, note: str) -> Checkpoint:
        return open_checkpoint(note, self.config.signer.verifier)

    def check(self, entries: int) -> None:
        """The oracle: one leaf for each entry, numbers without a gap, each checkpoint the tree of its size."""
        with self.owner() as owner:
            placed = owner.execute("select leaf_index, entry_id from audit_leaf order by leaf_index").fetchall()
            notes = [note for (note,) in owner.execute("select note from audit_checkpoint")]
            read = tile_reader(owner)
            assert [index for index, _ in placed] == list(range(entries))
            assert len({entry for _, entry in placed}) == entries
            leaves = [hashlib.sha256(entry.bytes).digest() for _, entry in placed]
            assert root_at(entries, read) == tree_hash(leaves)
            for note in {*notes, *self.seen.values()}:
                checkpoint = self.opened(note)
                assert checkpoint.root == root_at(checkpoint.size, read) == tree_hash(leaves[: checkpoint.size])
        assert len({self.opened(note).size for note in notes}) == len(notes)

    def _newest(self) -> int | None:
        return self._number("select max(size) from audit_checkpoint")

    def _number(self, statement: str) -> int:
        with self.owner() as owner:
            return owner.execute(statement).fetchone()[0]


@pytest.fixture
def log_on(
    server: Path, tmp_path: Path, process_environment: Callable[[str], dict[str, str]]
) -> Iterator[Callable[[str], Log]]:
    """The log of a named database; all logs of one test share their folder."""
    made: list[Log] = []

    def log(database: str) -> Log:
        conninfo = make_conninfo(host=str(run_dir(server)), dbname=database, user=SEALER_ROLE)
        signer = signer_from_secret(log_origin(), secret("LOG_KEY", server))
        config = Config(conninfo, signer, tmp_path / "trail", pause_seconds=0.05)
        environment = {**process_environment(database), "TRAIL_DIR": str(config.trail_dir), "LOG_LEVEL": "CRITICAL"}
        made.append(Log(config, server, database, environment))
        return made[-1]

    yield log
    for each in made:
        each.end()


@pytest.fixture
def log(log_on: Callable[[str], Log], throwaway_database: str) -> Log:
    """A new log in which nothing waits: what seeding recorded is taken out of the queue."""
    made = log_on(throwaway_database)
    with made.owner() as owner:
        owner.execute("delete from audit_pending")
    return made


def settled(log: Log, seconds: float = 20) -> bool:
    """Whether everything was sealed in time."""
    return eventually(log.is_idle, seconds)


def wait_for(check: Callable[[], object], seconds: float = 15) -> None:
    """Fail unless the check comes true in time."""
    until = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < until, check
        time.sleep(0.02)


def smaller(log: Log, batch: int) -> Log:
    """The same log, sealed in smaller batches."""
    log.config = replace(log.config, batch=batch)
    log.environment["SEALER_BATCH"] = str(batch)
    return log
