"""What this process serves and keeps loaded, told to the portal through the database about every second.

The portal trusts no gateway that it has not heard of for some seconds; so a report is an upsert of one small row, on
the session that reads, and never stands in the way of a decision's commit.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from contextlib import suppress
from datetime import UTC, datetime

import psycopg

from registry.gateway.routes import Routes
from registry.gateway.sessions import DatabaseDown, Session

REPORT_SECONDS = 1.0
# The clock is the database's, as it is for whoever reads. Nothing is lost with a report, so its commit waits for no
# disk: who looks up a key on the same session shall not, either.
_REPORT = """
with hasty as (select set_config('synchronous_commit', 'off', true)),
  swept as (delete from registry_gatewayreport where seen_at < now() - interval '1 hour' and instance <> %(instance)s)
insert into registry_gatewayreport (instance, name, address, started_at, seen_at, serves, warm)
select %(instance)s, %(name)s, %(address)s, %(started_at)s, now(), %(serves)s::jsonb, %(warm)s::jsonb from hasty
on conflict (instance) do update set seen_at = excluded.seen_at, serves = excluded.serves, warm = excluded.warm
"""
_GONE = "delete from registry_gatewayreport where instance = %s"
log = logging.getLogger(__name__)


class Reports:
    """One task that reports, at once when something changed and else every `REPORT_SECONDS`; one row for the process.

    The row goes when the process stops; that of a process that was killed is swept by the others within the hour.
    """

    def __init__(self, session: Session, routes: Routes, name: str, address: str) -> None:
        self._session = session
        self._routes = routes
        self._who = {"instance": uuid.uuid4(), "name": name, "address": address, "started_at": datetime.now(UTC)}
        self._news = asyncio.Event()
        self._stops = False
        self._fails = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to report."""
        self._task = asyncio.create_task(self._keep_reporting())

    def tell(self) -> None:
        """Report at once: something changed."""
        self._news.set()

    async def stop(self) -> None:
        """Take the row away; without a database it stays, and is believed for some seconds more."""
        self._stops = True
        self._news.set()
        if self._task is not None:
            await self._task
            with suppress(DatabaseDown, psycopg.Error):
                await self._session.execute(_GONE, [self._who["instance"]])

    async def _keep_reporting(self) -> None:
        # Woken and not cancelled: a statement that is under way comes to its end.
        while not self._stops:
            self._news.clear()
            await self._report()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), REPORT_SECONDS)

    async def _report(self) -> None:
        serves, warm = self._routes.report()
        said = {**self._who, "serves": json.dumps(serves), "warm": json.dumps(warm)}
        try:
            await self._session.execute(_REPORT, said)
        except (DatabaseDown, psycopg.Error) as error:
            if not self._fails:
                log.warning("The portal cannot be told what is served: %s", error)
            self._fails = True
        else:
            self._fails = False
