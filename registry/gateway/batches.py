"""Natural batches: while one is being worked on the next one gathers, so nobody waits for a batch to fill."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """Hands all that waits, at most `most` at a time, to `work`; one batch is under way at a time.

    `work` returns one result for each item, in order; a result that is an exception is raised to its caller.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int,
        seen: Callable[[float], None] | None = None,
    ) -> None:
        self._work = work
        self._most = most
        self._seen = seen
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """The result for the item, once its batch is done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._running is None:
            # The task starts in the loop's next round: what arrived in this one shares the batch.
            self._running = loop.create_task(self._run())
        return await future

    async def drain(self) -> None:
        """Return when nothing waits and nothing is under way."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                if self._seen is not None:
                    self._seen(len(batch))
                _settle([future for _, future in batch], await self._results([item for item, _ in batch]))
        finally:
            self._running = None

    async def _results(self, items: list[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._work(items)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait, and they raise it
            return [error] * len(items)


def _settle(futures: list[asyncio.Future[Result]], results: Sequence[Result | Exception]) -> None:
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue  # whoever waited has given up
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
