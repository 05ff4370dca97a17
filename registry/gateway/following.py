"""How the gateway hears of releases and tokens: at once by notification, within a second by polling when not."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import psycopg

from registry.gateway.routes import Routes
from registry.gateway.sessions import DatabaseDown, Session, connect
from registry.gateway.tokens import Tokens

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
log = logging.getLogger(__name__)

# Counts besides the highest id: of two transactions the one with the lower id may commit last. An approval or a
# retirement is no release, and changes what is kept loaded.
_STATE = """
select (select count(*) from registry_release), (select max(id) from registry_release),
  (select count(*) from accounts_token), (select count(revoked_at) from accounts_token),
  (select string_agg(id || state, ' ' order by id) from registry_version where state in ('approved', 'standby'))
"""


class Follower:
    """Two tasks that never end: one listens, one polls."""

    def __init__(self, conninfo: str, session: Session, routes: Routes, tokens: Tokens, poll_seconds: float) -> None:
        self._conninfo = conninfo
        self._session = session
        self._routes = routes
        self._tokens = tokens
        self._poll_seconds = poll_seconds
        self._state: tuple[Any, ...] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.problem = "the database has not been asked yet"
        self.is_listening = False

    async def start(self) -> None:
        """Read everything once if the database answers, then follow."""
        await self._look()
        await self._routes.settled()
        self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._listen())]

    async def stop(self) -> None:
        """End both tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._look()
            self._routes.retry_failed()

    async def _look(self) -> None:
        try:
            (state,) = await self._session.execute(_STATE)
            if state != self._state:
                await self._tokens.refresh()
                await self._routes.refresh()
                self._state = state
            self.problem = ""
        except (DatabaseDown, psycopg.Error) as error:
            if not self.problem:
                log.error("The registry cannot be read: %s", error)
            self.problem = "PostgreSQL does not answer"

    async def _listen(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._hear()
            except (DatabaseDown, psycopg.Error) as error:
                if self.is_listening:
                    log.warning("Listening broke off: %s", error)
                    pause = _FIRST_PAUSE
            self.is_listening = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _hear(self) -> None:
        connection = await connect(self._conninfo)
        try:
            await connection.execute("listen production")
            await connection.execute("listen tokens")
            self.is_listening = True
            # What was said while nobody listened.
            await self._tokens.refresh()
            await self._routes.refresh()
            async for notice in connection.notifies():
                if notice.channel == "production":
                    await self._routes.refresh(notice.payload)
                else:
                    await self._tokens.refresh()
        finally:
            await connection.close()
