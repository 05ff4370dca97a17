"""Runs the sealer, or does what an operator decided: `python -m audit.sealing [adopt [SIZE] | accept-clock]`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from datetime import UTC, datetime

import psycopg

from audit.log.checkpoints import parse_checkpoint
from audit.log.notes import split_note
from audit.sealing.config import Config
from audit.sealing.errors import Halted, Waiting
from audit.sealing.last_signed import LastSigned
from audit.sealing.publishing import adoptable, publish
from audit.sealing.sealer import Sealer, connect
from portal.env import Misconfigured, env_str


def main() -> None:
    """Seal until told to stop, or do the one act and end."""
    parser = argparse.ArgumentParser(prog="python -m audit.sealing", description=__doc__)
    acts = parser.add_subparsers(dest="act")
    adopting = acts.add_parser("adopt", help="take the database's newest checkpoint as the last signed one")
    adopting.add_argument("size", type=int, nargs="?", help="its size, once somebody compared it; without, it is shown")
    acts.add_parser("accept-clock", help="sign once although the clock is behind the newest checkpoint")
    arguments = parser.parse_args()
    logging.basicConfig(level=env_str("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s: %(message)s")
    try:
        config = Config.from_environment()
        if arguments.act == "adopt":
            _adopt(config, arguments.size)
        elif arguments.act == "accept-clock":
            _accept_clock(config)
        else:
            _seal(config)
    except (Misconfigured, Halted, Waiting) as error:
        sys.exit(str(error))
    except (psycopg.OperationalError, OSError) as error:
        sys.exit(f"It could not be done: {error}")


def _seal(config: Config) -> None:
    sealer = Sealer(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sealer.stop())
    sealer.run()


def _adopt(config: Config, size: int | None) -> None:
    last_signed = LastSigned(config.trail_dir)
    with connect(config.conninfo) as connection, last_signed.held():
        note = adoptable(connection, last_signed, config.signer)
        if size is None:
            _say(f"{note}\nCompare size and root with a witness, an exported proof or a report, then run: adopt SIZE")
            return
        found = parse_checkpoint(split_note(note)[0]).size
        if size != found:
            raise Halted(f"The newest checkpoint has the size {found}, not {size}; nothing was adopted.")
        last_signed.write(note)
        _say(f"Adopted the checkpoint of {size} entries; a halted sealer goes on by itself.")


def _accept_clock(config: Config) -> None:
    with connect(config.conninfo) as connection:
        last_signed = LastSigned(config.trail_dir)
        signed = publish(connection, last_signed, config.signer, datetime.now(UTC), any_clock=True)
        _say(f"Signed the tree of {signed.size} entries at the present time.")


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    main()
