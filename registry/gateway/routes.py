"""The production pointer in memory: which loaded version answers for each system, and what is kept warm beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from portal.errors import Refusal
from registry.gateway.loaded import LoadedVersion, VersionRow
from registry.gateway.metrics import Metrics
from registry.gateway.refusals import Unavailable
from registry.gateway.sessions import Session
from registry.gateway.warming import Warm

log = logging.getLogger(__name__)

# The rollback target is what `registry.releasing.readiness.rollback_target` says: the newest earlier live version on
# standby. Of the approved versions the newest two are kept, so that the next release is as quick as a rollback.
POINTERS = """
select s.slug, r.number, w.role, v.number, v.artifact_sha256, v.manifest
from registry_system s
left join lateral (
  select number, version_id from registry_release where system_id = s.id order by number desc limit 1
) r on true
cross join lateral (
  select 'live' as role, r.version_id as id
  union all (
    select 'standby', e.version_id
    from registry_release e join registry_version t on t.id = e.version_id
    where e.system_id = s.id and t.state = 'standby' and t.id <> r.version_id
    order by e.number desc limit 1)
  union all (
    select 'approved', id from registry_version
    where system_id = s.id and state = 'approved' and artifact_format <> 'remote'
    order by number desc limit 2)
) w
left join registry_version v on v.id = w.id
where %s::text is null or s.slug = %s
order by s.slug
"""


class SystemUnknown(Refusal):
    """No system of that name is in production."""

    status = 404
    code = "system_unknown"


@dataclass(frozen=True)
class Pointer:
    """What the registry wants of a system: release 0 and nothing live where it was never released."""

    system: str
    release: int
    live: VersionRow | None
    # The version to which a rollback would return.
    standby: VersionRow | None
    # Those that may go live next.
    approved: tuple[VersionRow, ...] = ()

    @property
    def urgent(self) -> list[VersionRow]:
        """What answers, and what a rollback needs."""
        return [row for row in (self.live, self.standby) if row is not None]


@dataclass(frozen=True)
class Route:
    """What answers for a system now."""

    release: int
    version: LoadedVersion
    since: datetime


class Routes:
    """Follows the pointers. A swap is one assignment: a request keeps the route with which it began.

    `changed` is told of every swap, load and failed load.
    """

    def __init__(
        self, session: Session, artifact_dir: Path, metrics: Metrics, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._session = session
        self._metrics = metrics
        self._changed = changed
        self._pointers: dict[str, Pointer] | None = None
        self._table: dict[str, Route] = {}
        self._warm = Warm(artifact_dir, metrics, self._arrived, changed)

    def start(self) -> None:
        """Begin to try out what is loaded, again and again."""
        self._warm.start()

    def serving(self, system: str) -> Route:
        """The system's route. `SystemUnknown`, or `Unavailable` when its version is not loaded."""
        route = self._table.get(system)
        if route is not None:
            return route
        if self._pointers is None:
            raise Unavailable("The gateway is starting. Try again.", code="not_ready")
        if self.known(system):
            raise Unavailable("The version that is live cannot be served at the moment.", code="version_not_loaded")
        raise SystemUnknown(f"No system called {system[:64]} is in production.")

    def known(self, system: str) -> bool:
        """Whether the system is in production."""
        pointer = (self._pointers or {}).get(system)
        return system in self._table or (pointer is not None and pointer.live is not None)

    def serves(self) -> dict[str, int]:
        """The release that answers, by system."""
        return {system: route.release for system, route in self._table.items()}

    async def refresh(self, system: str | None = None) -> None:
        """Read the pointers (of one system, or all) and follow them; loading goes on in the background."""
        rows = await self._session.execute(POINTERS, [system, system])
        if self._pointers is None:
            self._pointers = {}
        for pointer in pointers_in(rows):
            self._follow(pointer)

    async def settled(self) -> None:
        """Return when what should answer, and what a rollback would need, is loaded or cannot be."""
        await self._warm.settled()

    def retry_failed(self) -> None:
        """Try again what could not be loaded some seconds ago: the artifact may be back."""
        for pointer in list((self._pointers or {}).values()):
            self._follow(pointer)

    def problems(self) -> list[str]:
        """Why the answers are not those that the registry wants, in words; empty when they are."""
        if self._pointers is None:
            return ["the production pointers have not been read yet"]
        wrong = [words for pointer in self._pointers.values() if (words := self._problem(pointer))]
        return wrong + [
            f"{system}: the smoke prediction failed: {why}"
            for system, route in self._table.items()
            if (why := self._warm.smoke_problem(system, route.version.number))
        ]

    def warnings(self) -> list[str]:
        """What does not touch answers now, but would touch a rollback."""
        pointers = (self._pointers or {}).values()
        targets = [(pointer.system, pointer.standby.number) for pointer in pointers if pointer.standby]
        return [
            f"{system}: version {number}, the rollback target, is not loaded: {self._warm.reason(system, number)}"
            for system, number in targets
            if self._warm.get(system, number) is None
        ]

    def describe(self, system: str) -> dict[str, Any]:
        """What this gateway serves for the system, and what the registry wants."""
        route = self.serving(system)
        pointer = (self._pointers or {})[system]
        standby, live = pointer.standby, pointer.live
        assert live is not None
        return {
            "system": system,
            **_served(route),
            "since": route.since.isoformat(timespec="milliseconds"),
            "newest": {"release": pointer.release, "version": live.number},
            "standby": standby
            and {"version": standby.number, "warm": self._warm.get(system, standby.number) is not None},
        }

    def report(self) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        """What is served, by system; and by system and version what is kept loaded, each with what is wrong with it."""
        serves = {system: _served(route) for system, route in self._table.items()}
        systems = {*serves, *(self._pointers or {})}
        warm = {
            system: {str(number): self._warm.problem(system, number) for number in numbers}
            for system in sorted(systems)
            if (numbers := self._warm.numbers(system))
        }
        return serves, warm

    async def close(self) -> None:
        """Stop loading and let all threads go."""
        await self._warm.close()

    def _arrived(self, system: str) -> None:
        """A version was loaded, while which the pointer may have moved: follow where it is now."""
        assert self._pointers is not None
        self._follow(self._pointers[system])

    def _follow(self, pointer: Pointer) -> None:
        assert self._pointers is not None
        known = self._pointers.get(pointer.system)
        if known is not None and known.release > pointer.release:
            return  # read before, arrived after: the pointer never moves back
        self._pointers[pointer.system] = pointer
        self._warm.want(pointer.system, pointer.urgent, pointer.approved)
        self._serve(pointer)
        self._drop_unused(pointer)

    def _serve(self, pointer: Pointer) -> None:
        """Swap, if the live version is loaded and the route is an older one."""
        if pointer.live is None:
            return
        version, route = self._warm.get(pointer.system, pointer.live.number), self._table.get(pointer.system)
        if version is None or (route is not None and route.release == pointer.release):
            return
        self._table[pointer.system] = Route(pointer.release, version, datetime.now(UTC))
        self._metrics.served(pointer.system, version.number, pointer.release)
        log.info("%s: release %d is served (version %d)", pointer.system, pointer.release, version.number)
        self._warm.try_out(pointer.system, version.number)
        self._changed()

    def _drop_unused(self, pointer: Pointer) -> None:
        wanted = {row.number for row in (*pointer.urgent, *pointer.approved)}
        route = self._table.get(pointer.system)
        if route is not None:
            wanted.add(route.version.number)
        self._warm.keep_only(pointer.system, wanted)

    def _problem(self, pointer: Pointer) -> str:
        route = self._table.get(pointer.system)
        if pointer.live is None or (route is not None and route.release == pointer.release):
            return ""
        wanted = f"release {pointer.release} (version {pointer.live.number})"
        still = f"; release {route.release} (version {route.version.number}) is still served" if route else ""
        reason = self._warm.reason(pointer.system, pointer.live.number)
        return f"{pointer.system}: {wanted} is not served: {reason}{still}"


def _served(route: Route) -> dict[str, Any]:
    version = route.version
    return {"release": route.release, "version": version.number, "artifact_sha256": version.artifact_sha256}


def pointers_in(rows: Iterable[Sequence[Any]]) -> Iterable[Pointer]:
    """One pointer for each system, from a row for each of its versions that are wanted."""
    for (system, release), group in groupby(rows, itemgetter(0, 1)):
        roles: dict[str, list[VersionRow]] = {"live": [], "standby": [], "approved": []}
        for _, _, role, *version in group:
            if version[0] is not None:
                roles[role].append(VersionRow(*version))
        live, standby = ((*roles[role], None)[0] for role in ("live", "standby"))
        yield Pointer(system, release or 0, live, standby, tuple(roles["approved"]))
