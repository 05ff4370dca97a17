"""Frozen dossiers: who sees which, what each says and still needs, how long it is kept, and what changed since."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

import audit.proofs as log
from portal.accounts.access import Actor, Permission, Role
from portal.accounts.models import User
from portal.errors import Conflict, Hidden
from portal.templatetags.portal_tags import who
from registry import queries as registry
from registry import store
from registry.classification.dates import kept_until
from registry.dossier.content import content_of
from registry.dossier.freezing.differences import LAW, Difference, difference
from registry.dossier.papers.printing import pdf_of
from registry.dossier.queries import Dossier, Point
from registry.models import DossierSignature, FrozenDossier, FrozenState, System

_BECAUSE = {
    "completed": "it was signed",
    "first_used": "the system was first used",
    "released": "its version first went live",
}


@dataclass(frozen=True)
class Place:
    """A named signatory, with their signature if they gave it."""

    person: str
    role: str
    signature: DossierSignature | None
    name: str


@dataclass(frozen=True)
class Kept:
    """Until when a dossier is kept at least, and why until then."""

    until: date
    words: str


@dataclass(frozen=True)
class Seal:
    """What was done with a dossier, and where the entry that says so stands in the log; None while it waits."""

    words: str
    entry: uuid.UUID
    place: log.SealedPlace | None


@dataclass(frozen=True)
class Since:
    """What became of a dossier: the one that waits for signatures, the last signed one, and what changed after it."""

    waiting: FrozenDossier | None
    signed: FrozenDossier | None
    changed: Difference | None
    # Why nothing can be compared with the signed one.
    problem: str = ""

    @property
    def law_changed(self) -> bool:
        """Whether another state of the law is in force than the one that was signed under."""
        return any(head.what == LAW for head in self.changed.heads) if self.changed else False


def dossiers_visible_to(actor: Actor, system: System) -> QuerySet[FrozenDossier]:
    """The frozen dossiers of the system, newest first."""
    found = system.frozen_dossiers.select_related("system", "version", "regulation").prefetch_related("signatures")
    return found if actor.may(Permission.DOSSIER_VIEW) else found.none()


def frozen_for(actor: Actor, slug: str, number: int) -> FrozenDossier:
    """The frozen dossier, or `Hidden`."""
    found = dossiers_visible_to(actor, registry.system_for(actor, slug)).filter(number=number).first()
    if found is None:
        raise Hidden
    return found


def awaiting_signature(actor: Actor) -> list[FrozenDossier]:
    """The open dossiers that wait for this person's signature, the oldest first."""
    if not actor.may(Permission.DOSSIER_SIGN):
        return []
    named = FrozenDossier.objects.filter(state=FrozenState.PROPOSED, signatories__contains=[{"person": actor.label}])
    waiting = named.exclude(signatures__person=actor.label).select_related("system", "version")
    return list(waiting.order_by("proposed_at"))


def last_signed(system: System) -> FrozenDossier | None:
    """The newest dossier that everybody signed."""
    signed = system.frozen_dossiers.filter(state=FrozenState.COMPLETE)
    return signed.select_related("system", "version").order_by("-number").first()


def open_proposal(system: System) -> FrozenDossier | None:
    """The dossier that waits for signatures; there is at most one."""
    return system.frozen_dossiers.filter(state=FrozenState.PROPOSED).first()


def gaps_of(dossier: Dossier) -> list[Point]:
    """The mandatory points that nobody has answered for: missing, stale, or evidence without a statement."""
    return [point for point in dossier.points if point.requirement.mandatory and point.waits]


def states_digest(dossier: Dossier) -> str:
    """SHA-256 over the points' states: whoever freezes has seen these, or is shown them anew."""
    said = json.dumps([[point.item, str(point.state)] for point in dossier.points])
    return hashlib.sha256(said.encode()).hexdigest()


def role_of(person: User) -> str:
    """The role in which a person signs: compliance before ML lead."""
    return Role.COMPLIANCE.value if Role.COMPLIANCE in person.actor.roles else Role.ML_LEAD.value


def people_who_could_sign() -> list[User]:
    """Those whose roles allow them to sign a dossier."""
    people = User.objects.filter(is_active=True).order_by("username").prefetch_related("groups")
    return [person for person in people if person.actor.may(Permission.DOSSIER_SIGN)]


def places_of(dossier: FrozenDossier, signatures: Iterable[DossierSignature] | None = None) -> list[Place]:
    """Everybody who was named, in order, with what they signed."""
    given = {each.person: each for each in (dossier.signatures.all() if signatures is None else signatures)}
    return [
        Place(named["person"], named["role"], given.get(named["person"]), named.get("name") or who(named["person"]))
        for named in dossier.signatories
    ]


def content_bytes(dossier: FrozenDossier) -> bytes:
    """The bytes that were frozen, hashed anew. `Conflict` where the store no longer has them as they were."""
    return _stored(dossier.content_sha256)


def frozen_content(dossier: FrozenDossier) -> dict[str, Any]:
    """What was frozen."""
    return json.loads(content_bytes(dossier))


def pdf_bytes(dossier: FrozenDossier) -> bytes:
    """The PDF: as it was kept with everybody's signatures, or printed from what was frozen."""
    return _stored(dossier.pdf_sha256) if dossier.pdf_sha256 else printed(dossier)


def printed(dossier: FrozenDossier, signatures: Iterable[DossierSignature] | None = None) -> bytes:
    """What was frozen, set anew with the signatures as they stand (or those); `Conflict` where it cannot be."""
    return pdf_of(content_bytes(dossier), signing=signing_of(dossier, signatures))


def signing_of(dossier: FrozenDossier, signatures: Iterable[DossierSignature] | None = None) -> dict[str, Any]:
    """What the printed paper says around the content: number, state and signatures.

    `signatures` are those that are about to be kept; with all of them it is complete.
    """
    places = places_of(dossier, signatures)
    is_whole = all(place.signature for place in places)
    return {
        "number": dossier.number,
        "state": FrozenState.COMPLETE.value if is_whole else dossier.state,
        "proposed_by": who(dossier.proposed_by),
        "proposed_at": dossier.proposed_at.isoformat(),
        "gaps": dossier.gaps,
        "reason": dossier.reason,
        "signatures": [{**signature_said(place), "role": Role(place.role).label} for place in places],
    }


def signature_said(place: Place) -> dict[str, Any]:
    """A named signatory and what they signed, in words."""
    given = place.signature
    return {
        "name": place.name,
        "role": place.role,
        "statement": given.statement if given else "",
        "signed_at": given.signed_at.isoformat() if given else None,
    }


def kept(dossier: FrozenDossier) -> Kept | None:
    """How long a signed dossier is kept at least (AI Act Art. 18); None for one that was never complete."""
    with connection.cursor() as cursor:
        cursor.execute("select starts_on, because from registry_dossier_clock(%s)", [dossier.pk])
        row = cursor.fetchone()
    if row is None:
        return None
    start, because = row
    words = f"ten years from {start:%-d %B %Y}, when {_BECAUSE[because]}"
    return Kept(kept_until(start), words)


def seals_of(dossier: FrozenDossier) -> list[Seal]:
    """Each act on the dossier with its place in the log, in order."""
    acts = [("Frozen", dossier.proposal_entry)]
    acts += [(f"Signed by {who(each.person)}", each.entry_id) for each in dossier.signatures.all()]
    if dossier.end_entry and dossier.state != FrozenState.COMPLETE:
        acts.append((dossier.get_state_display(), dossier.end_entry))
    return [Seal(words, entry, log.place_of(entry)) for words, entry in acts]


def since_signed(dossier: Dossier) -> Since:
    """How the system's dossiers stand: which one waits, which was signed last, and what the live one says otherwise."""
    waiting, signed = open_proposal(dossier.system), last_signed(dossier.system)
    if signed is None:
        return Since(waiting, None, None)
    try:
        return Since(waiting, signed, difference(frozen_content(signed), content_of(dossier)))
    except Conflict as conflict:
        return Since(waiting, signed, None, conflict.message)


def compared(older: FrozenDossier, newer: FrozenDossier) -> Difference:
    """What two frozen dossiers differ in."""
    return difference(frozen_content(older), frozen_content(newer))


def gaps_in(dossier: FrozenDossier, state: str) -> list[dict[str, str]]:
    """The mandatory points that were in that state when it was frozen."""
    return [gap for gap in dossier.gaps if gap["state"] == state]


def _stored(sha256: str) -> bytes:
    try:
        return store.read(settings.ARTIFACT_DIR, sha256)
    except store.StoreError as error:
        raise Conflict(f"This cannot be shown: {error}.", code="store_damaged") from None
