"""The versions that are kept loaded, each tried out: what answers, what a rollback needs, and what may go live next."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from registry.gateway.loaded import LoadedVersion, LoadFailed, VersionRow, load_version
from registry.gateway.metrics import Metrics

RETRY_LOAD_SECONDS = 5.0
SMOKE_SECONDS = 30.0
_UNTRIED = "it has not been tried out yet"
log = logging.getLogger(__name__)
Which = tuple[str, int]


class Warm:
    """Loads what is wanted in threads of its own, and says of each version what is wrong with it.

    `arrived` is told of the system whose version was loaded, `changed` of everything that a report would say anew.
    """

    def __init__(
        self, artifact_dir: Path, metrics: Metrics, arrived: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self._artifact_dir = artifact_dir
        self._metrics = metrics
        self._arrived = arrived
        self._changed = changed
        self._loaded: dict[Which, LoadedVersion] = {}
        self._failed: dict[Which, tuple[str, float]] = {}
        # What the last prediction of a loaded version was about; empty when nothing was wrong with it.
        self._tried: dict[Which, str] = {}
        self._loads: dict[Which, asyncio.Task[None]] = {}
        self._urgent: dict[str, set[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # What may go live some day must not keep what is live now, or would be after a rollback, waiting.
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._later = ThreadPoolExecutor(1, thread_name_prefix="load-later")

    def start(self) -> None:
        """Begin to try out again and again what answers, and what a rollback would need."""
        self._keep(asyncio.create_task(self._keep_trying()))

    def get(self, system: str, number: int) -> LoadedVersion | None:
        """The version, if it is loaded."""
        return self._loaded.get((system, number))

    def want(self, system: str, urgent: Sequence[VersionRow], later: Sequence[VersionRow]) -> None:
        """Load what is not loaded: `urgent` is what answers and what a rollback needs, `later` what may go live."""
        self._urgent[system] = {row.number for row in urgent}
        for row in urgent:
            self._start_loading(system, row, self._threads)
        for row in later:
            self._start_loading(system, row, self._later)

    def keep_only(self, system: str, numbers: set[int]) -> None:
        """Let go of the system's other versions. Requests that began on one still score there."""
        for which in [key for key in self._loaded if key[0] == system and key[1] not in numbers]:
            self._keep(asyncio.create_task(self._loaded.pop(which).close_when_idle()))
            self._metrics.retire(*which)
            self._tried.pop(which, None)
            self._changed()
        for which in [key for key in self._failed if key[0] == system and key[1] not in numbers]:
            del self._failed[which]
            self._changed()

    def numbers(self, system: str) -> list[int]:
        """The system's versions that are loaded, are being loaded, or could not be."""
        return sorted({number for name, number in {*self._loaded, *self._loads, *self._failed} if name == system})

    def problem(self, system: str, number: int) -> str:
        """What is wrong with the version, in words that go on a sentence; empty when it could answer."""
        which = (system, number)
        if which not in self._loaded:
            return f"it cannot be loaded: {self._failed[which][0]}" if which in self._failed else "it is being loaded"
        tried = self._tried.get(which, _UNTRIED)
        return tried if tried in ("", _UNTRIED) else f"the smoke prediction failed: {tried}"

    def reason(self, system: str, number: int) -> str:
        """Why the version is not loaded."""
        return self._failed.get((system, number), ("it is being loaded", 0))[0]

    def smoke_problem(self, system: str, number: int) -> str:
        """What was wrong with the version's last prediction on trial; empty when nothing was, or it had none."""
        return self._tried.get((system, number), "")

    def try_out(self, system: str, number: int) -> None:
        """Have the version predict once, in its own thread. A failure is told, not undone: people move the pointer."""
        self._keep(asyncio.create_task(self._try_out((system, number))))

    async def settled(self) -> None:
        """Return when nothing urgent is being loaded, and nothing is being tried."""
        while waiting := [task for which, task in self._loads.items() if which[1] in self._urgent.get(which[0], ())]:
            await asyncio.wait(waiting)

    async def close(self) -> None:
        """Stop loading and let all threads go."""
        for task in [*self._loads.values(), *self._tasks]:
            task.cancel()
        for threads in (self._threads, self._later):
            threads.shutdown(wait=False, cancel_futures=True)
        for version in self._loaded.values():
            version.close()

    def _start_loading(self, system: str, row: VersionRow, threads: ThreadPoolExecutor) -> None:
        which = (system, row.number)
        _, failed_at = self._failed.get(which, ("", -RETRY_LOAD_SECONDS))
        if which in self._loaded or which in self._loads or time.monotonic() - failed_at < RETRY_LOAD_SECONDS:
            return
        self._loads[which] = asyncio.create_task(self._load(system, row, threads))

    async def _load(self, system: str, row: VersionRow, threads: ThreadPoolExecutor) -> None:
        which, loop = (system, row.number), asyncio.get_running_loop()
        seen = self._metrics.score_rows.observe
        try:
            loaded = await loop.run_in_executor(threads, load_version, system, row, self._artifact_dir, seen)
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the old route must go on serving
            self._fail(which, str(error) if isinstance(error, LoadFailed) else f"{type(error).__name__} while loading")
            return
        finally:
            del self._loads[which]
        self._loaded[which] = loaded
        self._failed.pop(which, None)
        # The pointer may have moved while this was loading; the news may also be that nobody wants it any more.
        self._arrived(system)
        self.try_out(*which)
        self._changed()

    def _fail(self, which: Which, reason: str) -> None:
        if self._failed.get(which, ("", 0))[0] != reason:
            log.error("%s: version %d cannot be loaded: %s", *which, reason)
        self._failed[which] = (reason, time.monotonic())
        self._changed()

    async def _keep_trying(self) -> None:
        while True:
            await asyncio.sleep(SMOKE_SECONDS)
            wanted = [(system, number) for system, numbers in self._urgent.items() for number in numbers]
            await asyncio.gather(*(self._try_out(which) for which in wanted))

    async def _try_out(self, which: Which) -> None:
        version = self._loaded.get(which)
        if version is None:
            return
        try:
            problem = await version.smoke()
        except Exception as error:  # noqa: BLE001 - whatever a library raises is what is wrong with the version
            problem = type(error).__name__
        if self._loaded.get(which) is not version:
            return
        before, self._tried[which] = self._tried.get(which), problem
        if problem != before:
            self._changed()
        if problem and problem != before:
            log.error("%s: the smoke prediction of version %d failed: %s", *which, problem)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
