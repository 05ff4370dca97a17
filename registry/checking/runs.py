"""Runs of the checks: the row is the job. Taken by compare-and-set, carried out, and sent again when it was lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F
from django.utils import timezone

from portal.accounts.access import actor_for_process
from portal.queue import after_commit
from registry.checking.comparing import context_of, parts_of
from registry.checking.findings import Finding
from registry.checking.parts import Parts
from registry.checking.queries import open_run
from registry.checking.running import Context, findings_of, gates_checked, unmeasured
from registry.checking.services import record_findings
from registry.models import CheckRun, Version
from registry.store import StoreError

CHECKER = actor_for_process("checks")
RUN_CHECKS = "registry.checking.tasks.run_checks"
MAX_ATTEMPTS = 2
# Longer than any one gate takes, and than a message waits while nothing is wrong.
STALE_AFTER = timedelta(minutes=5)
LOST = "the worker was lost twice while it checked this version"
OVERTIME = "the time for all checks ran out"
STAGES = {
    "artifact": "Opening the artifact in the sandbox and scoring its samples",
    "libraries": "Comparing library versions",
    "latency": "Judging the latency",
    "rollback": "Looking at the version to return to",
    "golden_rows": "Scoring rows again in a second process",
    "performance": "Recomputing the metrics, and those of the live version",
    "distribution": "Comparing scores and groups",
    "explanation": "Rehearsing explanations",
}


def claim_run(*, run_id: int, is_redelivery: bool, now: datetime) -> CheckRun | None:
    """Take the run, by compare-and-set; None when another worker has it, or it is finished.

    One under way is taken only from a redelivered message: the broker sends one again when its worker was lost.
    """
    free = ("queued", "running") if is_redelivery else ("queued",)
    mine = CheckRun.objects.filter(pk=run_id, state__in=free, attempts__lt=MAX_ATTEMPTS)
    taken = mine.update(state="running", started_at=now, touched_at=now, done=0, attempts=F("attempts") + 1)
    return CheckRun.objects.select_related("version__system").get(pk=run_id) if taken else None


def carry_out(run: CheckRun) -> None:
    """Check every gate and record what was found; whatever happens to the checks, each gate gets its finding."""
    context = context_of(run.version.system, run.version)
    try:
        findings = _findings(run, parts_of(run.version), context)
    except StoreError as error:
        findings = unmeasured(_due(context), context, str(error))
    record_findings(actor=CHECKER, run=run, findings=findings, now=timezone.now())


def run_now(version: Version) -> None:
    """Carry out the version's open run in this process, if there is one: for those who cannot wait for a worker."""
    waiting = open_run(version)
    run = claim_run(run_id=waiting.pk, is_redelivery=False, now=timezone.now()) if waiting else None
    if run is not None:
        carry_out(run)


def requeue_stale(*, now: datetime) -> None:
    """Send runs again whose message or worker was lost, and give up on one that was lost twice."""
    stale = CheckRun.objects.filter(state__in=("queued", "running"), touched_at__lt=now - STALE_AFTER)
    for run in stale.select_related("version__system"):
        if run.attempts < MAX_ATTEMPTS:
            # Touched, so that a long queue is not filled with a new message for each run at every sweep.
            stale.filter(pk=run.pk).update(state="queued", touched_at=now)
            after_commit(RUN_CHECKS, run_id=run.pk)
        else:
            context = context_of(run.version.system, run.version)
            findings = unmeasured(_due(context), context, LOST)
            record_findings(actor=CHECKER, run=run, findings=findings, error=LOST, now=now)


def _findings(run: CheckRun, parts: Parts, context: Context) -> list[Finding]:
    gates = gates_checked(parts, context)
    found: list[Finding] = []
    try:
        for finding in findings_of(parts, context, lambda gate: _note(run, gate, len(found), len(gates))):
            found.append(finding)
    except SoftTimeLimitExceeded:
        found += unmeasured(gates[len(found) :], context, OVERTIME)
    return found


def _note(run: CheckRun, gate: str, done: int, total: int) -> None:
    """Show how far the run is; nothing that needs an entry in the trail."""
    mine = CheckRun.objects.filter(pk=run.pk, state="running")
    mine.update(stage=STAGES.get(gate, gate), done=done, total=total, touched_at=timezone.now())


def _due(context: Context) -> list[str]:
    return [gate for gate in STAGES if gate in context.thresholds]
