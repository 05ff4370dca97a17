"""Every write of the dossier: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Hidden, Invalid, Problem, TooLarge
from portal.sniffing import WORDS, media_type_of, plain_name
from registry import store
from registry.dossier import queries
from registry.dossier.access import need_to_write
from registry.dossier.regulation import read_law
from registry.dossier.states import PointState, snapshot_of
from registry.events import Event
from registry.models import (
    Document,
    Regulation,
    Requirement,
    Statement,
    StatementDraft,
    StatementKind,
    System,
    Version,
)
from registry.models.dossier import MAX_TEXT

MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
# What has no text of its own: the reason says everything.
WITHOUT_TEXT = (StatementKind.NOT_APPLICABLE, StatementKind.WITHDRAWAL)
WITH_REASON = (StatementKind.OVERRIDE, *WITHOUT_TEXT)

_POINT = ("ref", "title", "asks", "group", "article", "written_by", "applies_to", "condition", "applies_from")
_MORE = ("mandatory", "evidence_from", "needs", "note", "deadline")


@transaction.atomic
def load_regulation(*, actor: Actor, said: bytes, now: datetime) -> Regulation:
    """A state of the law from its file; the one that is there already when the bytes are the same.

    `Invalid` for a file that does not hold together; `Conflict` where the version or its first day is taken by others.
    """
    actor.need(Permission.LAW_LOAD)
    law = read_law(said)
    version = law.said["version"]
    taken = Regulation.objects.filter(version=version).first()
    if taken and taken.sha256 == law.sha256:
        return taken
    if taken:
        raise Conflict(f"“{version}” is loaded already, with other contents. A changed law is a version of its own.")
    if same_day := Regulation.objects.filter(in_force_from=law.in_force_from).first():
        raise Conflict(f"“{same_day.version}” is in force from {law.in_force_from} on already.")
    names = ("version", "title", "sources", "groups", "evidence")
    regulation = Regulation.objects.create(
        **{name: law.said[name] for name in names},
        in_force_from=law.in_force_from,
        sha256=law.sha256,
        loaded_by=actor.label,
        loaded_at=now,
    )
    Requirement.objects.bulk_create(
        Requirement(
            regulation=regulation,
            item=point["id"],
            place=place,
            **{name: point[name] for name in _POINT},
            **{name: point[name] for name in _MORE if name in point},
        )
        for place, point in enumerate(law.said["requirements"])
    )
    details = {"version": version, "in_force_from": law.said["in_force_from"], "sha256": law.sha256}
    trail.record(actor=actor, event=Event.REGULATION_LOADED, object=version, details=details)
    return regulation


@dataclass(frozen=True)
class Writing:
    """What somebody writes on a point: of which kind, for one version or (None) for all, and after which revision."""

    text: str = ""
    kind: str = StatementKind.STATEMENT.value
    reason: str = ""
    version: Version | None = None
    expected_revision: int = 0


class Overtaken(Conflict):
    """Somebody else signed in between; `newest` is theirs, and what was being written is kept as a draft."""

    code = "statement_changed"

    def __init__(self, newest: Statement) -> None:
        by = newest.author.partition(":")[2]
        super().__init__(
            f"{by} signed revision {newest.revision} in between. Your text is kept as your draft: read theirs, then"
            " sign again."
        )
        self.newest = newest


@transaction.atomic
def save_draft(
    *, actor: Actor, system: System, item: str, text: str, based_on: int, now: datetime
) -> StatementDraft | None:
    """Keep what the actor is writing, theirs alone; an empty text drops it. `Invalid` beyond 100,000 characters."""
    need_to_write(actor, _requirement(item, now).written_by)
    text = _plain(text)
    mine = StatementDraft.objects.filter(system=system, item=item, person=actor.label)
    if not text.strip():
        mine.delete()
        return None
    _check_length(text)
    facts = {"text": text, "based_on": based_on, "saved_at": now}
    draft, _made = mine.update_or_create(system=system, item=item, person=actor.label, defaults=facts)
    return draft


@transaction.atomic
def sign_statement(
    *, actor: Actor, system: System, item: str, seen: Version | None, writing: Writing, now: datetime
) -> Statement:
    """Sign a text on a point, on the evidence of the version that the actor saw, which is kept with it.

    On a point that the registry fills, a statement becomes a comment; an override needs a reason, as does saying that
    a point is not applicable, and taking back what stands. `Overtaken` when somebody signed in between: so callers keep
    the text as a draft before they ask.
    """
    # One signature on a system at a time: the revision is compared and set under this lock.
    locked = System.objects.select_for_update().get(pk=system.pk)
    point = queries.point_of(queries.dossier_of(locked, seen, now), item)
    need_to_write(actor, point.requirement.written_by)
    newest = queries.newest_statement(locked, item)
    if writing.expected_revision != (newest.revision if newest else 0):
        if newest is None:
            raise Conflict("Nothing was signed on this point yet.", code="statement_changed")
        raise Overtaken(newest)
    kind, text, reason = _checked(writing, point)
    # What is taken back is what stands, whichever versions it holds for.
    taken_back = point.statement if kind == StatementKind.WITHDRAWAL else None
    statement = Statement.objects.create(
        system=locked,
        version=taken_back.version if taken_back else writing.version,
        item=item,
        revision=writing.expected_revision + 1,
        kind=kind,
        text=text,
        reason=reason,
        author=actor.label,
        signed_at=now,
        evidence=snapshot_of(point.facts),
        seen_version=seen.number if seen else None,
        regulation=point.requirement.regulation,
    )
    StatementDraft.objects.filter(system=locked, item=item, person=actor.label).delete()
    _record(actor, statement)
    return statement


@transaction.atomic
def attach_document(
    *,
    actor: Actor,
    system: System,
    item: str,
    key: str,
    title: str,
    file: tuple[str, bytes] | None = None,
    url: str = "",
    now: datetime,
) -> Document:
    """Add a paper that fills one of the point's keys: a file (its name and bytes), or an address on the web.

    `Invalid` for a key that no paper fills, for both or neither, and for what is none of the kinds of files we take.
    """
    requirement = _requirement(item, now)
    need_to_write(actor, requirement.written_by)
    if key not in queries.keys_for_papers(requirement):
        raise Invalid("No paper fills this.", details=[Problem("key", "is not among what a paper can fill here")])
    if not title.strip():
        raise Invalid("The paper needs a name.", details=[Problem("title", "is required")])
    if bool(file) == bool(url):
        words = "or its address: one of them, not both" if file else "is required, or its address on the web"
        raise Invalid("Give either a file or its address on the web.", details=[Problem("file", words)])
    kept = _stored(*file) if file else {"url": _address(url)}
    document = Document.objects.create(
        system=system, key=key, title=title.strip(), attached_by=actor.label, attached_at=now, **kept
    )
    details = {"document": document.pk, "item": item, "key": key, "sha256": document.sha256, "url": document.url}
    trail.record(actor=actor, event=Event.DOCUMENT_ATTACHED, system=system.slug, object=key, details=details)
    return document


@transaction.atomic
def withdraw_document(*, actor: Actor, document: Document, item: str, reason: str, now: datetime) -> Document:
    """Take a paper back: it fills nothing from now on, and what was signed on it is stale. The file stays on record.

    `Hidden` where the paper does not belong to the point: else who may write on one point could empty another.
    """
    requirement = _requirement(item, now)
    need_to_write(actor, requirement.written_by)
    if document.key not in queries.keys_for_papers(requirement):
        raise Hidden
    locked = Document.objects.select_for_update().select_related("system").get(pk=document.pk)
    if locked.withdrawn_at:
        raise Conflict(f"“{locked.title}” was withdrawn already.", code="withdrawn_already")
    locked.withdrawn_by, locked.withdrawn_at, locked.withdrawal_reason = actor.label, now, _reason(reason)
    locked.save(update_fields=["withdrawn_by", "withdrawn_at", "withdrawal_reason"])
    trail.record(
        actor=actor,
        event=Event.DOCUMENT_WITHDRAWN,
        system=locked.system.slug,
        object=locked.key,
        details={"document": locked.pk, "item": item},
        text=reason,
    )
    return locked


def _checked(writing: Writing, point: queries.Point) -> tuple[str, str, str]:
    """Kind, text and reason as they are kept; `Invalid` for what lacks its text or its reason."""
    kind = writing.kind
    if kind not in StatementKind.values:
        raise Invalid("This kind is not known.", details=[Problem("kind", f"is none of {', '.join(StatementKind)}")])
    if kind == StatementKind.WITHDRAWAL and point.statement is None:
        raise Conflict("There is no statement to take back.", code="nothing_stands")
    if kind == StatementKind.STATEMENT and point.state == PointState.AUTO:
        kind = StatementKind.COMMENT.value
    text = "" if kind in WITHOUT_TEXT else _plain(writing.text)
    if kind not in WITHOUT_TEXT and not text.strip():
        raise Invalid("There is nothing to sign yet.", details=[Problem("text", "is required")])
    _check_length(text)
    return kind, text, _reason(writing.reason) if kind in WITH_REASON else writing.reason.strip()


def _record(actor: Actor, statement: Statement) -> None:
    digests = [fact["digest"] for fact in statement.evidence]
    trail.record(
        actor=actor,
        event=Event.STATEMENT_SIGNED,
        system=statement.system.slug,
        version=statement.version.number if statement.version else None,
        object=statement.item,
        details={
            "kind": statement.kind,
            "revision": statement.revision,
            "text_sha256": hashlib.sha256(statement.text.encode()).hexdigest(),
            "evidence_sha256": hashlib.sha256(json.dumps(digests).encode()).hexdigest(),
            "law": statement.regulation.version,
        },
        text=statement.reason or None,
    )


def _requirement(item: str, now: datetime) -> Requirement:
    found = queries.law_in_force(now.date()).requirements.select_related("regulation").filter(item=item).first()
    if found is None:
        raise Hidden
    return found


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid("A reason is needed.", details=[Problem("reason", "is required")])
    return reason.strip()


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        words = f"has {len(text):,} characters; at most {MAX_TEXT:,} can be kept"
        raise Invalid(f"The text {words}. Nothing was saved.", code="text_too_long", details=[Problem("text", words)])


def _plain(text: str) -> str:
    """The text with the line breaks of Markdown; NUL, which PostgreSQL cannot hold, is dropped."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _stored(name: str, content: bytes) -> dict[str, str | int]:
    if len(content) > MAX_DOCUMENT_BYTES:
        most = MAX_DOCUMENT_BYTES // (1024 * 1024)
        raise TooLarge(f"The file is larger than {most} MiB.", code="file_too_large")
    media_type = media_type_of(content)
    if media_type is None:
        raise Invalid(f"The file is no {WORDS}.", details=[Problem("file", f"must be {WORDS}, by its content")])
    sha256 = store.put(settings.ARTIFACT_DIR, content)
    return {
        "file_name": plain_name(name, media_type),
        "media_type": media_type,
        "sha256": sha256,
        "size": len(content),
    }


def _address(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname or len(url) > 500:
        problem = Problem("url", "must begin with https:// or http://, and have at most 500 characters")
        raise Invalid("This is no address on the web.", details=[problem])
    return url.strip()
