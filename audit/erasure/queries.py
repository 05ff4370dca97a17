"""Every reading of erasures and legal holds, and what stands against an erasure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from audit.identifiers import first_id_at, time_of
from audit.models import Entry, Erasure, Hold, Key
from audit.records import subject_token
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden
from portal.times import months_before

# Logs are kept for six months at least: AI Act Art. 19(1) for providers, Art. 26(6) for deployers. Calendar months.
LEGAL_MONTHS = 6
MOST_LISTED = 200


@dataclass(frozen=True)
class Extent:
    """How many readable decisions there are about one person, and from when to when."""

    decisions: int
    since: datetime
    until: datetime
    # Those that the law wants kept for longer.
    young: int


def token_of(system: str, subject: str) -> bytes:
    """The keyed token of a person, by the reference that the caller gives."""
    return subject_token(settings.SUBJECT_KEY, system, subject)


def mark_of(token: bytes | memoryview | None) -> str:
    """The few characters by which people tell one token from another."""
    return bytes(token or b"").hex()[:8]


def extent_of(token: bytes, now: datetime) -> Extent | None:
    """The extent; None where no decision about the person can be read."""
    about = Key.objects.filter(token=bytes(token)).order_by("entry_id").values_list("entry_id", flat=True)
    first, last = about.first(), about.last()
    if first is None or last is None:
        return None
    young = about.filter(entry_id__gte=first_id_at(months_before(now, LEGAL_MONTHS))).count()
    return Extent(about.count(), time_of(first), time_of(last), young)


def latest_decisions(token: bytes, most: int = 5) -> list[Entry]:
    """The newest readable decisions about the person."""
    ids = Key.objects.filter(token=bytes(token)).order_by("-entry_id").values_list("entry_id", flat=True)[:most]
    return list(Entry.objects.filter(pk__in=list(ids)).defer("entry").order_by("-id"))


def erasures_visible_to(actor: Actor) -> QuerySet[Erasure]:
    """Requests for erasure, those that wait first, then the newest."""
    if not (actor.may(Permission.ERASURE_REQUEST) or actor.may(Permission.TRAIL_VIEW)):
        return Erasure.objects.none()
    waits = Case(When(state=Erasure.State.REQUESTED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Erasure.objects.order_by(waits, "-requested_at")


def erasure_for(actor: Actor, identifier: uuid.UUID) -> Erasure:
    """The request, or `Hidden`."""
    erasure = erasures_visible_to(actor).filter(pk=identifier).first()
    if erasure is None:
        raise Hidden
    return erasure


def erasures_to_decide(actor: Actor) -> QuerySet[Erasure]:
    """Requests that this person may decide: never their own."""
    if not actor.may(Permission.ERASURE_DECIDE):
        return Erasure.objects.none()
    waiting = Erasure.objects.filter(state=Erasure.State.REQUESTED)
    return waiting.exclude(requested_by=actor.label).order_by("requested_at")


def last_erasure_of(token: bytes) -> Erasure | None:
    """The latest confirmed erasure of the person, if there was one."""
    done = Erasure.objects.filter(token=bytes(token), state=Erasure.State.CONFIRMED)
    return done.order_by("-decided_at").first()


def holds_visible_to(actor: Actor) -> QuerySet[Hold]:
    """Legal holds, those in force first, then the newest."""
    if not actor.may(Permission.TRAIL_VIEW):
        return Hold.objects.none()
    lifted = Case(When(lifted_at=None, then=Value(0)), default=Value(1), output_field=IntegerField())
    return Hold.objects.order_by(lifted, "-placed_at")


def hold_for(actor: Actor, identifier: uuid.UUID) -> Hold:
    """The hold, or `Hidden`."""
    hold = holds_visible_to(actor).filter(pk=identifier).first()
    if hold is None:
        raise Hidden
    return hold


def holds_against(system: str, token: bytes) -> list[Hold]:
    """The holds in force that cover this person: on the whole system, or on them."""
    in_force = Hold.objects.filter(system=system, lifted_at=None)
    return list(in_force.filter(Q(token=None) | Q(token=bytes(token))).order_by("placed_at"))
