"""Every write of explanations: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce

import audit.queries as reading
import audit.services as trail
from audit.identifiers import new_id
from audit.models import Entry
from audit.records import Status
from explain import queries
from explain.events import Event
from explain.lifecycle import DisputeState, Stage
from explain.models import METHOD_VERSION, Dispute, Explanation
from explain.moves import mark_explained
from explain.sealing import Seal
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict
from portal.queue import after_commit

COMPUTE = "explain.tasks.compute"
BULK_QUEUE = "explain_bulk"
# A job whose worker was lost is tried once more, then said to have failed.
MAX_ATTEMPTS = 2
ERASED = "The personal data of this decision was erased, so there is nothing left to explain."


@transaction.atomic
def request_explanation(
    *, actor: Actor, decision: Entry, reason: str, now: datetime, urgent: bool = True, again: bool = False
) -> Explanation:
    """The explanation of the decision: a new one, queued, or the one that exists; a failed one is tried again.

    `urgent` is for somebody who waits; what is asked for in bulk goes behind all of these (queue `explain_bulk`, which
    the same workers empty) and comes forward when somebody asks for it. `again` makes a partial report anew.

    `Conflict` for a decision without an answer (there is no score to explain), or one whose data was erased.
    """
    actor.need(Permission.DECISION_EXPLAIN)
    if decision.status != Status.ANSWERED:
        raise Conflict(f"This request was {decision.status}, so no model gave an answer to explain.", code="no_answer")
    if reading.erased_on(decision.id):
        raise Conflict(ERASED, code="erased")
    if decision.version is None:
        raise Conflict("Who reported this decision did not say which version made it.", code="no_version")
    explanation, is_new = Explanation.objects.get_or_create(
        decision_id=decision.id,
        method_version=METHOD_VERSION,
        defaults={
            "id": new_id(),
            "system": decision.system,
            "version": decision.version,
            "is_urgent": urgent,
            "requested_by": actor.label,
            "requested_at": now,
            "touched_at": now,
        },
    )
    if not is_new and not _is_to_be_made(explanation, again):
        if urgent and not explanation.is_urgent and explanation.state == Stage.QUEUED:
            _bring_forward(explanation)
        return explanation
    if not is_new:
        _requeue(explanation, urgent, now)
    trail.record(
        actor=actor,
        event=Event.EXPLANATION_REQUESTED,
        system=decision.system,
        version=decision.version,
        object=str(decision.id),
        details={"explanation": str(explanation.id)},
        text=reason,
    )
    _send(explanation)
    return explanation


@transaction.atomic
def claim_explanation(*, explanation_id: uuid.UUID, is_redelivery: bool, now: datetime) -> Explanation | None:
    """Take the job, by compare-and-swap; None when another worker has it, or it is finished.

    A running job is taken only from a redelivered message: the broker sends one again when its worker was lost.
    """
    free = (Stage.QUEUED, Stage.RUNNING) if is_redelivery else (Stage.QUEUED,)
    mine = Explanation.objects.filter(pk=explanation_id, state__in=free, attempts__lt=MAX_ATTEMPTS)
    taken = mine.update(state=Stage.RUNNING, touched_at=now, progress=0, stage="Starting", attempts=F("attempts") + 1)
    return Explanation.objects.get(pk=explanation_id) if taken else None


def note_progress(*, explanation: Explanation, stage: str, progress: float, now: datetime) -> None:
    """Show how far the job is; nothing that needs an entry in the trail."""
    Explanation.objects.filter(pk=explanation.pk, state=Stage.RUNNING).update(
        stage=stage, progress=progress, touched_at=now
    )


@transaction.atomic
def finish_explanation(*, actor: Actor, explanation: Explanation, report: dict[str, Any], now: datetime) -> bool:
    """Keep the report and move the disputes that wait for it.

    False when another worker finished the job, or the decision was erased while the report was made.
    """
    seal = Seal(explanation.decision_id)
    if seal.is_broken:
        return False
    digest, content = report_digest(report), json.dumps(report, ensure_ascii=False, separators=(",", ":"))
    running = Explanation.objects.filter(pk=explanation.pk, state=Stage.RUNNING)
    # An erasure that commits from here on waits for the row that we write, and empties it (`forget_decisions`).
    if not running.update(
        state=Stage.DONE,
        progress=1,
        stage="Done",
        sealed_report=seal.seal(queries.report_place(explanation), content.encode()),
        completeness=report["completeness"],
        report_sha256=digest,
        finished_at=now,
        error="",
    ):
        return False
    for dispute in Dispute.objects.select_for_update().filter(explanation=explanation, state=DisputeState.RECEIVED):
        mark_explained(actor, dispute, now)
    trail.record(
        actor=actor,
        event=Event.EXPLANATION_FINISHED,
        system=explanation.system,
        version=explanation.version,
        object=str(explanation.decision_id),
        details={"explanation": str(explanation.id), "report_sha256": digest, "completeness": report["completeness"]},
    )
    return True


@transaction.atomic
def fail_explanation(*, actor: Actor, explanation: Explanation, error: str, now: datetime) -> None:
    """Say why there is no report; the page offers to try again."""
    running = Explanation.objects.filter(pk=explanation.pk).exclude(state=Stage.DONE)
    if running.update(state=Stage.FAILED, stage="Failed", error=error, finished_at=now):
        trail.record(
            actor=actor,
            event=Event.EXPLANATION_FAILED,
            system=explanation.system,
            version=explanation.version,
            object=str(explanation.decision_id),
            details={"explanation": str(explanation.id)},
            text=error,
        )


@transaction.atomic
def requeue_stale(*, actor: Actor, now: datetime) -> int:
    """Send forgotten jobs again, and give up on those that were tried twice; how many there were."""
    stale = list(queries.stale_explanations(now).select_for_update(skip_locked=True))
    for explanation in stale:
        if explanation.attempts < MAX_ATTEMPTS:
            # Touched, so that a long queue is not filled with a new message for each job at every sweep.
            Explanation.objects.filter(pk=explanation.pk).update(state=Stage.QUEUED, touched_at=now)
            _send(explanation)
        else:
            error = "The worker was lost twice while it made this explanation. Try again, or tell your ML lead."
            fail_explanation(actor=actor, explanation=explanation, error=error, now=now)
    return len(stale)


@transaction.atomic
def read_report(*, actor: Actor, explanation: Explanation) -> dict[str, Any] | None:
    """The report for the actor to read, which is recorded; None while there is none, or after it was erased."""
    report = queries.report_of(explanation)
    if report is not None:
        record_reading(actor=actor, explanation=explanation)
    return report


@transaction.atomic
def record_reading(*, actor: Actor, explanation: Explanation) -> None:
    """Record that the actor reads the report, which repeats the person's data."""
    trail.record(
        actor=actor,
        event=Event.EXPLANATION_READ,
        system=explanation.system,
        version=explanation.version,
        object=str(explanation.decision_id),
        details={"explanation": str(explanation.id)},
    )


def forget_decisions(*, system: str, decisions: Sequence[uuid.UUID], now: datetime) -> None:
    """Empty the reports about decisions whose personal data is erased in this same transaction.

    A report's digest stays, so what the trail says of it can still be told apart from another. A job under way ends
    here: what it has read it cannot keep.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("copies are forgotten inside the transaction that erases")
    about = Explanation.objects.filter(decision_id__in=decisions, system=system)
    # One statement whose condition leaves the state out: it waits for a worker that is just finishing, and then
    # finds that row too.
    about.update(
        sealed_report=None,
        error=ERASED,
        erased_on=now.date(),
        state=Case(When(state=Stage.DONE, then=Value(Stage.DONE.value)), default=Value(Stage.FAILED.value)),
        finished_at=Coalesce("finished_at", Value(now)),
    )


def report_digest(report: dict[str, Any]) -> str:
    """SHA-256 of the report without its times, which alone differ when it is made again."""
    lasting = {name: _plain_numbers(value) for name, value in report.items() if name != "timings_ms"}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _plain_numbers(value: Any) -> Any:
    """Each number in one form: writers of JSON tell 1e16 from 10000000000000000, 3.0 from 3 and −0.0 from 0, or not."""
    if isinstance(value, dict):
        return {name: _plain_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return int(value) if abs(value) <= 2**53 and value == int(value) else float(value)


def _is_to_be_made(explanation: Explanation, again: bool) -> bool:
    """Whether an explanation that exists is made anew: it failed, or came out partial and somebody wants it whole."""
    if explanation.state == Stage.FAILED:
        return True
    return again and explanation.state == Stage.DONE and explanation.completeness == "partial"


def _requeue(explanation: Explanation, urgent: bool, now: datetime) -> None:
    """Back to the start; what a partial report was is still told by its digest in the trail."""
    ended = Explanation.objects.filter(pk=explanation.pk, state__in=(Stage.FAILED, Stage.DONE))
    waiting = {"state": Stage.QUEUED, "stage": "Waiting for a worker", "progress": 0, "attempts": 0, "error": ""}
    waiting |= {"sealed_report": None, "completeness": "", "report_sha256": None, "finished_at": None}
    ended.update(**waiting, is_urgent=urgent, requested_at=now, touched_at=now)
    explanation.refresh_from_db()


def _bring_forward(explanation: Explanation) -> None:
    """Somebody waits now for what was asked for in bulk: whichever message comes first, the job is done once."""
    Explanation.objects.filter(pk=explanation.pk).update(is_urgent=True)
    explanation.refresh_from_db()
    _send(explanation)


def _send(explanation: Explanation) -> None:
    after_commit(COMPUTE, queue=None if explanation.is_urgent else BULK_QUEUE, explanation_id=str(explanation.id))
