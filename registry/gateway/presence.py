"""The gateway's own acts in the trail: it started, it is there, it stopped.

A beat each minute bounds what could be cut off the end of its chain without a trace.
"""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum

from audit.encryption import Keys
from audit.records import HEARTBEAT, act_draft
from registry.gateway.recorder import Recorder
from registry.gateway.refusals import RecordUnavailable
from registry.gateway.routes import Routes

RETRY_SECONDS = 1.0
log = logging.getLogger(__name__)


class Event(StrEnum):
    """Names of the gateway's acts."""

    STARTED = "gateway.start"
    THERE = HEARTBEAT
    STOPPED = "gateway.stop"


class Presence:
    """One task that beats; the start is recorded as soon as the database takes it."""

    def __init__(self, recorder: Recorder, routes: Routes, keys: Keys, name: str, beat_seconds: float) -> None:
        self._recorder = recorder
        self._routes = routes
        self._keys = keys
        self._name = name
        self._beat_seconds = beat_seconds
        self._started = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Say that the gateway stops; without a database that cannot be said, and the chain ends without it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._started:
            await self._record(Event.STOPPED)

    async def _beat(self) -> None:
        while not await self._record(Event.STARTED):
            await asyncio.sleep(RETRY_SECONDS)
        self._started = True
        while True:
            await asyncio.sleep(self._beat_seconds)
            await self._record(Event.THERE)

    async def _record(self, event: Event) -> bool:
        draft = act_draft(
            type=event.value,
            actor="system:gateway",
            keyring=self._keys.ring(),
            object=self._name,
            details={"serves": self._routes.serves()},
        )
        try:
            await self._recorder.write(draft)
        except RecordUnavailable:
            return False
        return True
