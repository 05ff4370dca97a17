"""Every write of disputes: one decision, one transaction, one entry in the trail each.

The review and what it ends with are in `explain.reviewing`, the letter in `explain.letters`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

import audit.services as trail
from audit.identifiers import new_id
from audit.models import Entry
from explain import queries
from explain.disputes.queries import people_who_handle
from explain.events import Event
from explain.lifecycle import DisputeState, Stage
from explain.models import Attachment, Dispute, DisputePolicy, Explanation
from explain.moves import keep_step, lock_dispute, mark_explained, move
from explain.sealing import Seal
from explain.services import request_explanation
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem, TooLarge
from portal.sniffing import MAX_BYTES, WORDS, media_type_of, plain_name
from portal.times import months_before

CHANNELS = ("phone", "e-mail", "letter", "portal", "in person")
IDENTITIES = ("signed in", "identity document", "called back", "facts of the contract", "authorised representative")
MOST_FILES = 20
# GDPR Art. 12(3): by two further months, once, and said within the first.
EXTENSION_MONTHS = 2


@transaction.atomic
def open_dispute(
    *,
    actor: Actor,
    decision: Entry,
    channel: str,
    claim: str,
    received_at: datetime,
    identity: str = "",
    now: datetime,
) -> Dispute:
    """A new case with its clock; explained already where the decision is.

    `identity` says how the person proved who they are, empty where nobody has checked. `Conflict` where the decision's
    personal data was erased.
    """
    actor.need(Permission.DISPUTE_OPEN)
    problems = _dispute_problems(channel, claim, received_at, identity, now)
    if problems:
        raise Invalid("The dispute cannot be opened.", details=problems)
    checked = {"identity": identity, "identity_by": actor.label, "identity_at": now} if identity else {}
    dispute = Dispute.objects.create(
        decision_id=decision.id,
        system=decision.system,
        channel=channel,
        received_at=received_at,
        due_at=received_at + timedelta(days=queries.policy_of(decision.system).days),
        opened_by=actor.label,
        opened_at=now,
        explanation=queries.explanation_of(decision.id),
        **checked,
    )
    dispute.sealed_claim = Seal(decision.id).seal(queries.claim_place(dispute), claim.strip().encode())
    dispute.save(update_fields=["sealed_claim"])
    details = {"channel": channel, "identity": identity or "not checked"}
    keep_step(actor=actor, dispute=dispute, event=Event.DISPUTE_OPENED, details=details, now=now)
    if dispute.explanation and dispute.explanation.state == Stage.DONE:
        mark_explained(actor, dispute, now)
    return dispute


@transaction.atomic
def explain_dispute(
    *, actor: Actor, dispute: Dispute, decision: Entry, urgent: bool = True, now: datetime
) -> Explanation:
    """Ask for the explanation of a dispute's decision and tie it to the case; not urgent, it waits behind others."""
    reason = f"Dispute {dispute.number}"
    explanation = request_explanation(actor=actor, decision=decision, reason=reason, urgent=urgent, now=now)
    locked = lock_dispute(dispute)
    if locked.explanation_id != explanation.pk:
        locked.explanation = explanation
        locked.save(update_fields=["explanation"])
    if explanation.state == Stage.DONE and locked.state == DisputeState.RECEIVED:
        mark_explained(actor, locked, now)
    return explanation


@transaction.atomic
def check_identity(*, actor: Actor, dispute: Dispute, how: str, now: datetime) -> Dispute:
    """Keep that the actor made sure who contests, and how. `Conflict` where that was done before."""
    locked = _lock_to_handle(actor, dispute)
    if how not in IDENTITIES:
        raise Invalid("This cannot be kept.", details=[Problem("how", f"must be one of: {', '.join(IDENTITIES)}")])
    if locked.identity:
        raise Conflict("Who contests was checked already.", code="checked_already")
    _set(locked, identity=how, identity_by=actor.label, identity_at=now)
    details = {"how": how}
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_IDENTITY_CHECKED, details=details, now=now)
    return locked


@transaction.atomic
def assign_dispute(
    *, actor: Actor, dispute: Dispute, username: str, expected_owner: str | None = None, now: datetime
) -> Dispute:
    """Give the case to a person who handles disputes, oneself among them; no name gives it back to all.

    `expected_owner` is the name under which the actor saw it (empty: nobody's); `Conflict` when it is another's by now.
    """
    locked = _lock_to_handle(actor, dispute)
    before = (locked.owner or "").removeprefix("user:")
    if expected_owner is not None and expected_owner != before:
        raise Conflict(f"The case is {before or 'nobody'}'s by now. Look at it again.", code="owner_changed")
    if username and username not in {person.username for person in people_who_handle()}:
        problem = Problem("username", "is nobody whose role handles disputes")
        raise Invalid("The case cannot be given to them.", details=[problem])
    _set(locked, owner=f"user:{username}" if username else None)
    details = {"owner": username or "nobody"}
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_ASSIGNED, details=details, now=now)
    return locked


@transaction.atomic
def add_note(*, actor: Actor, dispute: Dispute, words: str, now: datetime) -> None:
    """Add what the file of the case should hold; a note is never changed or taken back."""
    locked = _lock_to_handle(actor, dispute)
    if not words.strip():
        raise Invalid("A note needs words.", details=[Problem("words", "is required")])
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_NOTE_ADDED, words=words.strip(), now=now)


@transaction.atomic
def attach_file(*, actor: Actor, dispute: Dispute, name: str, content: bytes, now: datetime) -> Attachment:
    """Keep a file with the case, encrypted. `TooLarge` beyond 5 MiB, `Invalid` for what is none of the four kinds.

    Whoever took the case in may add what the person sent with it.
    """
    if actor.label != dispute.opened_by:
        actor.need(Permission.DISPUTE_HANDLE)
    locked = lock_dispute(dispute)
    if len(content) > MAX_BYTES:
        raise TooLarge(f"The file is larger than {MAX_BYTES // (1024 * 1024)} MiB.", code="file_too_large")
    media_type = media_type_of(content)
    if media_type is None:
        raise Invalid(f"The file is no {WORDS}.", details=[Problem("file", f"must be {WORDS}, by its content")])
    if locked.attachments.count() >= MOST_FILES:
        raise Conflict(f"A case holds at most {MOST_FILES} files.", code="too_many_files")
    seal, identifier = Seal(locked.decision_id), new_id()
    sealed = seal.seal(f"file/{identifier}", content)
    kept = Attachment.objects.create(
        id=identifier,
        dispute=locked,
        media_type=media_type,
        size=len(content),
        sealed_name=seal.seal(f"file-name/{identifier}", plain_name(name, media_type).encode()),
        sealed=sealed,
        sealed_sha256=hashlib.sha256(sealed).hexdigest(),
        added_by=actor.label,
        added_at=now,
    )
    details = {"file": str(identifier), "media_type": media_type, "bytes": kept.size, "sha256": kept.sealed_sha256}
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_FILE_ADDED, details=details, now=now)
    return kept


@transaction.atomic
def record_download(*, actor: Actor, attachment: Attachment) -> None:
    """Record that the actor takes a copy of a file, before it is handed out."""
    dispute = attachment.dispute
    details = {"dispute": dispute.number, "file": str(attachment.id)}
    trail.record(actor=actor, event=Event.DISPUTE_FILE_READ, details=details, **_about(dispute))


@transaction.atomic
def record_case_reading(*, actor: Actor, disputes: Iterable[Dispute]) -> None:
    """Record that the actor reads what people say in these cases, before it is shown; one entry for all of them."""
    read = list(disputes)
    if len(read) == 1:
        details: dict[str, Any] = {"dispute": read[0].number}
        trail.record(actor=actor, event=Event.DISPUTE_READ, details=details, **_about(read[0]))
    elif read:
        numbers = ", ".join(str(dispute.number) for dispute in read)
        trail.record(actor=actor, event=Event.DISPUTE_READ, details={"disputes": numbers})


@transaction.atomic
def extend_dispute(*, actor: Actor, dispute: Dispute, due_at: datetime, reason: str, now: datetime) -> Dispute:
    """Give the answer more time, once, by two months at most; the person must be told why, and before it is due.

    `Conflict` for a case that is answered, late already, or was extended before.
    """
    locked = _lock_to_handle(actor, dispute)
    if not locked.is_open:
        raise Conflict(f"The dispute is {locked.state}: no answer is due.", code="wrong_state")
    if locked.extended_at:
        raise Conflict("The time was extended already; that is possible once.", code="extended_already")
    if locked.due_at < now:
        raise Conflict("The answer is late already; extending it would have had to be said before.", code="late")
    latest = months_before(locked.due_at, -EXTENSION_MONTHS)
    if not locked.due_at < due_at <= latest:
        until = latest.date().isoformat()
        problem = Problem("due_at", f"must lie after {locked.due_at.date().isoformat()}, and by {until} at the latest")
        raise Invalid("The time cannot be extended so.", details=[problem])
    _check_reason(reason)
    details = {"from": locked.due_at.date().isoformat(), "to": due_at.date().isoformat()}
    _set(locked, due_at=due_at, extended_at=now)
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_EXTENDED, details=details, reason=reason, now=now)
    return locked


@transaction.atomic
def close_dispute(*, actor: Actor, dispute: Dispute, expected_state: str | None = None, now: datetime) -> Dispute:
    """The answered case ends."""
    locked = lock_dispute(dispute)
    move(actor, locked, "close", expected_state, closed_at=now)
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_CLOSED, now=now)
    return locked


@transaction.atomic
def withdraw_dispute(
    *, actor: Actor, dispute: Dispute, reason: str, expected_state: str | None = None, now: datetime
) -> Dispute:
    """The case ends without an answer: the person takes the claim back, or it was opened by mistake."""
    locked = lock_dispute(dispute)
    move(actor, locked, "withdraw", expected_state, closed_at=now)
    _check_reason(reason)
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_WITHDRAWN, reason=reason, now=now)
    return locked


@transaction.atomic
def reopen_dispute(
    *, actor: Actor, dispute: Dispute, reason: str, expected_state: str | None = None, now: datetime
) -> Dispute:
    """The case is reviewed anew, with a new clock; what was decided and sent stays."""
    locked = lock_dispute(dispute)
    fresh = {"round": locked.round + 1, "reviewer": None, "is_blind": False, "closed_at": None, "extended_at": None}
    due_at = now + timedelta(days=queries.policy_of(locked.system).days)
    move(actor, locked, "reopen", expected_state, due_at=due_at, **fresh)
    _check_reason(reason)
    keep_step(actor=actor, dispute=locked, event=Event.DISPUTE_REOPENED, reason=reason, now=now)
    return locked


@transaction.atomic
def set_policy(*, actor: Actor, system: str, policy: Mapping[str, Any], reason: str, now: datetime) -> DisputePolicy:
    """How disputes about the system are handled from now on; cases that are open keep their dates.

    `policy` holds days, blind_review, by_support, jurisdiction, language, sender, contact and authority; what it leaves
    out stays as it is.
    """
    actor.need(Permission.DISPUTE_POLICY_MANAGE)
    before = queries.policy_of(system)
    facts = {name: policy.get(name, getattr(before, name)) for name in POLICY_FIELDS}
    problems = [Problem(name, "is not a part of a dispute policy") for name in set(policy) - set(POLICY_FIELDS)]
    if not 1 <= facts["days"] <= 365:
        problems.append(Problem("days", "must be 1 to 365"))
    if problems:
        raise Invalid("The policy cannot be set.", details=problems)
    _check_reason(reason)
    made = DisputePolicy.objects.create(
        system=system, reason=reason, changed_by=actor.label, changed_at=now, **facts
    )
    changed = sorted(name for name in POLICY_FIELDS if getattr(before, name) != facts[name])
    details = {name: facts[name] for name in ("days", "blind_review", "by_support", "jurisdiction", "language")}
    details["changed"] = ", ".join(changed)
    trail.record(actor=actor, event=Event.DISPUTE_POLICY_SET, system=system, details=details, text=reason)
    return made


POLICY_FIELDS = (
    *("days", "blind_review", "by_support", "jurisdiction", "language"),
    *("sender", "contact", "authority"),
)


def forget_claims(*, system: str, decisions: Sequence[uuid.UUID], now: datetime) -> None:
    """Mark the cases about decisions whose personal data is erased in this same transaction.

    What is sealed went with the decisions' keys; claims that were kept in clear are emptied.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("copies are forgotten inside the transaction that erases")
    about = Dispute.objects.filter(decision_id__in=decisions, system=system)
    about.update(claim="", sealed_claim=None, erased_on=now.date())


def _lock_to_handle(actor: Actor, dispute: Dispute) -> Dispute:
    actor.need(Permission.DISPUTE_HANDLE)
    return lock_dispute(dispute)


def _set(dispute: Dispute, **changes: Any) -> None:
    for field, value in changes.items():
        setattr(dispute, field, value)
    dispute.save(update_fields=list(changes))


def _about(dispute: Dispute) -> dict[str, Any]:
    return {"system": dispute.system, "object": str(dispute.decision_id)}


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("A reason is needed.", details=[Problem("reason", "is required")])


def _dispute_problems(
    channel: str, claim: str, received_at: datetime, identity: str, now: datetime
) -> list[Problem]:
    problems = []
    if channel not in CHANNELS:
        problems.append(Problem("channel", f"must be one of: {', '.join(CHANNELS)}"))
    if not claim.strip():
        problems.append(Problem("claim", "is required: what does the person contest?"))
    if received_at > now:
        problems.append(Problem("received_at", "lies in the future"))
    if identity and identity not in IDENTITIES:
        problems.append(Problem("identity", f"must be one of: {', '.join(IDENTITIES)}, or left out"))
    return problems
