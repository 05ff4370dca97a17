"""The full check in the background: each night, and when somebody asks for it."""

from __future__ import annotations

import logging

from billiard.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, connection
from django.utils import timezone

from audit.verifying import services
from audit.verifying.crew import CrewFailed
from audit.verifying.report import Report
from portal.accounts.access import actor_for_process
from portal.queue import app

LIMIT_SECONDS = 540
# Of all numbers the one by which checks know each other.
_ONE_AT_A_TIME = 7041777
VERIFYING = actor_for_process("verifying")
log = logging.getLogger(__name__)


@app.task(name="audit.verifying.tasks.verify", time_limit=LIMIT_SECONDS + 30, soft_time_limit=LIMIT_SECONDS)
def verify() -> None:
    """Check the whole trail and keep what was found; nothing while another check is under way."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [_ONE_AT_A_TIME])
        if not cursor.fetchone()[0]:
            return
        try:
            report = _report()
            services.record_verification(actor=VERIFYING, report=report, since=None, now=timezone.now())
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_ONE_AT_A_TIME])


def _report() -> Report:
    try:
        return services.check_trail()
    except SoftTimeLimitExceeded:
        error = f"The check was not done after {LIMIT_SECONDS} s. Run `manage.py verify_trail` at a quiet time."
    except (DatabaseError, CrewFailed) as problem:
        error = str(problem).strip()
    log.error("The trail could not be checked: %s", error)
    return Report(error=error)
