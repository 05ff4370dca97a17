"""Doing what the maxima say: personal data made unreadable month by month, then whole months archived and dropped."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import date, datetime

from audit.models import Archive
from audit.retention import archive as archives
from audit.retention import queries, services
from portal.accounts.access import Actor
from portal.errors import Conflict

BATCH = 10_000
# Sealing takes some seconds; a lock that somebody holds is tried for again.
SEAL_SECONDS = 60.0
DROP_TRIES = 20

Say = Callable[[str], None]
Clock = Callable[[], datetime]


def keep_to_policies(*, actor: Actor, now: Clock, say: Say) -> None:
    """Everything that is due: expire, archive, drop. Nothing where no maximum is set; may be cut off at any point."""
    for rule in queries.rules():
        for month in queries.months():
            is_done = rule.emptied_through is not None and month.first_day <= rule.emptied_through
            if not is_done and not expire_month(
                actor=actor, system=rule.system, month=month.first_day, now=now, say=say
            ):
                break
    for month in queries.months():
        if is_due(month.first_day, now()):
            archive_month(actor=actor, month=month.first_day, now=now, say=say)
            drop_month(actor=actor, month=month.first_day, now=now, say=say)


def expire_month(*, actor: Actor, system: str, month: date, now: Clock, say: Say) -> bool:
    """Make the month's personal data of the system unreadable; whether later months may be looked at."""
    rule = queries.rule_of(system)
    if rule is None or rule.months is None or not queries.has_passed(month, rule.months, now()):
        return False
    if queries.is_held(system):
        return False
    after, total = uuid.UUID(int=0), 0
    while expired := services.expire_decisions(
        actor=actor, system=system, month=month, after=after, at_most=BATCH, now=now()
    ):
        after, total = expired[-1], total + len(expired)
    if total:
        say(f"{system}, {month:%Y-%m}: the personal data of {total} decisions can no longer be read.")
    if queries.has_holds(system):
        # People under a hold were left out: look again when it is lifted, and go on with the next month.
        return True
    services.note_emptied(system=system, month=month)
    return True


def is_due(month: date, now: datetime) -> bool:
    """Whether every system with entries in the month has passed its maximum, and none is under a hold."""
    if not queries.has_passed(month, services.LEAST_MONTHS, now):
        return False
    systems = queries.systems_of(month)
    rules = {rule.system: rule for rule in queries.rules()}
    return bool(systems) and all(
        name in rules and queries.has_passed(month, rules[name].months or 0, now) and not queries.has_holds(name)
        for name in systems
    )


def archive_month(*, actor: Actor, month: date, now: Clock, say: Say) -> Archive:
    """The month's archive: the one that exists, read back again, or a new one. `ArchiveFailed` says what is wrong."""
    known = queries.archive_of(month)
    if known is None:
        if not queries.has_passed(month, 0, now()):
            raise archives.ArchiveFailed("Only a month that is over can be archived.")
        archives.write_archive(month)
        manifest, sha256 = archives.read_back(archives.folder_of(month))
        folder = str(archives.folder_of(month))
        known = services.note_archive(month=month, manifest=manifest, sha256=sha256, folder=folder, now=now())
        say(f"{month:%Y-%m}: {known.rows} entries in {folder}, read back and hashed anew.")
    return known


def drop_month(*, actor: Actor, month: date, now: Clock, say: Say) -> int:
    """Announce the drop, wait until that is sealed, and drop; how many entries.

    `Conflict` names the rule that stands against it.
    """
    known = queries.archive_of(month)
    if known is None or known.dropped_at:
        raise Conflict("The month is not archived, or dropped already.")
    manifest, sha256 = archives.read_back(archives.folder_of(month))
    if sha256 != bytes(known.manifest_sha256):
        raise archives.ArchiveFailed("The manifest is not the one that was written.")
    if known.drop_entry is None:
        leaves = {"leaves_root": manifest["leaves_root"], "leaf_ranges": _stated(manifest["leaf_ranges"])}
        known = services.announce_drop(actor=actor, archive=known, leaves=leaves, now=now())
    assert known.drop_entry is not None
    _wait_until_sealed(known.drop_entry)
    rows = _drop(month)
    say(f"{month:%Y-%m}: {rows} entries dropped from the database; their archive stays in {known.folder}.")
    return rows


def _stated(ranges: list[list[int]], most: int = 200) -> list[list[int]]:
    """The ranges as an entry can hold them: all, or where there are too many the whole span."""
    return ranges if len(ranges) <= most else [[ranges[0][0], ranges[-1][1]]]


def _wait_until_sealed(entry: uuid.UUID) -> None:
    deadline = time.monotonic() + SEAL_SECONDS
    while not queries.is_sealed(entry):
        if time.monotonic() > deadline:
            raise Conflict("The announcement is not sealed yet; look at the integrity page, then try again.")
        time.sleep(0.5)


def _drop(month: date) -> int:
    for attempt in range(1, DROP_TRIES + 1):
        try:
            return services.drop_month(month=month)
        except services.Busy:
            # Somebody reads or writes there; the lock is not waited for long, so that no decision waits behind it.
            time.sleep(0.5 * attempt)
    raise Conflict("The month is in use all the time; try again when less goes on.")
