"""The workers' entries: ids in, nothing out; the row is the job."""

from __future__ import annotations

from celery import Task
from django.utils import timezone

from portal.queue import app
from registry.checking import runs


# Beyond what all sandboxes together may take (three measuring runs of 120 s and a rehearsal of 150 s).
@app.task(name="registry.checking.tasks.run_checks", bind=True, soft_time_limit=560, time_limit=590)
def run_checks(self: Task, run_id: int) -> None:
    """Check every gate of a version, unless another worker does."""
    is_redelivery = bool((self.request.delivery_info or {}).get("redelivered"))
    run = runs.claim_run(run_id=run_id, is_redelivery=is_redelivery, now=timezone.now())
    if run is not None:
        runs.carry_out(run)


@app.task(name="registry.checking.tasks.requeue_stale", time_limit=30)
def requeue_stale() -> None:
    """Send runs again whose worker or message was lost."""
    runs.requeue_stale(now=timezone.now())
