"""Every reading of what is kept for how long: maxima, months and their volume, archives, and what is due."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection
from django.db.models import QuerySet

from audit.models import Archive, Checkpoint, Entry, Hold, Leaf, Retention
from audit.queries import systems_seen
from portal.accounts.access import Actor, Permission
from portal.times import months_before


@dataclass(frozen=True)
class Kept:
    """One system: its maximum in months (None keeps for ever), who set it, and the holds in force."""

    system: str
    rule: Retention | None
    holds: int

    @property
    def months(self) -> int | None:
        """The maximum."""
        return self.rule.months if self.rule else None


@dataclass(frozen=True)
class Month:
    """One month's partition: about how many entries (None where the database has not looked yet), how many bytes."""

    first_day: date
    entries: int | None
    bytes: int
    archive: Archive | None = None


def kept_visible_to(actor: Actor) -> list[Kept]:
    """Every system of which there are decisions, by name."""
    if not actor.may(Permission.TRAIL_VIEW):
        return []
    rules = {rule.system: rule for rule in Retention.objects.all()}
    holds: dict[str, int] = {}
    for system in Hold.objects.filter(lifted_at=None).values_list("system", flat=True):
        holds[system] = holds.get(system, 0) + 1
    names = sorted({*systems_seen(), *rules})
    return [Kept(name, rules.get(name), holds.get(name, 0)) for name in names]


def rule_of(system: str) -> Retention | None:
    """The system's rule, if one was ever set."""
    return Retention.objects.filter(pk=system).first()


def rules() -> QuerySet[Retention]:
    """The maxima in force."""
    return Retention.objects.filter(months__isnull=False).order_by("system")


def is_held(system: str) -> bool:
    """Whether a hold on the whole system is in force."""
    return Hold.objects.filter(system=system, token=None, lifted_at=None).exists()


def has_holds(system: str) -> bool:
    """Whether any hold of the system is in force, on it or on somebody in it."""
    return Hold.objects.filter(system=system, lifted_at=None).exists()


def months() -> list[Month]:
    """The months that have a place in the database, the oldest first; sizes are the database's estimates."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS)
        rows = cursor.fetchall()
    archives = {archive.month: archive for archive in Archive.objects.filter(dropped_at=None)}
    return [
        Month(first_day, None if entries < 0 else round(entries), size, archives.get(first_day))
        for first_day, entries, size in rows
    ]


_MONTHS = """
select to_date(right(c.relname, 7), 'YYYY_MM'), c.reltuples, sum(pg_total_relation_size(p.oid))::bigint
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_class p on p.relnamespace = c.relnamespace and p.relname in (
  c.relname, replace(c.relname, 'entry', 'payload'), replace(c.relname, 'entry', 'key'),
  replace(c.relname, 'entry', 'leaf'))
where i.inhparent = 'audit_entry'::regclass
group by 1, 2 order by 1
"""


def months_ahead(now: datetime) -> int:
    """How many months after the present one have a place: below one, no decision could be recorded soon."""
    places, ahead = {month.first_day for month in months()}, 0
    day = next_month(first_day_of(now))
    while day in places:
        ahead, day = ahead + 1, next_month(day)
    return ahead


def archives_visible_to(actor: Actor) -> QuerySet[Archive]:
    """Archived months, the newest first."""
    found = Archive.objects.order_by("-month")
    return found if actor.may(Permission.TRAIL_VIEW) else found.none()


def archive_of(month: date) -> Archive | None:
    """The month's archive."""
    return Archive.objects.filter(pk=month).first()


def has_passed(month: date, maximum: int, now: datetime) -> bool:
    """Whether the whole month lies further back than the maximum (calendar months)."""
    return start_of(next_month(month)) <= months_before(now, maximum)


def systems_of(month: date) -> list[str]:
    """The systems that have entries in the month. Reads one index entry for each system, and the month's acts."""
    low, high = bounds_of(month)
    with connection.cursor() as cursor:
        cursor.execute(_SYSTEMS, {"low": low, "high": high})
        return sorted(row[0] for row in cursor.fetchall())


_SYSTEMS = """
with recursive seen as (
  (select system from audit_entry where type = 'decision' and id >= %(low)s and id < %(high)s order by system limit 1)
  union all
  select (select system from audit_entry where type = 'decision' and id >= %(low)s and id < %(high)s
    and system > seen.system order by system limit 1) from seen where seen.system is not null
)
select system from seen where system is not null
union
select system from audit_entry
where type <> 'decision' and id >= %(low)s and id < %(high)s and system is not null
"""


def entries_of(month: date) -> QuerySet[Entry]:
    """The month's entries, in order."""
    low, high = bounds_of(month)
    return Entry.objects.filter(id__gte=low, id__lt=high).order_by("id")


def is_sealed(entry: uuid.UUID) -> bool:
    """Whether a signed checkpoint covers the entry."""
    leaf = Leaf.objects.filter(pk=entry).first()
    newest = newest_checkpoint()
    return leaf is not None and newest is not None and leaf.leaf_index < newest.size


def newest_checkpoint() -> Checkpoint | None:
    """The latest signed tree head."""
    return Checkpoint.objects.order_by("-size").first()


def bounds_of(month: date) -> tuple[uuid.UUID, uuid.UUID]:
    """Ids of the month: from the first one on, below the second. As the partitions have them, without version bits."""
    low, high = (int(start_of(day).timestamp() * 1000) for day in (month, next_month(month)))
    return uuid.UUID(int=low << 80), uuid.UUID(int=high << 80)


def start_of(day: date) -> datetime:
    """Midnight, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def first_day_of(moment: datetime) -> date:
    """The first day of the moment's month, UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
