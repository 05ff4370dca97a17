"""Every reading of jobs, and of the trail on their behalf: in chunks by id, so that memory stays where it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import QuerySet

from audit.exports import files
from audit.identifiers import first_id_at
from audit.keys import entry_key
from audit.models import Entry, Job, Key, Leaf, Payload
from audit.queries import decisions_visible_to, facts_of
from audit.records import DECISION, ENTRY_FORMAT, Part, payload_content
from audit.withholding import withheld_from, withhold
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Hidden

CHUNK = 2_000
MOST_LISTED = 50
# A job that has not moved for this long has lost its worker or its message.
STALE_AFTER = timedelta(seconds=90)
# What an export leaves out, in words for programs.
DISCLOSED, REDACTED = "none", "no personal data"
KEPT_FOR = timedelta(days=7)
OPEN = (Job.State.QUEUED, Job.State.RUNNING)
_SIGHT = {Job.Kind.EXPORT: Permission.TRAIL_EXPORT, Job.Kind.SEARCH: Permission.DECISION_READ}


@dataclass
class Opened:
    """Payloads of some entries, by entry and part; and the entries of which they were erased."""

    contents: dict[uuid.UUID, dict[Part, bytes]] = field(default_factory=dict)
    erased: set[uuid.UUID] = field(default_factory=set)


def jobs_visible_to(actor: Actor, kind: str) -> QuerySet[Job]:
    """The actor's own jobs, newest first: what one person asked for is no other's to fetch."""
    own = Job.objects.filter(kind=kind, asked_by=actor.label).order_by("-id")
    return own if actor.may(_SIGHT[kind]) else own.none()


def export_for(actor: Actor, identifier: uuid.UUID) -> Job:
    """The export, or `Hidden`."""
    return _job_for(actor, identifier, Job.Kind.EXPORT)


def search_for(actor: Actor, identifier: uuid.UUID) -> Job:
    """The search, or `Hidden`."""
    return _job_for(actor, identifier, Job.Kind.SEARCH)


def job_for(actor: Actor, identifier: uuid.UUID) -> Job:
    """The export or search, or `Hidden`."""
    return _job_for(actor, identifier, *_SIGHT)


def file_for(actor: Actor, identifier: uuid.UUID) -> Path:
    """The finished file of an export, or `Hidden`: not there yet or any more, or with data that they may not read."""
    job = export_for(actor, identifier)
    name = (job.result or {}).get("file")
    if job.parameters["redaction"] == DISCLOSED:
        actor.need_sight(Permission.DECISION_READ)
    since, until = (datetime.fromisoformat(job.parameters[name]) for name in ("since", "until"))
    check_nothing_withheld(actor, job.parameters["system"], since, until)
    if not name or not (files.folder_of(job.pk) / name).is_file():
        raise Hidden("There is no file: it is not made yet, was deleted after seven days, or was withdrawn.")
    return files.folder_of(job.pk) / name


def hits_of(actor: Actor, job: Job) -> list[Entry]:
    """The decisions that a search found, newest first, without the answers that are withheld from the actor."""
    ids = (job.result or {}).get("hits", [])
    hits = list(decisions_visible_to(actor).filter(pk__in=ids).order_by("-id"))
    withhold(actor, hits)
    return hits


def check_nothing_withheld(actor: Actor, system: str, since: datetime, until: datetime) -> None:
    """`Conflict` while an export would hold an answer that is withheld from the actor; without it no proof holds."""
    kept = withheld_from(actor)
    span = {"system": system, "id__gte": first_id_at(since), "id__lt": first_id_at(until)}
    found = Entry.objects.filter(pk__in=kept, **span).values_list("pk", flat=True).first() if kept else None
    if found:
        raise Conflict(kept[found], code="withheld")


def stale_jobs(now: datetime) -> QuerySet[Job]:
    """Unfinished jobs whose worker or message was lost."""
    return Job.objects.filter(state__in=OPEN, touched_at__lt=now - STALE_AFTER)


def expired_jobs(now: datetime) -> QuerySet[Job]:
    """Finished jobs whose results have been there for long enough."""
    return Job.objects.filter(state=Job.State.DONE, finished_at__lt=now - KEPT_FOR, result__expired__isnull=True)


def entries_between(
    system: str, since: datetime, until: datetime, *, only_decisions: bool = False
) -> Iterator[list[Entry]]:
    """The system's entries in the order of their ids, a list at a time; each list is a query of its own.

    No transaction spans them: what is sealed below a checkpoint is the same for every one, and a cursor held for
    minutes would keep the database from tidying up.
    """
    found = Entry.objects.filter(system=system, id__lt=first_id_at(until)).order_by("id")
    if only_decisions:
        found = found.filter(type=DECISION)
    chunk = list(found.filter(id__gte=first_id_at(since))[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(found.filter(id__gt=chunk[-1].id)[:CHUNK])


def leaves_of(entries: Sequence[Entry]) -> dict[uuid.UUID, int]:
    """Where these entries stand in the tree, as far as they are sealed."""
    ids = [entry.id for entry in entries]
    return dict(Leaf.objects.filter(pk__in=ids).values_list("entry_id", "leaf_index"))


def opened(entries: Sequence[Entry], parts: Sequence[Part]) -> Opened:
    """These parts of the entries in clear, as far as they can be read. Whoever asks has recorded the reading."""
    by_id = {entry.id: entry for entry in entries}
    keys, found = {row.entry_id: row for row in Key.objects.filter(entry_id__in=list(by_id))}, Opened()
    found.erased = {identifier for identifier, row in keys.items() if row.erased_on}
    unwrapped = {identifier: key for identifier, row in keys.items() if (key := entry_key(row)) is not None}
    wanted = [part.value for part in parts]
    for row in Payload.objects.filter(entry_id__in=list(by_id), part__in=wanted):
        key = unwrapped.get(row.entry_id)
        format = ENTRY_FORMAT if key is not None else facts_of(by_id[row.entry_id])["v"]
        if key is None and (row.entry_id in found.erased or format == ENTRY_FORMAT):
            continue
        content = payload_content(format, key or b"", row.entry_id, Part(row.part), bytes(row.stored))
        found.contents.setdefault(row.entry_id, {})[Part(row.part)] = content
    return found


def _job_for(actor: Actor, identifier: uuid.UUID, *kinds: str) -> Job:
    for kind in kinds:
        job = jobs_visible_to(actor, kind).filter(pk=identifier).first()
        if job is not None:
            return job
    raise Hidden
