"""The workers' entries: ids in, one service call, nothing out; the row is the job."""

from __future__ import annotations

import logging
import uuid

from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init, worker_process_shutdown
from django.conf import settings
from django.utils import timezone

import registry.queries as registry
from explain import explaining, services
from explain.models import Explanation
from portal.accounts.access import actor_for_process
from portal.queue import app

log = logging.getLogger(__name__)
WORKER = actor_for_process("explain-worker")

# Versions that a new worker prepares while nobody waits.
MOST_WARMED = 8
# What the page shows for each stage of `explain.isolated` and `explain.methods.report`.
STAGE_WORDS = {
    "load": "Loading the model that decided",
    "replay": "Scoring the recorded inputs again",
    "shap": "Measuring what each input did (SHAP)",
    "lime": "Checking with a second method (LIME)",
    "agreement": "Comparing the two methods",
    "counterfactuals": "Looking for what would have changed it",
    "wording": "Writing the reasons",
    "done": "Keeping the report",
}


@app.task(name="explain.tasks.compute", bind=True, soft_time_limit=58, time_limit=70)
def compute(self: Task, explanation_id: str) -> None:
    """Make the report of one explanation, unless another worker has it."""
    explanation = services.claim_explanation(
        explanation_id=uuid.UUID(explanation_id),
        is_redelivery=bool((self.request.delivery_info or {}).get("redelivered")),
        now=timezone.now(),
    )
    if explanation is None:
        return
    try:
        report = explaining.make_report(explanation, lambda stage, share: _show(explanation, stage, share))
    except explaining.CannotExplain as error:
        _fail(explanation, str(error))
    except SoftTimeLimitExceeded:
        _fail(explanation, "The explanation took longer than 58 seconds and was stopped.")
    except Exception:
        # The worker must tell the person at the desk; the fault itself goes to the log.
        log.exception("Explanation %s failed", explanation_id)
        _fail(explanation, "The explanation failed through a fault of ours; it is in the log of the workers.")
    else:
        services.finish_explanation(actor=WORKER, explanation=explanation, report=report, now=timezone.now())


@app.task(name="explain.tasks.requeue_stale", time_limit=30)
def requeue_stale() -> None:
    """Send jobs again whose worker or message was lost."""
    services.requeue_stale(actor=actor_for_process("sweep"), now=timezone.now())


@worker_process_init.connect
def warm_up(**kwargs: object) -> None:
    """Have prepared what decided lately, so that the first person does not wait for imports and loading."""
    if settings.WARM_UP:
        explaining.warm_up(registry.versions_in_service()[:MOST_WARMED])


@worker_process_shutdown.connect
def let_go(**kwargs: object) -> None:
    """End the process apart with the worker's own."""
    explaining.let_go()


def _show(explanation: Explanation, stage: str, share: float) -> None:
    words = STAGE_WORDS.get(stage, stage)
    services.note_progress(explanation=explanation, stage=words, progress=share, now=timezone.now())


def _fail(explanation: Explanation, error: str) -> None:
    services.fail_explanation(actor=WORKER, explanation=explanation, error=error, now=timezone.now())
