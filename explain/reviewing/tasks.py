"""The workers' entries: ids in, one service call, nothing out; the row is the job."""

from __future__ import annotations

import logging
import uuid

from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from django.utils import timezone

from explain.explaining import CannotExplain
from explain.models import Correction
from explain.reviewing import services
from explain.reviewing.rescoring import score_again
from portal.accounts.access import actor_for_process
from portal.queue import app

log = logging.getLogger(__name__)
WORKER = actor_for_process("explain-worker")


@app.task(name="explain.reviewing.tasks.rescore", bind=True, soft_time_limit=40, time_limit=60)
def rescore(self: Task, correction_id: str) -> None:
    """Score corrected inputs by the version that decided, unless another worker does."""
    correction = services.claim_correction(
        correction_id=uuid.UUID(correction_id),
        is_redelivery=bool((self.request.delivery_info or {}).get("redelivered")),
        now=timezone.now(),
    )
    if correction is None:
        return
    try:
        score, label = score_again(correction)
    except CannotExplain as error:
        _fail(correction, str(error))
    except SoftTimeLimitExceeded:
        _fail(correction, "Scoring took longer than 40 seconds and was stopped.")
    except Exception:
        # The worker must tell the person at the desk; the fault itself goes to the log.
        log.exception("Correction %s failed", correction_id)
        _fail(correction, "Scoring failed through a fault of ours; it is in the log of the workers.")
    else:
        services.finish_correction(actor=WORKER, correction=correction, score=score, label=label, now=timezone.now())


@app.task(name="explain.reviewing.tasks.requeue_stale", time_limit=30)
def requeue_stale() -> None:
    """Send jobs again whose worker or message was lost."""
    services.requeue_stale(now=timezone.now())


def _fail(correction: Correction, error: str) -> None:
    services.fail_correction(correction=correction, error=error, now=timezone.now())
