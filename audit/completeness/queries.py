"""Counted against recorded: what the gateways say they answered, beside what the trail holds, hour by hour."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import connection

from audit.identifiers import first_id_at
from audit.models import Archive, Counted
from audit.queries import bounded
from audit.records import Mode, Status
from portal.accounts.access import Actor, Permission
from portal.errors import Invalid, Problem

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=31)
# A count is flushed every 10 s, and waits longer where the database was away for a moment.
_SETTLED_AFTER = timedelta(seconds=30)
_UNRECORDED = "unrecorded"
# One range of ids for each hour: so only its own stretch of the primary key is read.
_RECORDED = """
select hour, system, coalesce(version, 0), mode, status, count(*)
from unnest(%s::timestamptz[], %s::uuid[], %s::uuid[]) as hours (hour, low, high)
cross join lateral (
  select system, version, mode, status from audit_entry where id >= low and id < high and type = 'decision'
) as decisions
group by 1, 2, 3, 4, 5
"""


@dataclass(frozen=True)
class Tally:
    """One hour of one version (None: no version was reached): how many by status, counted and recorded."""

    hour: datetime
    system: str
    version: int | None
    counted: Mapping[str, int]
    recorded: Mapping[str, int]
    # Requests that were told that nothing was recorded.
    unrecorded: int = 0
    # Its last counts are not in yet.
    is_running: bool = False
    # Counted and not in the trail: a count is raised after the commit, so this is never a matter of time.
    missing: int = 0
    # In the trail and not counted; in a running hour, not counted yet.
    surplus: int = 0

    @property
    def counted_total(self) -> int:
        """Requests that the gateways counted as recorded."""
        return sum(self.counted.values())

    @property
    def recorded_total(self) -> int:
        """Decisions in the trail."""
        return sum(self.recorded.values())

    @property
    def words(self) -> str:
        """What is wrong in this hour; empty when nothing is."""
        if self.missing:
            are = "was counted" if self.missing == 1 else "were counted"
            is_not = "is not" if self.missing == 1 else "are not"
            return f"{_some(self.missing)} {self._whose} {are} {self._when} and {is_not} in the trail."
        if self.surplus and not self.is_running:
            more = f"{self.surplus:,} more {'decision' if self.surplus == 1 else 'decisions'} {self._whose}"
            why = "A gateway was killed before its last count, up to 10 s of counting may be missing"
            lost = f"; or a commit went through unconfirmed ({self.unrecorded:,} callers were told to try again)"
            than = "is in the trail than was counted" if self.surplus == 1 else "are in the trail than were counted"
            return f"{more} {than} {self._when}. {why}{lost if self.unrecorded else ''}."
        return ""

    @property
    def _whose(self) -> str:
        return f"of {self.system} version {self.version}" if self.version else f"of {self.system} without a version"

    @property
    def _when(self) -> str:
        end = self.hour + HOUR
        return f"between {self.hour:%H:%M} and {end:%H:%M} UTC on {self.hour.day} {self.hour:%B %Y}"


@dataclass(frozen=True)
class Verdict:
    """Whether everything that was counted is in the trail: `complete`, `missing`, `surplus` or `nothing`."""

    state: str
    words: str
    missing: int = 0
    surplus: int = 0


@dataclass(frozen=True)
class Completeness:
    """The hours from `since` to before `until`, newest first."""

    since: datetime
    until: datetime
    tallies: list[Tally]
    # Decisions reported from elsewhere, by system: nobody counted those.
    reported: dict[str, int] = field(default_factory=dict)
    # Months that were dropped under retention: there is nothing to compare.
    dropped: list[datetime] = field(default_factory=list)

    @property
    def gaps(self) -> list[str]:
        """What is wrong, in words, what is missing first."""
        wrong = sorted((tally for tally in self.tallies if tally.words), key=lambda tally: not tally.missing)
        return [tally.words for tally in wrong]

    @property
    def counted(self) -> int:
        """All that was counted as recorded."""
        return sum(tally.counted_total for tally in self.tallies)

    @property
    def unrecorded(self) -> int:
        """All requests that were told that nothing was recorded."""
        return sum(tally.unrecorded for tally in self.tallies)

    @property
    def verdict(self) -> Verdict:
        """One line for people who want one line."""
        missing = sum(tally.missing for tally in self.tallies)
        surplus = sum(tally.surplus for tally in self.tallies if not tally.is_running)
        if missing:
            are = "decision that a gateway counted is" if missing == 1 else "decisions that gateways counted are"
            return Verdict("missing", f"{missing:,} {are} not in the trail.", missing, surplus)
        if surplus:
            are = "decision is" if surplus == 1 else "decisions are"
            words = f"Nothing is missing; {surplus:,} {are} in the trail that no gateway lived to count."
            return Verdict("surplus", words, 0, surplus)
        if not self.tallies:
            return Verdict("nothing", "No gateway counted a decision in this time.")
        return Verdict("complete", f"All {self.counted:,} decisions that the gateways counted are in the trail.")


def completeness_for(actor: Actor, since: datetime, until: datetime, now: datetime) -> Completeness:
    """The comparison; `Forbidden` without sight of the trail, `Invalid` for more than 31 days or none."""
    actor.need(Permission.TRAIL_VIEW)
    return completeness(since, until, now)


def completeness_verdict(since: datetime, until: datetime) -> Verdict:
    """The verdict alone, for whoever shows several; `TooMuch` where counting takes too long."""
    return completeness(since, until, until).verdict


def completeness(since: datetime, until: datetime, now: datetime) -> Completeness:
    """Whole hours that hold the given time, up to now. What was counted is read before what was recorded."""
    since, until = _hour_of(since), min(_hour_of(until - timedelta(microseconds=1)), _hour_of(now)) + HOUR
    if not since < until:
        raise Invalid("The end lies before the beginning.", details=[Problem("until", "lies before since")])
    if until - since > LONGEST + HOUR:
        raise Invalid(
            "At most 31 days are compared at once.", details=[Problem("since", "lies more than 31 days back")]
        )
    dropped = _dropped(since, until)
    hours = [hour for hour in _hours(since, until) if hour.replace(day=1, hour=0) not in dropped]
    with bounded():
        counted, unrecorded = _counted(since, until, set(hours))
        recorded, reported = _recorded(hours)
    keys = sorted(counted.keys() | unrecorded.keys() | recorded.keys(), key=lambda key: (key[1], key[2]))
    keys.sort(key=lambda key: key[0], reverse=True)
    tallies = [_tally(key, counted.get(key, {}), recorded.get(key, {}), unrecorded.get(key, 0), now) for key in keys]
    return Completeness(since, until, tallies, reported, dropped)


def by_day(tallies: Iterable[Tally]) -> list[Tally]:
    """The tallies of each day in one; a difference of one hour does not make up for that of another."""
    days: defaultdict[tuple[datetime, str, int], list[Tally]] = defaultdict(list)
    for tally in tallies:
        days[tally.hour.replace(hour=0), tally.system, tally.version or 0].append(tally)
    return [_summed(day, system, version, hours) for (day, system, version), hours in days.items()]


def _summed(day: datetime, system: str, version: int, hours: list[Tally]) -> Tally:
    counted: Counter[str] = Counter()
    recorded: Counter[str] = Counter()
    for tally in hours:
        counted.update(tally.counted)
        recorded.update(tally.recorded)
    missing, surplus = (sum(getattr(tally, name) for tally in hours) for name in ("missing", "surplus"))
    unrecorded, is_running = sum(tally.unrecorded for tally in hours), any(tally.is_running for tally in hours)
    return Tally(day, system, version or None, counted, recorded, unrecorded, is_running, missing, surplus)


def _tally(key: Key, counted: Mapping[str, int], recorded: Mapping[str, int], unrecorded: int, now: datetime) -> Tally:
    hour, system, version = key
    more = [counted.get(status, 0) - recorded.get(status, 0) for status in Status]
    missing, surplus = sum(max(0, one) for one in more), sum(max(0, -one) for one in more)
    is_running = now < hour + HOUR + _SETTLED_AFTER
    return Tally(hour, system, version or None, counted, recorded, unrecorded, is_running, missing, surplus)


Key = tuple[datetime, str, int]


def _counted(since: datetime, until: datetime, hours: set[datetime]) -> tuple[dict[Key, Counter[str]], Counter[Key]]:
    counted: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    unrecorded: Counter[Key] = Counter()
    rows = Counted.objects.filter(hour__gte=since, hour__lt=until)
    for hour, system, version, status, requests in rows.values_list("hour", "system", "version", "status", "requests"):
        if hour not in hours:
            continue
        if status == _UNRECORDED:
            unrecorded[hour, system, version] += requests
        else:
            counted[hour, system, version][status] += requests
    return counted, unrecorded


def _recorded(hours: list[datetime]) -> tuple[dict[Key, Counter[str]], dict[str, int]]:
    recorded: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    reported: Counter[str] = Counter()
    bounds = [(hour, first_id_at(hour), first_id_at(hour + HOUR)) for hour in hours]
    columns = [list(column) for column in zip(*bounds, strict=True)] or [[], [], []]
    with connection.cursor() as cursor:
        cursor.execute(_RECORDED, columns)
        for hour, system, version, mode, status, number in cursor.fetchall():
            if mode == Mode.REPORTED:
                reported[system] += number
            else:
                recorded[hour, system, version][status] += number
    return recorded, dict(sorted(reported.items()))


def _dropped(since: datetime, until: datetime) -> list[datetime]:
    months = Archive.objects.filter(dropped_at__isnull=False, month__gte=since.date().replace(day=1), month__lt=until)
    return [datetime(month.year, month.month, 1, tzinfo=UTC) for month in months.values_list("month", flat=True)]


def _hours(since: datetime, until: datetime) -> list[datetime]:
    return [since + number * HOUR for number in range((until - since) // HOUR)]


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _some(number: int) -> str:
    return f"{number:,} decision{'' if number == 1 else 's'}"
