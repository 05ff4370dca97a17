"""The way to the workers: tasks are named by dotted path and sent after the commit that made their row."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

app = Celery("countersign")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    # Results live in our own rows; a result backend would be a second truth.
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # A new worker process first prepares the live versions (s); by default it would be killed after 4.
    worker_proc_alive_timeout=60,
    task_default_queue="default",
    task_routes={
        "explain.reviewing.tasks.*": {"queue": "explain"},
        "explain.tasks.*": {"queue": "explain"},
        "registry.checking.tasks.run_checks": {"queue": "checks"},
    },
    task_serializer="json",
    accept_content=["json"],
    # Redis hands a message out again when it was not acknowledged for this long (s): beyond any task's limit.
    # A worker of several queues empties them by name: `explain`, where people wait, before `explain_bulk`.
    broker_transport_options={
        **{"visibility_timeout": 600, "socket_timeout": 5, "max_retries": 1},
        "queue_order_strategy": "sorted",
    },
    worker_hijack_root_logger=False,
    timezone="UTC",
)


def after_commit(task: str, /, *, queue: str | None = None, **arguments: Any) -> None:
    """Send the task once the present transaction has committed; nothing is sent when it rolls back.

    A broker that does not answer is logged and no more: the row is the job, and the sweep sends it again.
    """
    transaction.on_commit(partial(_send, task, queue, arguments))


def _send(task: str, queue: str | None, arguments: dict[str, Any]) -> None:
    try:
        app.send_task(task, kwargs=arguments, queue=queue)
    except OperationalError as error:
        log.error("The broker did not take %s %s: %s", task, arguments, error)
