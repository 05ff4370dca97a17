"""A session with PostgreSQL that answers in time or is cut off, and comes back by itself."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

ANSWER_SECONDS = 2.0
SERVER_MILLISECONDS = 1800
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class DatabaseDown(Exception):
    """The database did not answer in time, or the session broke; what was asked may or may not have been done."""


async def connect(conninfo: str) -> AsyncConnection:
    """A new autocommit session in which every commit is durable before it is confirmed."""
    try:
        connection = await AsyncConnection.connect(
            conninfo, autocommit=True, connect_timeout=round(ANSWER_SECONDS), prepare_threshold=1
        )
        with cut_off_after(connection, ANSWER_SECONDS):
            # The server gives up first, so that what we gave up on is not committed after all.
            await connection.execute(f"set synchronous_commit = on; set statement_timeout = {SERVER_MILLISECONDS}")
    except psycopg.Error as error:
        raise DatabaseDown(str(error)) from error
    return connection


@contextmanager
def cut_off_after(connection: AsyncConnection, seconds: float) -> Iterator[None]:
    """Break the session when the block takes longer.

    Cancelling the task instead would first ask the server to cancel the query, and wait for its reply: with a
    server that hangs, for ever.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: AsyncConnection) -> None:
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)


class Session:
    """One connection, one statement at a time; after a failure it refuses at once until the pause is over."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._pause = _FIRST_PAUSE
        self._refuses_until = 0.0
        self.is_up = False

    async def execute(
        self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Run the statement in its own transaction and return its rows.

        `DatabaseDown` when there is no answer; any other `psycopg.Error` is the database's verdict on the statement.
        """
        async with self._turn:
            connection = await self._connected()
            try:
                with cut_off_after(connection, ANSWER_SECONDS):
                    cursor = await connection.execute(statement, parameters)
                    return await cursor.fetchall() if cursor.description else []
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                await self._lost()
                raise DatabaseDown(str(error)) from error

    async def close(self) -> None:
        """End the session; the next statement opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connected(self) -> AsyncConnection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        if time.monotonic() < self._refuses_until:
            raise DatabaseDown("the database did not answer a moment ago")
        try:
            self._connection = await connect(self._conninfo)
        except DatabaseDown:
            await self._lost()
            raise
        self.is_up, self._pause = True, _FIRST_PAUSE
        return self._connection

    async def _lost(self) -> None:
        self.is_up = False
        self._refuses_until = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        await self.close()
