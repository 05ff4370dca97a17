"""Runs the sealer: `python -m audit.sealing`; `python -m audit.sealing adopt` after `last_signed` was lost."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import psycopg

from audit.log.notes import parse_vkey
from audit.sealing.config import Config
from audit.sealing.last_signed import LastSigned
from audit.sealing.sealer import MOST_LEAVES, Halted, NotYet, Sealer
from portal.env import env_str

ROUND_SECONDS = 1.0
PAUSE_SECONDS = 2.0
# A sealer that was paused in a transaction loses its session, and with it the fence.
_SESSION = "-c idle_in_transaction_session_timeout=10s -c lock_timeout=5s -c statement_timeout=60s"
log = logging.getLogger("audit.sealing")


def main() -> None:
    """Seal until told to stop. A halt is told and kept: only a restart looks again."""
    logging.basicConfig(level=env_str("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    config = Config.from_environment()
    kept = LastSigned(config.trail_dir, parse_vkey(config.signer.vkey))
    if sys.argv[1:] == ["adopt"]:
        sys.exit(_adopt(config, kept))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            with _connect(config) as connection:
                _Rounds(connection, Sealer(connection, config.signer, kept)).run(stop)
        except psycopg.Error as error:
            log.error("PostgreSQL: %s", str(error).strip())
            stop.wait(PAUSE_SECONDS)


class _Rounds:
    """Rounds on one session, and what they say of themselves in `audit_sealer`."""

    def __init__(self, connection: psycopg.Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._problem: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Until told to stop, or the session breaks."""
        self._say("")
        while not stop.is_set():
            try:
                sealed = self._sealer.seal()
                self._sealer.publish()
            except Halted as error:
                log.critical("Halted: %s", error)
                self._stay_halted(f"Sealing has halted: {error}.", stop)
                return
            except (NotYet, OSError) as error:
                self._say(f"Nothing can be signed at the moment: {error}.")
                stop.wait(PAUSE_SECONDS)
                continue
            self._say("")
            if sealed < MOST_LEAVES:
                stop.wait(ROUND_SECONDS)

    def _stay_halted(self, problem: str, stop: threading.Event) -> None:
        while not stop.is_set():
            self._say(problem)
            stop.wait(PAUSE_SECONDS)

    def _say(self, problem: str) -> None:
        if problem != self._problem and problem:
            log.error("%s", problem)
        self._problem = problem
        self._connection.execute("update audit_sealer set beat_at = clock_timestamp(), problem = %s", [problem])


def _connect(config: Config) -> psycopg.Connection:
    return psycopg.connect(_with_options(config.conninfo), autocommit=True, connect_timeout=5)


def _with_options(conninfo: str) -> str:
    given = psycopg.conninfo.conninfo_to_dict(conninfo).get("options") or ""
    return psycopg.conninfo.make_conninfo(conninfo, options=f"{given} {_SESSION}".strip())


def _adopt(config: Config, kept: LastSigned) -> str:
    """Exit message; empty when it was adopted."""
    try:
        with _connect(config) as connection:
            adopted = Sealer(connection, config.signer, kept).adopt()
    except Halted as error:
        return f"Not adopted: {error}."
    print(f"Adopted size {adopted.size}. Start the sealer again.")
    return ""


if __name__ == "__main__":
    main()
