"""Every reading of disputes: which there are, what was said and done in one, and whose they are."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

import audit.queries as trail
import registry.queries as registry
from audit.models import Entry
from explain.access import barred_because
from explain.disputes.history import SOON, Step
from explain.events import Event
from explain.lifecycle import OPEN_STATES, DisputeState, Transition, moves_from
from explain.models import Attachment, CaseStep, Dispute
from explain.moves import step_place
from explain.queries import claim_place, policy_of
from explain.sealing import Seal
from portal.accounts.access import Actor, Permission, Role
from portal.accounts.models import User
from portal.errors import Conflict, Hidden
from portal.sniffing import media_type_of
from registry.models import Version

NOBODY, MINE = "nobody", "me"


@dataclass(frozen=True)
class DisputeFilter:
    """Which disputes to list; empty fields do not narrow. `state` may be "open" and `owner` "me" or "nobody"."""

    state: str = ""
    owner: str = ""
    system: str = ""
    is_overdue: bool = False
    due_before: datetime | None = None


@dataclass(frozen=True)
class Load:
    """What lies with one person: open cases, those that are late, and those due within a week."""

    owner: str
    open: int
    late: int
    soon: int


@dataclass(frozen=True)
class Move:
    """A move that this state allows, and why this person may not make it; empty when they may."""

    transition: Transition
    barred: str


def disputes_visible_to(actor: Actor) -> QuerySet[Dispute]:
    """The disputes that the actor may see, the most urgent first."""
    found = Dispute.objects.select_related("explanation").defer("explanation__sealed_report")
    return found if actor.may(Permission.DISPUTE_LIST) else found.none()


def open_disputes(actor: Actor) -> QuerySet[Dispute]:
    """Disputes that still wait for somebody."""
    return disputes_visible_to(actor).filter(state__in=OPEN_STATES)


def dispute_for(actor: Actor, number: int) -> Dispute:
    """The dispute, or `Hidden`."""
    dispute = disputes_visible_to(actor).filter(pk=number).first()
    if dispute is None:
        raise Hidden
    return dispute


def disputes_found(actor: Actor, wanted: DisputeFilter, now: datetime) -> QuerySet[Dispute]:
    """The visible disputes that match, the most urgent first."""
    found = disputes_visible_to(actor)
    if wanted.state == "open":
        found = found.filter(state__in=OPEN_STATES)
    elif wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.owner == NOBODY:
        found = found.filter(owner=None)
    elif wanted.owner:
        found = found.filter(owner=actor.label if wanted.owner == MINE else f"user:{wanted.owner}")
    if wanted.system:
        found = found.filter(system=wanted.system)
    if wanted.is_overdue:
        found = found.filter(state__in=OPEN_STATES, due_at__lt=now)
    if wanted.due_before:
        found = found.filter(due_at__lt=wanted.due_before)
    return found


def waiting_for(actor: Actor, most: int = 10) -> dict[str, list[Dispute]]:
    """What waits for this person, by what they would do next: each list by deadline."""
    mine = open_disputes(actor)
    waits: dict[str, QuerySet[Dispute]] = {}
    if actor.may(Permission.DISPUTE_REVIEW):
        free = mine.filter(state__in=(DisputeState.EXPLAINED, DisputeState.IN_REVIEW), reviewer=None)
        systems = [name for name in _systems(free) if _has_authority(actor, name)]
        waits["review"] = free.filter(system__in=systems).exclude(opened_by=actor.label)
        waits["decide"] = mine.filter(state=DisputeState.IN_REVIEW, reviewer=actor.label)
    if actor.may(Permission.DISPUTE_ANSWER):
        waits["answer"] = mine.filter(state=DisputeState.DECIDED)
    if actor.may(Permission.DISPUTE_OPEN):
        waits["explain"] = mine.filter(state=DisputeState.RECEIVED)
    return {name: list(found[:most]) for name, found in waits.items()}


def workload(actor: Actor, now: datetime) -> list[Load]:
    """Open cases by owner, nobody's first, then the fullest desk."""
    counted = (
        open_disputes(actor)
        .order_by()
        .values("owner")
        .annotate(
            open=Count("number"),
            late=Count("number", filter=Q(due_at__lt=now)),
            soon=Count("number", filter=Q(due_at__gte=now, due_at__lt=now + SOON)),
        )
    )
    rows = [Load((row["owner"] or "").removeprefix("user:"), row["open"], row["late"], row["soon"]) for row in counted]
    return sorted(rows, key=lambda row: (row.owner != "", -row.open, row.owner))


def claim_of(dispute: Dispute) -> str:
    """What the person says; empty where it was erased. Record the reading first."""
    if dispute.sealed_claim is None:
        return dispute.claim
    return Seal(dispute.decision_id).open_text(claim_place(dispute), dispute.sealed_claim)


def steps_of(dispute: Dispute) -> list[Step]:
    """What was done in the case, the oldest first, with the words that belong to it. Record the reading first."""
    rows = list(dispute.steps.all())
    seal = Seal(dispute.decision_id)
    reasons = trail.texts_of(row.entry_id for row in rows)
    titles = _titles(dispute)
    words = (seal.open_text(step_place(row), row.sealed) for row in rows)
    return [Step(row, said, reasons.get(row.entry_id, ""), titles) for row, said in zip(rows, words, strict=True)]


def files_of(dispute: Dispute) -> list[dict[str, Any]]:
    """The files of the case with their names, the oldest first; nothing of an erased one."""
    seal = Seal(dispute.decision_id)
    if seal.is_broken:
        return []
    rows = dispute.attachments.defer("sealed")
    return [{"file": row, "name": seal.open_text(f"file-name/{row.id}", row.sealed_name)} for row in rows]


def name_of(attachment: Attachment) -> str:
    """The file's name; empty where it was erased."""
    seal = Seal(attachment.dispute.decision_id)
    return seal.open_text(f"file-name/{attachment.id}", attachment.sealed_name)


def file_for(actor: Actor, number: int, identifier: uuid.UUID) -> Attachment:
    """The file of a case, or `Hidden`."""
    dispute = dispute_for(actor, number)
    actor.need_sight(Permission.DECISION_READ)
    attachment = dispute.attachments.filter(pk=identifier).first()
    if attachment is None:
        raise Hidden
    return attachment


def content_of(attachment: Attachment) -> tuple[str, bytes]:
    """The name and the bytes of a file; `Hidden` where it was erased. Record the download first."""
    content = Seal(attachment.dispute.decision_id).open(f"file/{attachment.id}", attachment.sealed)
    if content is None or media_type_of(content) != attachment.media_type:
        raise Hidden
    return name_of(attachment), content


def related_to(actor: Actor, dispute: Dispute) -> list[Dispute]:
    """Other cases of the same person in the same system, the newest first; for whoever may read personal data."""
    if not actor.may(Permission.DECISION_READ):
        return []
    about = [dispute.decision_id, *trail.decisions_of_same_subject(dispute.decision_id)]
    return list(disputes_visible_to(actor).filter(decision_id__in=about).exclude(pk=dispute.pk).order_by("-number"))


def moves_of(actor: Actor, dispute: Dispute) -> dict[str, Move]:
    """The moves that the present state allows and the actor's role has to do with, by name."""
    by_support = policy_of(dispute.system).by_support
    facts = {"received_by": dispute.opened_by, "reviewer": dispute.reviewer, "by_support": by_support}
    return {
        move.name: Move(move, barred_because(actor, move, **facts))
        for move in moves_from(DisputeState(dispute.state))
        if actor.may(move.permission)
    }


def people_who_handle() -> list[User]:
    """Those who may be given a case."""
    people = User.objects.filter(is_active=True).order_by("username").prefetch_related("groups")
    return [person for person in people if person.actor.may(Permission.DISPUTE_HANDLE)]


def withheld_answers(actor: Actor) -> dict[uuid.UUID, str]:
    """The decisions whose answer the actor may not see before writing a first view (`audit.withholding`)."""
    return {
        dispute.decision_id: f"Withheld until your review of dispute {dispute.number} has its first view: the policy of"
        " this system has the reviewer look at the case before the model's answer."
        for dispute in _awaiting_first_view().filter(reviewer=actor.label)
    }


def check_not_blind(actor: Actor, decision: uuid.UUID) -> None:
    """`Conflict` while the actor reviews a case about the decision blind and has yet to write a first view."""
    if words := withheld_answers(actor).get(decision):
        raise Conflict(words, code="first_view_missing")


def must_not_see_answer(actor: Actor, dispute: Dispute) -> bool:
    """Whether the actor reviews a case about this one's decision blind and has yet to write a first view."""
    return dispute.decision_id in withheld_answers(actor)


def has_first_view(dispute: Dispute) -> bool:
    """Whether the present reviewer wrote down what they think before they saw the model's answer."""
    mine = dispute.steps.filter(round=dispute.round, done_by=dispute.reviewer)
    return mine.filter(event=Event.DISPUTE_FIRST_VIEW_WRITTEN).exists()


def _awaiting_first_view() -> QuerySet[Dispute]:
    """Blind reviews that are under way and have no first view of their reviewer in this round."""
    written = CaseStep.objects.filter(
        dispute=OuterRef("pk"),
        round=OuterRef("round"),
        done_by=OuterRef("reviewer"),
        event=Event.DISPUTE_FIRST_VIEW_WRITTEN,
    )
    return Dispute.objects.filter(~Exists(written), state=DisputeState.IN_REVIEW, is_blind=True)


def _titles(dispute: Dispute) -> dict[str, str]:
    """What the version that decided calls its inputs; nothing where it is not here."""
    version = Entry.objects.filter(pk=dispute.decision_id).values_list("version", flat=True).first()
    try:
        spec = registry.version_that_decided(dispute.system, version).spec if version else None
    except Version.DoesNotExist:
        return {}
    return {feature.name: feature.title for feature in spec.inputs.features} if spec else {}


def _systems(found: QuerySet[Dispute]) -> list[str]:
    return list(found.order_by().values_list("system", flat=True).distinct())


def _has_authority(actor: Actor, system: str) -> bool:
    return Role.COMPLIANCE in actor.roles or policy_of(system).by_support
