"""The workers' entries of exports and searches: ids in, one job done, nothing out; the row is the job."""

from __future__ import annotations

import logging
import uuid

from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from audit.exports import jobs, services
from portal.errors import Refusal
from portal.queue import app

TOO_LONG = "This took longer than nine minutes and was stopped. Ask for a shorter time."
log = logging.getLogger(__name__)


@app.task(name="audit.exports.tasks.run_job", bind=True, soft_time_limit=540, time_limit=570)
def run_job(self: Task, job_id: str) -> None:
    """Do one job, unless another worker has it."""
    is_redelivery = bool((self.request.delivery_info or {}).get("redelivered"))
    job = services.claim_job(job_id=uuid.UUID(job_id), is_redelivery=is_redelivery, now=timezone.now())
    if job is None:
        return
    work = jobs.Work(job)
    try:
        jobs.carry_out(work)
    except jobs.Stopped:
        log.info("Job %s was stopped", job_id)
    except SoftTimeLimitExceeded:
        services.fail_job(job=job, error=TOO_LONG, now=timezone.now())
    except Refusal as refusal:
        services.fail_job(job=job, error=refusal.message, now=timezone.now())
    except Exception as error:
        # The worker must tell the person at the desk; the fault itself goes to the log. Where the job has ended
        # meanwhile, it says nothing.
        log.exception("Job %s failed", job_id)
        services.fail_job(job=job, error=jobs.words_for(error), now=timezone.now())


@app.task(name="audit.exports.tasks.requeue_stale", time_limit=30)
def requeue_stale() -> None:
    """Send jobs again whose worker or message was lost."""
    services.requeue_stale(now=timezone.now())


@app.task(name="audit.exports.tasks.let_go", time_limit=120)
def let_go() -> None:
    """Delete results seven days after they were made, and files that nobody answers for."""
    services.let_go(now=timezone.now())
