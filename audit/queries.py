"""Every reading of the trail: decisions and acts that an actor may see, in keyset pages, and what an entry says."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import QueryCanceled

from audit.canonical import leaf_hash
from audit.encryption import KeyUnknown, Unreadable
from audit.identifiers import first_id_at
from audit.keys import entry_key
from audit.models import Entry, Key, Payload
from audit.records import DECISION, ENTRY_FORMAT, HEARTBEAT, PART_NAMES, Part, Status, payload_content, subject_token
from audit.withholding import withheld_from, withhold
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden, Invalid

PAGE_SIZE = 50
log = logging.getLogger(__name__)
# What a person waits for a list, and for its number of rows, in seconds.
LOOK_SECONDS = 8.0
COUNT_SECONDS = 0.5
COUNTED_UP_TO = 10_000


class TooMuch(Invalid):
    """Looking through all that the filters leave takes too long."""

    code = "too_much_to_look_through"


@contextmanager
def bounded(seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Statements in the block may take this long each; `TooMuch` when one takes longer."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(round(seconds * 1000))])
            yield
            cursor.execute("select set_config('statement_timeout', '0', true)")
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise TooMuch("This looks through too much. Narrow the time, or name a system.") from None


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
    # Values, as text, of inputs that the version's schema marks as not personal.
    features: Mapping[str, str] = field(default_factory=dict)


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


def acts_visible_to(actor: Actor, *, heartbeats: bool = True) -> QuerySet[Entry]:
    """The acts of people and processes that the actor may list, with or without the gateways' heartbeats."""
    acts = Entry.objects.exclude(type=DECISION).defer("entry")
    if not heartbeats:
        acts = acts.exclude(type=HEARTBEAT)
    return acts if actor.may(Permission.TRAIL_VIEW) else acts.none()


def acts_on_version(system: str, version: int, ended_by: Iterable[int] = (), most: int = 200) -> list[Entry]:
    """What was done with a version of a system, newest first, for whoever may see the version; readings left out.

    `ended_by` are the releases that took it out of production: their entries name the version that came after.
    """
    acts = Entry.objects.exclude(type=DECISION).exclude(type=HEARTBEAT).exclude(type__endswith=".read")
    about = Q(version=version) | Q(release__in=list(ended_by), type__startswith="release.")
    return list(acts.filter(about, system=system).defer("entry").order_by("-id")[:most])


def decision_for(actor: Actor, identifier: uuid.UUID) -> Entry:
    """The decision, or `Hidden`; without its answer while that is withheld from the actor."""
    entry = decisions_visible_to(actor).filter(pk=identifier).first()
    if entry is None:
        raise Hidden
    withhold(actor, [entry])
    return entry


def act_for(actor: Actor, identifier: uuid.UUID) -> Entry:
    """The act, or `Hidden`."""
    entry = acts_visible_to(actor).filter(pk=identifier).first()
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
    if wanted.features:
        decisions = decisions.filter(features__contains=dict(wanted.features))
    if wanted.subject:
        decisions = decisions.filter(id__in=_ids_about(wanted.subject, wanted.system))
    return decisions


def decisions_found(actor: Actor, wanted: DecisionFilter) -> QuerySet[Entry]:
    """The visible decisions that match; `Forbidden` to look for a person without the right to read personal data."""
    if wanted.subject:
        actor.need(Permission.DECISION_READ)
    found = filtered(decisions_visible_to(actor), wanted)
    # Whether it is among those with a label would tell the label.
    return found.exclude(pk__in=withheld_from(actor)) if wanted.label else found


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


def artifact_of(identifier: uuid.UUID) -> str | None:
    """The SHA-256 of the model file that the decision's own record names; None where it names none."""
    entry = Entry.objects.filter(pk=identifier).first()
    return None if entry is None else facts_of(entry).get("artifact_sha256")


def inputs_of_many(identifiers: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """`inputs_of` of each, in three queries at most; those of which nothing can be read are left out."""
    return {identifier: json.loads(content) for identifier, content in _parts(identifiers, Part.INPUTS).items()}


def output_for(actor: Actor, identifier: uuid.UUID) -> dict[str, Any] | None:
    """`output_of`; None while it is withheld from the actor."""
    return None if identifier in withheld_from(actor) else output_of(identifier)


def outputs_of_many(identifiers: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """`output_of` of each, likewise."""
    return {identifier: json.loads(content) for identifier, content in _parts(identifiers, Part.OUTPUT).items()}


def body_of(identifier: uuid.UUID) -> str | None:
    """The beginning of a body that could not be read as inputs."""
    content = _part(identifier, Part.BODY)
    return None if content is None else content.decode("utf-8", errors="replace")


def text_of(identifier: uuid.UUID) -> str:
    """The reason or purpose that came with an act; empty where none did."""
    content = _part(identifier, Part.TEXT)
    return "" if content is None else content.decode("utf-8")


def texts_of(identifiers: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The reasons and purposes of these acts, where there are any, in three queries at most."""
    return {identifier: text.decode() for identifier, text in _parts(identifiers, Part.TEXT).items()}


def decisions_of_same_subject(identifier: uuid.UUID, most: int = 200) -> list[uuid.UUID]:
    """The other readable decisions of the system about the person of this one, newest first; none without a name.

    For whoever may read personal data: which decisions are about one person is such.
    """
    token = Key.objects.filter(pk=identifier).values_list("token", flat=True).first()
    if token is None:
        return []
    others = Key.objects.filter(token=bytes(token)).exclude(pk=identifier).order_by("-entry_id")
    return list(others.values_list("entry_id", flat=True)[:most])


def act_about(object: uuid.UUID, event: str, details: Mapping[str, Any]) -> Entry | None:
    """The newest act of that name about the thing whose details say this; for the product's own documents."""
    acts = Entry.objects.filter(object=str(object), type=event).order_by("-id")
    return next((act for act in acts if details.items() <= facts_of(act).get("details", {}).items()), None)


def erased_on(identifier: uuid.UUID) -> date | None:
    """The day on which the entry's personal data was made unreadable; None where it was not."""
    return Key.objects.filter(pk=identifier).values_list("erased_on", flat=True).first()


def facts_of(entry: Entry) -> dict[str, Any]:
    """What the hashed bytes of an entry say; nothing where somebody changed them into no entry."""
    try:
        return json.loads(bytes(entry.entry))
    except ValueError:
        return {}


@dataclass(frozen=True)
class SelfCheck:
    """Whether an entry's bytes still hash to its leaf, and its payloads are those that the bytes seal, and open."""

    leaf_matches: bool
    payloads_match: bool

    @property
    def holds(self) -> bool:
        """True when nothing contradicts the entry."""
        return self.leaf_matches and self.payloads_match


def check_entry(entry: Entry) -> SelfCheck:
    """Hash the stored bytes anew, compare, and open what was not erased."""
    sealed = facts_of(entry).get("payloads", {})
    rows = {PART_NAMES[Part(row.part)]: row for row in Payload.objects.filter(entry_id=entry.id)}
    match = all(
        hashlib.sha256(row.stored).hexdigest() == sealed.get(name, {}).get("sha256") for name, row in rows.items()
    )
    if erased_on(entry.id) is None:
        key = Key.objects.filter(entry_id=entry.id).first()
        match = match and rows.keys() == sealed.keys() and None not in [_opened(row, key) for row in rows.values()]
    return SelfCheck(leaf_hash(bytes(entry.entry)) == bytes(entry.leaf_hash), match)


@dataclass(frozen=True)
class About:
    """How many there are: counted, or the database's estimate."""

    number: int
    is_exact: bool


def about(entries: QuerySet[Entry], *, may_count: bool = True) -> About:
    """How many entries there are: counted where that is quick, else estimated to two digits (never a full count)."""
    plan = entries.order_by().explain(format="json")
    if not plan:  # Django knows that nothing can match
        return About(0, True)
    estimate = json.loads(plan)[0]["Plan"]["Plan Rows"]
    if may_count and estimate <= COUNTED_UP_TO:
        with suppress(TooMuch), bounded(COUNT_SECONDS):
            counted = entries.order_by()[: COUNTED_UP_TO + 1].count()
            if counted <= COUNTED_UP_TO:
                return About(counted, True)
            estimate = max(estimate, counted)
    step = 10 ** max(len(str(estimate)) - 2, 0)
    return About(estimate // step * step, False)


def decisions_since(actor: Actor, since: datetime) -> dict[str, About]:
    """How many decisions there were since the moment, by status."""
    recent = decisions_visible_to(actor).filter(id__gte=first_id_at(since))
    return {status.value: about(recent.filter(status=status.value)) for status in Status}


def systems_seen() -> list[str]:
    """The systems of which there are decisions, by name. Reads one index entry for each, however many decisions."""
    with connection.cursor() as cursor:
        cursor.execute(_SYSTEMS)
        return [row[0] for row in cursor.fetchall()]


_SYSTEMS = """
with recursive seen as (
  (select system from audit_entry where type = 'decision' order by system limit 1)
  union all
  select (select system from audit_entry where type = 'decision' and system > seen.system order by system limit 1)
  from seen where seen.system is not null
)
select system from seen where system is not null
"""


def _ids_about(subject: str, system: str) -> list[uuid.UUID]:
    """Ids of decisions about the subject. A token is per system, so without one every known system is tried."""
    systems = [system] if system else systems_seen()
    tokens = [subject_token(settings.SUBJECT_KEY, name, subject) for name in systems]
    return list(Key.objects.filter(token__in=tokens).values_list("entry_id", flat=True)[:10_000])


def _json_part(identifier: uuid.UUID, part: Part) -> dict[str, Any] | None:
    content = _part(identifier, part)
    return None if content is None else json.loads(content)


def _part(identifier: uuid.UUID, part: Part) -> bytes | None:
    """What the part says; None where it was not kept, was erased, or no longer opens (`check_entry` tells which)."""
    row = Payload.objects.filter(entry_id=identifier, part=part.value).first()
    return None if row is None else _opened(row, Key.objects.filter(entry_id=identifier).first())


def _parts(identifiers: Iterable[uuid.UUID], part: Part) -> dict[uuid.UUID, bytes]:
    """What that part of each entry says, where it can be read."""
    rows = {row.entry_id: row for row in Payload.objects.filter(entry_id__in=list(identifiers), part=part.value)}
    keys = Key.objects.in_bulk(list(rows))
    # Erased, or of the first format, which had no keys: the entry tells.
    keyless = [identifier for identifier in rows if identifier not in keys or keys[identifier].kek is None]
    entries = Entry.objects.in_bulk(keyless) if keyless else {}
    found = {
        identifier: _opened(row, keys.get(identifier), entries.get(identifier)) for identifier, row in rows.items()
    }
    return {identifier: content for identifier, content in found.items() if content is not None}


def _opened(row: Payload, key: Key | None, entry: Entry | None = None) -> bytes | None:
    part, stored = Part(row.part), bytes(row.stored)
    if key is not None and key.kek is not None:
        try:
            return payload_content(ENTRY_FORMAT, entry_key(key) or b"", row.entry_id, part, stored)
        except (KeyUnknown, Unreadable) as error:
            log.error("The record of %s does not open: %s", row.entry_id, error)
            return None
    if facts_of(entry or Entry.objects.get(pk=row.entry_id)).get("v") == 1:
        return payload_content(1, b"", row.entry_id, part, stored)
    return None
