"""Every reading of the trail: decisions and acts that an actor may see, in keyset pages, and what an entry says."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet

from audit.canonical import leaf_hash
from audit.identifiers import first_id_at
from audit.keys import entry_key
from audit.models import Entry, Key, Payload
from audit.records import DECISION, ENTRY_FORMAT, Part, payload_content, subject_token
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden

PAGE_SIZE = 50


@dataclass(frozen=True)
class DecisionFilter:
    """What to look for among decisions; empty fields do not narrow."""

    system: str = ""
    version: int | None = None
    label: str = ""
    status: str = ""
    mode: str = ""
    since: datetime | None = None
    until: datetime | None = None
    subject: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Page:
    """One keyset page, newest first; the cursors are ids, None where there is no more."""

    entries: list[Entry]
    older: uuid.UUID | None
    newer: uuid.UUID | None


def decisions_visible_to(actor: Actor) -> QuerySet[Entry]:
    """The decisions that the actor may list; the bytes of the entries are left out."""
    decisions = Entry.objects.filter(type=DECISION).defer("entry")
    return decisions if actor.may(Permission.DECISION_LIST) else decisions.none()


def acts_visible_to(actor: Actor) -> QuerySet[Entry]:
    """The acts of people and processes that the actor may list."""
    acts = Entry.objects.exclude(type=DECISION).defer("entry")
    return acts if actor.may(Permission.TRAIL_VIEW) else acts.none()


def decision_for(actor: Actor, identifier: uuid.UUID) -> Entry:
    """The decision, or `Hidden`."""
    entry = decisions_visible_to(actor).filter(pk=identifier).first()
    if entry is None:
        raise Hidden
    return entry


def filtered(decisions: QuerySet[Entry], wanted: DecisionFilter) -> QuerySet[Entry]:
    """The decisions that match every field of the filter."""
    exact = {
        "system": wanted.system,
        "version": wanted.version,
        "label": wanted.label,
        "status": wanted.status,
        "mode": wanted.mode,
        "request_id": wanted.request_id,
    }
    decisions = decisions.filter(**{name: value for name, value in exact.items() if value not in ("", None)})
    # Times are ranges of the id, so that only the partitions of those months are read.
    if wanted.since:
        decisions = decisions.filter(id__gte=first_id_at(wanted.since))
    if wanted.until:
        decisions = decisions.filter(id__lt=first_id_at(wanted.until))
    if wanted.subject:
        decisions = decisions.filter(id__in=_ids_about(wanted.subject, wanted.system))
    return decisions


def decisions_found(actor: Actor, wanted: DecisionFilter) -> QuerySet[Entry]:
    """The visible decisions that match; `Forbidden` to look for a person without the right to read personal data."""
    if wanted.subject:
        actor.need(Permission.DECISION_READ)
    return filtered(decisions_visible_to(actor), wanted)


def page_of(
    entries: QuerySet[Entry], *, before: uuid.UUID | None = None, after: uuid.UUID | None = None, size: int = PAGE_SIZE
) -> Page:
    """The page of entries older than `before`, or newer than `after`, or the newest."""
    if after is not None:
        rows = list(entries.filter(id__gt=after).order_by("id")[: size + 1])
        more_newer = len(rows) > size
        rows = rows[:size][::-1]
        if not rows:
            return Page([], None, None)
        return Page(rows, rows[-1].id, rows[0].id if more_newer else None)
    if before is not None:
        entries = entries.filter(id__lt=before)
    rows = list(entries.order_by("-id")[: size + 1])
    more_older = len(rows) > size
    rows = rows[:size]
    older = rows[-1].id if more_older else None
    return Page(rows, older, rows[0].id if before is not None and rows else None)


def inputs_of(identifier: uuid.UUID) -> dict[str, Any] | None:
    """`{"subject", "inputs"}` as the caller sent them; None where none were kept. Record the reading first."""
    return _json_part(identifier, Part.INPUTS)


def output_of(identifier: uuid.UUID) -> dict[str, Any] | None:
    """The answer as it was given; None for a refused or failed request."""
    return _json_part(identifier, Part.OUTPUT)


def body_of(identifier: uuid.UUID) -> str | None:
    """The beginning of a body that could not be read as inputs."""
    content = _part(identifier, Part.BODY)
    return None if content is None else content.decode("utf-8", errors="replace")


def text_of(identifier: uuid.UUID) -> str:
    """The reason or purpose that came with an act; empty where none did."""
    content = _part(identifier, Part.TEXT)
    return "" if content is None else content.decode("utf-8")


def erased_on(identifier: uuid.UUID) -> date | None:
    """The day on which the entry's personal data was made unreadable; None where it was not."""
    return Key.objects.filter(pk=identifier).values_list("erased_on", flat=True).first()


def facts_of(entry: Entry) -> dict[str, Any]:
    """What the hashed bytes of an entry say."""
    return json.loads(bytes(entry.entry))


@dataclass(frozen=True)
class SelfCheck:
    """Whether an entry's bytes still hash to its leaf, and its payloads to what the bytes say."""

    leaf_matches: bool
    payloads_match: bool

    @property
    def holds(self) -> bool:
        """True when nothing contradicts the entry."""
        return self.leaf_matches and self.payloads_match


def check_entry(entry: Entry) -> SelfCheck:
    """Hash the stored bytes anew and compare."""
    raw = bytes(entry.entry)
    sealed = json.loads(raw).get("payloads", {})
    stored = {Part(row.part).name.lower(): bytes(row.stored) for row in Payload.objects.filter(entry_id=entry.id)}
    match = all(hashlib.sha256(stored[name]).hexdigest() == sealed.get(name, {}).get("sha256") for name in stored)
    return SelfCheck(leaf_hash(raw) == bytes(entry.leaf_hash), match)


def count_decisions(actor: Actor, *, since: datetime) -> dict[str, int]:
    """Decisions since the moment by status; a status without decisions is left out."""
    rows = decisions_visible_to(actor).filter(id__gte=first_id_at(since))
    return dict(rows.order_by().values_list("status").annotate(Count("id")))


def _ids_about(subject: str, system: str) -> list[uuid.UUID]:
    """Ids of decisions about the subject. A token is per system, so without one every known system is tried."""
    systems = [system] if system else list(_systems_seen())
    tokens = [subject_token(settings.SUBJECT_KEY, name, subject) for name in systems]
    return list(Key.objects.filter(token__in=tokens).values_list("entry_id", flat=True)[:10_000])


def _systems_seen() -> QuerySet:
    return Entry.objects.filter(type=DECISION).order_by().values_list("system", flat=True).distinct()


def _json_part(identifier: uuid.UUID, part: Part) -> dict[str, Any] | None:
    content = _part(identifier, part)
    return None if content is None else json.loads(content)


def _part(identifier: uuid.UUID, part: Part) -> bytes | None:
    row = Payload.objects.filter(entry_id=identifier, part=part.value).first()
    if row is None:
        return None
    stored = bytes(row.stored)
    key = Key.objects.filter(entry_id=identifier).first()
    if key is not None and key.kek is not None:
        return payload_content(ENTRY_FORMAT, entry_key(key) or b"", identifier, part, stored)
    if facts_of(Entry.objects.get(pk=identifier))["v"] == 1:
        return payload_content(1, b"", identifier, part, stored)
    return None
