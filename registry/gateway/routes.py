"""The production pointer in memory: which loaded version answers for each system, and what is kept warm beside it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portal.errors import Refusal
from registry.gateway.loaded import LoadedVersion, LoadFailed, VersionRow, load_version
from registry.gateway.metrics import Metrics
from registry.gateway.refusals import Unavailable
from registry.gateway.sessions import Session

RETRY_LOAD_SECONDS = 5.0
log = logging.getLogger(__name__)

# The rollback target is what `registry.queries.rollback_target` says: the newest earlier live version on standby.
_POINTERS = """
select distinct on (r.system_id) s.slug, r.number, v.number, v.artifact_sha256, v.manifest,
  t.number, t.artifact_sha256, t.manifest
from registry_release r
join registry_system s on s.id = r.system_id
join registry_version v on v.id = r.version_id
left join lateral (
  select w.number, w.artifact_sha256, w.manifest
  from registry_release e join registry_version w on w.id = e.version_id
  where e.system_id = r.system_id and w.state = 'standby' and w.id <> r.version_id
  order by e.number desc limit 1
) t on true
where %s::text is null or s.slug = %s
order by r.system_id, r.number desc
"""


class SystemUnknown(Refusal):
    """No system of that name is in production."""

    status = 404
    code = "system_unknown"


@dataclass(frozen=True)
class Pointer:
    """A system's newest release, and the version to which a rollback would return."""

    system: str
    release: int
    live: VersionRow
    standby: VersionRow | None


@dataclass(frozen=True)
class Route:
    """What answers for a system now."""

    release: int
    version: LoadedVersion
    since: datetime


class Routes:
    """Follows the pointers. A swap is one assignment: a request keeps the route with which it began."""

    def __init__(self, session: Session, artifact_dir: Path, metrics: Metrics) -> None:
        self._session = session
        self._artifact_dir = artifact_dir
        self._metrics = metrics
        self._pointers: dict[str, Pointer] | None = None
        self._table: dict[str, Route] = {}
        self._warm: dict[tuple[str, int], LoadedVersion] = {}
        self._failed: dict[tuple[str, int], tuple[str, float]] = {}
        self._loads: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._smoke: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="load")

    def serving(self, system: str) -> Route:
        """The system's route. `SystemUnknown`, or `Unavailable` when its version is not loaded."""
        route = self._table.get(system)
        if route is not None:
            return route
        if self._pointers is None:
            raise Unavailable("The gateway is starting. Try again.", code="not_ready")
        if system in self._pointers:
            raise Unavailable("The version that is live cannot be served at the moment.", code="version_not_loaded")
        raise SystemUnknown(f"No system called {system[:64]} is in production.")

    def known(self, system: str) -> bool:
        """Whether the system is in production."""
        return system in self._table or system in (self._pointers or {})

    def serves(self) -> dict[str, int]:
        """The release that answers, by system."""
        return {system: route.release for system, route in self._table.items()}

    async def refresh(self, system: str | None = None) -> None:
        """Read the pointers (of one system, or all) and follow them; loading goes on in the background."""
        rows = await self._session.execute(_POINTERS, [system, system])
        if self._pointers is None:
            self._pointers = {}
        for pointer in map(_pointer, rows):
            self._follow(pointer)

    async def settled(self) -> None:
        """Return when nothing is being loaded or tried."""
        while tasks := [*self._loads.values(), *self._tasks]:
            await asyncio.wait(tasks)

    def retry_failed(self) -> None:
        """Try again what could not be loaded some seconds ago: the artifact may be back."""
        for pointer in list((self._pointers or {}).values()):
            self._follow(pointer)

    def problems(self) -> list[str]:
        """Why the answers are not those that the registry wants, in words; empty when they are."""
        if self._pointers is None:
            return ["the production pointers have not been read yet"]
        wrong = [words for pointer in self._pointers.values() if (words := self._problem(pointer))]
        return wrong + [f"{system}: the smoke prediction failed: {why}" for system, why in self._smoke.items()]

    def warnings(self) -> list[str]:
        """What does not touch answers now, but would touch a rollback."""
        pointers = (self._pointers or {}).values()
        targets = [(pointer.system, pointer.standby) for pointer in pointers if pointer.standby]
        return [
            f"{system}: version {row.number}, the rollback target, is not loaded: {self._reason(system, row)}"
            for system, row in targets
            if (system, row.number) not in self._warm
        ]

    def describe(self, system: str) -> dict[str, Any]:
        """What this gateway serves for the system, and what the registry wants."""
        route = self.serving(system)
        pointer = (self._pointers or {})[system]
        standby = pointer.standby
        return {
            "system": system,
            "release": route.release,
            "version": route.version.number,
            "artifact_sha256": route.version.artifact_sha256,
            "since": route.since.isoformat(timespec="milliseconds"),
            "newest": {"release": pointer.release, "version": pointer.live.number},
            "standby": standby and {"version": standby.number, "warm": (system, standby.number) in self._warm},
        }

    async def close(self) -> None:
        """Stop loading and let all threads go."""
        for task in [*self._loads.values(), *self._tasks]:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for version in self._warm.values():
            version.close()

    def _follow(self, pointer: Pointer) -> None:
        known = (self._pointers or {}).get(pointer.system)
        if known is not None and known.release > pointer.release:
            return  # read before, arrived after: the pointer never moves back
        assert self._pointers is not None
        self._pointers[pointer.system] = pointer
        route = self._table.get(pointer.system)
        warm = self._warm.get((pointer.system, pointer.live.number))
        if warm is None:
            self._start_loading(pointer.system, pointer.live)
        elif route is None or route.release != pointer.release:
            self._swap(pointer, warm)
        if pointer.standby and (pointer.system, pointer.standby.number) not in self._warm:
            self._start_loading(pointer.system, pointer.standby)
        self._drop_unused(pointer)

    def _swap(self, pointer: Pointer, version: LoadedVersion) -> None:
        self._table[pointer.system] = Route(pointer.release, version, datetime.now(UTC))
        self._metrics.served(pointer.system, version.number, pointer.release)
        log.info("%s: release %d is served (version %d)", pointer.system, pointer.release, version.number)
        self._keep(asyncio.create_task(self._try_out(pointer.system, version)))

    async def _try_out(self, system: str, version: LoadedVersion) -> None:
        """One prediction through the new route. A failure is told, not undone: people moved the pointer."""
        problem = await version.smoke()
        if self._table[system].version is not version:
            return
        self._smoke.pop(system, None)
        if problem:
            self._smoke[system] = problem
            log.error("%s: the smoke prediction of version %d failed: %s", system, version.number, problem)

    def _start_loading(self, system: str, row: VersionRow) -> None:
        which = (system, row.number)
        _, failed_at = self._failed.get(which, ("", -RETRY_LOAD_SECONDS))
        if which not in self._loads and time.monotonic() - failed_at >= RETRY_LOAD_SECONDS:
            self._loads[which] = asyncio.create_task(self._load(system, row))

    async def _load(self, system: str, row: VersionRow) -> None:
        which = (system, row.number)
        seen = self._metrics.score_rows.observe
        try:
            loop = asyncio.get_running_loop()
            loaded = await loop.run_in_executor(
                self._threads, load_version, system, row, self._artifact_dir, seen
            )
        except Exception as error:  # noqa: BLE001 - whatever a library raises, the old route must go on serving
            reason = str(error) if isinstance(error, LoadFailed) else f"{type(error).__name__} while loading"
            if self._failed.get(which, ("", 0))[0] != reason:
                log.error("%s: version %d cannot be loaded: %s", system, row.number, reason)
            self._failed[which] = (reason, time.monotonic())
            del self._loads[which]
            return
        self._warm[which] = loaded
        self._failed.pop(which, None)
        del self._loads[which]
        # The pointer may have moved while this was loading: follow where it is now.
        assert self._pointers is not None
        self._follow(self._pointers[system])

    def _drop_unused(self, pointer: Pointer) -> None:
        wanted = {pointer.live.number} | ({pointer.standby.number} if pointer.standby else set())
        route = self._table.get(pointer.system)
        if route is not None:
            wanted.add(route.version.number)
        for which in [key for key in self._warm if key[0] == pointer.system and key[1] not in wanted]:
            # Requests that began on it still score there: the thread ends after its last batch.
            self._keep(asyncio.create_task(self._warm.pop(which).close_when_idle()))
            self._metrics.retire(*which)
        for which in [key for key in self._failed if key[0] == pointer.system and key[1] not in wanted]:
            del self._failed[which]

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _problem(self, pointer: Pointer) -> str:
        route = self._table.get(pointer.system)
        if route is not None and route.release == pointer.release:
            return ""
        wanted = f"release {pointer.release} (version {pointer.live.number})"
        still = f"; release {route.release} (version {route.version.number}) is still served" if route else ""
        return f"{pointer.system}: {wanted} is not served: {self._reason(pointer.system, pointer.live)}{still}"

    def _reason(self, system: str, row: VersionRow) -> str:
        return self._failed.get((system, row.number), ("it is being loaded", 0))[0]


def _pointer(row: Sequence[Any]) -> Pointer:
    slug, release, *versions = row
    standby = VersionRow(*versions[3:]) if versions[3] is not None else None
    return Pointer(slug, release, VersionRow(*versions[:3]), standby)
