"""One process of the check: reads parts from its standard input, one a line, and answers each on its output.

    {"conninfo", "snapshot", "trusted"}         first line: where to read, and the moment at which all processes read
    ["entries", low, high] / ["block", n, size]  then parts; the answer is what `Checker` says of it

A process and not a pool of `multiprocessing`, whose children the workers of the queue may not have.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson
import psycopg
from psycopg import sql

from audit.verifying.checking import Checker, Trusted

# Whoever checks must not take the processor from those who decide.
_NICENESS = 10


def main() -> None:
    """Answer until the input ends."""
    os.nice(_NICENESS)
    order = orjson.loads(sys.stdin.buffer.readline())
    with psycopg.connect(order["conninfo"], autocommit=True) as connection:
        look_at(connection, order["snapshot"])
        checker = Checker(connection, Trusted(*order["trusted"]))
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(orjson.dumps(answer(checker, orjson.loads(line)), default=tuple) + b"\n")
            sys.stdout.buffer.flush()


def look_at(connection: psycopg.Connection, snapshot: str | None = None) -> None:
    """Begin to read the database as it is at this moment, or at the moment that another session exported."""
    connection.execute("begin isolation level repeatable read read only")
    if snapshot is not None:
        connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))


def answer(checker: Checker, part: list[Any]) -> dict[str, Any]:
    """What the checker says of a part."""
    name, *arguments = part
    return checker.entries(*arguments) if name == "entries" else checker.block(*arguments)


if __name__ == "__main__":
    main()
