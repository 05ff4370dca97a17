"""The sealer's rounds: seal what waits, sign what was committed, and say how it goes."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

import psycopg

from audit.sealing.config import Config
from audit.sealing.errors import Halted, Waiting
from audit.sealing.last_signed import LastSigned
from audit.sealing.publishing import publish
from audit.sealing.tree import has_pending, seal_batch

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
_UNSAFE = "select name from pg_settings where name in ('fsync', 'full_page_writes') and setting = 'off'"


class Sealer:
    """One sealer. Halted, it lives on and says why, and begins anew once `last_signed` was replaced."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._last_signed = LastSigned(config.trail_dir)
        self._stop = threading.Event()
        self._problem = ""
        self._halted_at: tuple[int, int] | None = None
        self._is_halted = False
        self._may_seal = False
        self._told: str | None = None
        self._beat_at = 0.0

    def stop(self) -> None:
        """End after the present round; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> None:
        """Seal until stopped. A database that goes away is waited for."""
        while not self._stop.is_set():
            try:
                with connect(self._config.conninfo) as connection:
                    # Before the first batch: so the file is there before there is anything to lose.
                    self._may_seal = False
                    _warn(connection)
                    self._work(connection)
            except psycopg.Error as error:
                log.warning("the database: %s", str(error).strip())
                self._stop.wait(self._config.pause_seconds)

    def _work(self, connection: psycopg.Connection) -> None:
        while not self._stop.is_set():
            could_seal = self._may_seal
            sealed = self._round(connection)
            self._beat(connection)
            if sealed < self._config.batch and could_seal == self._may_seal:
                self._stop.wait(self._config.pause_seconds)

    def _round(self, connection: psycopg.Connection) -> int:
        """Seal a batch and sign; how many were sealed."""
        if self._is_halted and self._last_signed.mark() == self._halted_at:
            return 0
        self._is_halted = False
        sealed = 0
        try:
            if self._may_seal and has_pending(connection):
                sealed = seal_batch(connection, self._config.batch)
            publish(connection, self._last_signed, self._config.signer, datetime.now(UTC))
        except Halted as error:
            self._is_halted, self._halted_at = True, self._last_signed.mark()
            self._say(str(error))
        except Waiting as error:
            self._say(str(error))
        except OSError as error:
            self._say(f"{self._last_signed.path} cannot be read or written ({error.strerror}); nothing is signed.")
        else:
            self._may_seal = True
            self._say("")
        return sealed

    def _say(self, problem: str) -> None:
        if problem and problem.split(":")[0] != self._problem.split(":")[0]:
            log.error("%s", problem)
        elif self._problem and not problem:
            log.warning("sealing again")
        self._problem = problem

    def _beat(self, connection: psycopg.Connection) -> None:
        is_news = self._problem != self._told
        if not is_news and time.monotonic() < self._beat_at + BEAT_SECONDS:
            return
        if self._problem or is_news:
            statement = "update audit_sealer set beat_at = clock_timestamp(), problem = %s where one"
            connection.execute(statement, [self._problem])
        else:
            # Not the problem: it may be another sealer's, which has halted.
            connection.execute("update audit_sealer set beat_at = clock_timestamp() where one")
        self._told, self._beat_at = self._problem, time.monotonic()


def _warn(connection: psycopg.Connection) -> None:
    for (name,) in connection.execute(_UNSAFE):
        log.warning("PostgreSQL runs with %s off: a power failure may lose leaves that were signed", name)


def connect(conninfo: str) -> psycopg.Connection:
    """A session of the sealer, in which each statement is its own transaction unless it says otherwise."""
    connection = psycopg.connect(conninfo, autocommit=True, connect_timeout=3, tcp_user_timeout=10_000)
    connection.execute("set statement_timeout = '60s'")
    return connection
