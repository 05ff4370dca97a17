"""Every write of exports and searches: asking and making are acts in the trail, the rest is a job's bookkeeping.

A job is claimed by an attempt, whose number is in its parameters: a worker that was thought lost and comes back finds
another number there, and stops. What ends a job also lets go of what it was looking for.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from django.db import transaction

import audit.services as trail
from audit.exports import files, queries
from audit.exports.searching import Sought, sealed
from audit.identifiers import first_id_at, new_id
from audit.models import Job
from audit.queries import systems_seen
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem
from portal.queue import after_commit
from portal.times import months_before

RUN = "audit.exports.tasks.run_job"
FORMATS = ("zip", "parquet", "csv")
EXPORT_MONTHS, SEARCH_MONTHS = 12, 3
# So that nobody fills the workers' queue, or the disk.
MOST_OPEN = 3
# A job whose worker was lost is tried once more, then said to have failed.
MAX_ATTEMPTS = 2
LOST = "The worker was lost twice while it did this. Ask again, or tell whoever runs this portal."
OVERTAKEN = "A person's data was erased while this was under way, so it was stopped. Ask again."
WITHDRAWN = "withdrawn after an erasure"


class Event(StrEnum):
    """Names of the acts of this room in the trail."""

    EXPORT_MADE = "export.made"
    EXPORT_REQUESTED = "export.requested"
    SEARCH_REQUESTED = "search.requested"


@transaction.atomic
def request_export(
    *,
    actor: Actor,
    system: str,
    since: datetime,
    until: datetime,
    format: str,
    purpose: str = "",
    disclose: bool = False,
    now: datetime,
) -> Job:
    """A new export, queued: the system's entries with their proofs, and with what people sent where `disclose` is set.

    Disclosing is reading personal data, so it needs that permission and a purpose. `Invalid` for a system that is
    not in the trail, and a time that is empty, to come, or more than 12 months; `Conflict` with three jobs under way.
    """
    actor.need(Permission.TRAIL_EXPORT)
    if disclose:
        actor.need(Permission.DECISION_READ)
    problems = _problems(system, since, until, EXPORT_MONTHS, purpose, now, needs_purpose=disclose)
    if format not in FORMATS:
        problems.append(Problem("format", f"must be one of: {', '.join(FORMATS)}"))
    if problems:
        raise Invalid("This cannot be exported.", details=problems)
    queries.check_nothing_withheld(actor, system, since, until)
    facts = {
        "system": system,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "format": format,
        "redaction": queries.DISCLOSED if disclose else queries.REDACTED,
    }
    job = _queued(actor, Job.Kind.EXPORT, facts, purpose, now)
    details = {**_without_system(facts), "job": str(job.id)}
    trail.record(actor=actor, event=Event.EXPORT_REQUESTED, system=system, details=details, text=purpose or None)
    return job


@transaction.atomic
def request_search(
    *, actor: Actor, system: str, since: datetime, until: datetime, sought: Sought, purpose: str, now: datetime
) -> Job:
    """A new search through the inputs of the system's decisions, queued. What it looks for is kept encrypted.

    `Invalid` as for exports, where the time is more than 3 months, and without a purpose.
    """
    actor.need(Permission.DECISION_READ)
    problems = _problems(system, since, until, SEARCH_MONTHS, purpose, now, needs_purpose=True) + sought.problems()
    if problems:
        raise Invalid("This cannot be searched for.", details=problems)
    facts = {
        "system": system,
        "since": since.isoformat(),
        "until": until.isoformat(),
        "input": sought.input,
        "how": sought.how,
    }
    identifier = new_id()
    kept = {**facts, "sought": sealed(identifier, sought)}
    job = _queued(actor, Job.Kind.SEARCH, kept, purpose, now, identifier)
    details = {**_without_system(facts), "job": str(job.id)}
    trail.record(actor=actor, event=Event.SEARCH_REQUESTED, system=system, details=details, text=purpose)
    return job


@transaction.atomic
def claim_job(*, job_id: uuid.UUID, is_redelivery: bool, now: datetime) -> Job | None:
    """Take the job for a new attempt; None when another worker has it, or it has ended.

    A running job is taken only from a redelivered message: the broker sends one again when its worker was lost.
    """
    free = queries.OPEN if is_redelivery else (Job.State.QUEUED,)
    job = Job.objects.select_for_update().filter(pk=job_id, state__in=free).first()
    if job is None or job.parameters["attempt"] >= MAX_ATTEMPTS:
        return None
    parameters = {**job.parameters, "attempt": job.parameters["attempt"] + 1}
    taken = {"state": Job.State.RUNNING, "parameters": parameters, "progress": 0, "touched_at": now}
    Job.objects.filter(pk=job.pk).update(**taken)
    return Job.objects.get(pk=job.pk)


def note_progress(*, job: Job, progress: float, now: datetime) -> bool:
    """Show how far the job is; False when it is this attempt's no more: cancelled, ended, or taken by another."""
    moved = {"progress": min(max(progress, 0), 1), "touched_at": now}
    return bool(_of_this_attempt(job).update(**moved))


@transaction.atomic
def finish_export(*, actor: Actor, job: Job, result: Mapping[str, Any], now: datetime) -> bool:
    """Keep what was made (file, bytes, rows, sha256, size, root) and record it; False when the job has ended before."""
    if not _ended(job, Job.State.DONE, now, result=dict(result)):
        return False
    names = ("rows", "sha256", "size", "root")
    details = {"job": str(job.id), "asked_by": job.asked_by, **{name: result[name] for name in names}}
    trail.record(actor=actor, event=Event.EXPORT_MADE, system=job.parameters["system"], details=details)
    return True


@transaction.atomic
def finish_search(*, job: Job, result: Mapping[str, Any], now: datetime) -> bool:
    """Keep the hits; False when the job has ended before."""
    return _ended(job, Job.State.DONE, now, result=dict(result))


@transaction.atomic
def fail_job(*, job: Job, error: str, now: datetime) -> bool:
    """Say why there is no result; False when the job has ended before."""
    return _ended(job, Job.State.FAILED, now, error=error)


@transaction.atomic
def cancel_job(*, actor: Actor, job: Job, now: datetime) -> None:
    """The person's own job ends with nothing made; its worker stops within seconds. `Conflict` for one that ended."""
    if job.asked_by != actor.label or not _ended(job, Job.State.CANCELLED, now, of_any_attempt=True):
        raise Conflict("There is nothing to cancel: this has ended already.", code="wrong_state")


@transaction.atomic
def requeue_stale(*, now: datetime) -> int:
    """Send forgotten jobs again, and give up on those that were tried twice; how many there were."""
    stale = list(queries.stale_jobs(now).select_for_update(skip_locked=True))
    for job in stale:
        if job.parameters["attempt"] < MAX_ATTEMPTS:
            # Touched, so that a long queue is not filled with a new message for each job at every sweep.
            Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, touched_at=now)
            after_commit(RUN, job_id=str(job.id))
        else:
            _ended(job, Job.State.FAILED, now, of_any_attempt=True, error=LOST)
    return len(stale)


@transaction.atomic
def let_go(*, now: datetime) -> int:
    """Delete results seven days after they were made, and files that no job answers for; how many results."""
    expired = list(queries.expired_jobs(now).select_for_update(skip_locked=True))
    for job in expired:
        result = {**(job.result or {}), "file": None, "hits": [], "expired": now.isoformat()}
        Job.objects.filter(pk=job.pk).update(result=result)
    kept = files.kept_jobs()
    jobs = Job.objects.filter(pk__in=kept, kind=Job.Kind.EXPORT)
    answered_for = {job.pk for job in jobs if job.state in queries.OPEN or (job.result or {}).get("file")}
    for identifier in set(kept) - answered_for:
        transaction.on_commit(partial(files.remove, identifier))
    return len(expired)


@transaction.atomic
def withdraw_disclosed(*, system: str, decisions: Sequence[uuid.UUID] | None = None, now: datetime) -> None:
    """An erasure reaches what was copied from these decisions (None: from all of the system).

    Finished exports with personal data lose their file, searches the hits; what is under way is stopped, since it may
    have read already what now must not be read.
    """
    touched = Job.objects.select_for_update().filter(parameters__system=system)
    for job in touched.filter(state__in=queries.OPEN).order_by("id"):
        if _holds_personal_data(job) and _covers(job, decisions):
            _ended(job, Job.State.FAILED, now, of_any_attempt=True, error=OVERTAKEN)
            transaction.on_commit(partial(files.remove, job.id))
    for job in touched.filter(state=Job.State.DONE, result__expired__isnull=True).order_by("id"):
        if _holds_personal_data(job) and _covers(job, decisions):
            _withdraw(job, decisions, now)


def _withdraw(job: Job, decisions: Sequence[uuid.UUID] | None, now: datetime) -> None:
    result = dict(job.result or {})
    if job.kind == Job.Kind.EXPORT:
        result |= {"file": None, "expired": now.isoformat(), "withdrawn": WITHDRAWN}
        transaction.on_commit(partial(files.remove, job.id))
    else:
        gone = {str(decision) for decision in decisions} if decisions is not None else set(result["hits"])
        result["hits"] = [hit for hit in result["hits"] if hit not in gone]
    Job.objects.filter(pk=job.pk).update(result=result)


def _holds_personal_data(job: Job) -> bool:
    return job.kind == Job.Kind.SEARCH or job.parameters["redaction"] == queries.DISCLOSED


def _covers(job: Job, decisions: Sequence[uuid.UUID] | None) -> bool:
    first = first_id_at(datetime.fromisoformat(job.parameters["since"]))
    end = first_id_at(datetime.fromisoformat(job.parameters["until"]))
    return decisions is None or any(first <= decision < end for decision in decisions)


def _problems(
    system: str, since: datetime, until: datetime, months: int, purpose: str, now: datetime, *, needs_purpose: bool
) -> list[Problem]:
    problems = []
    if since > now:
        problems.append(Problem("since", "lies in the future"))
    if system not in systems_seen():
        problems.append(Problem("system", "is no system of which there are decisions in the trail"))
    if until <= since:
        problems.append(Problem("until", "must be after the beginning"))
    elif since < months_before(until, months):
        problems.append(Problem("until", f"lies more than {months} months after the beginning; ask in parts"))
    if needs_purpose and not purpose.strip():
        problems.append(Problem("purpose", "is needed to read personal data"))
    return problems


def _queued(
    actor: Actor, kind: str, parameters: dict[str, Any], purpose: str, now: datetime, id: uuid.UUID | None = None
) -> Job:
    if Job.objects.filter(asked_by=actor.label, state__in=queries.OPEN).count() >= MOST_OPEN:
        raise Conflict(
            f"{MOST_OPEN} of your exports and searches are under way. Wait for one, or cancel it.", code="too_many_jobs"
        )
    job = Job.objects.create(
        id=id or new_id(),
        kind=kind,
        asked_by=actor.label,
        asked_at=now,
        touched_at=now,
        parameters={**parameters, "attempt": 0},
        purpose=purpose,
        state=Job.State.QUEUED,
    )
    after_commit(RUN, job_id=str(job.id))
    return job


def _of_this_attempt(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, parameters__attempt=job.parameters["attempt"])


def _ended(
    job: Job,
    state: str,
    now: datetime,
    *,
    of_any_attempt: bool = False,
    result: dict[str, Any] | None = None,
    error: str = "",
) -> bool:
    """The one place where a job ends; what a search looked for ends with it."""
    mine = Job.objects.filter(pk=job.pk, state__in=queries.OPEN) if of_any_attempt else _of_this_attempt(job)
    locked = mine.select_for_update().first()
    if locked is None:
        return False
    parameters = {name: value for name, value in locked.parameters.items() if name != "sought"}
    progress = 1 if state == Job.State.DONE else locked.progress
    ended = {"state": state, "finished_at": now, "touched_at": now, "progress": progress, "error": error}
    return bool(Job.objects.filter(pk=job.pk).update(parameters=parameters, result=result, **ended))


def _without_system(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "system"}
