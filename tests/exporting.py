"""Exports and searches as people ask for them, through the services."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.exports import files, jobs, services
from audit.exports.searching import Sought
from audit.models import Job
from tests import factories


def lately() -> dict[str, datetime]:
    """The last day, and the minute that has begun."""
    now = timezone.now()
    return {"since": now - timedelta(days=1), "until": now + timedelta(minutes=1)}


def export(by: str = "compliance", **changes: Any) -> Job:
    """An export of the seeded system, queued."""
    facts = {"system": factories.SYSTEM, "format": "csv", **lately(), "now": timezone.now()}
    return services.request_export(**{**facts, "actor": factories.person(by).actor, **changes})


def search(by: str = "support", sought: Sought | None = None, **changes: Any) -> Job:
    """A search in the seeded system, queued."""
    facts = {"system": factories.SYSTEM, "purpose": "Case 12", **lately(), "now": timezone.now()}
    wanted = sought or Sought("lvrat", "between", low=1.0, high=2.0)
    return services.request_search(**{**facts, "actor": factories.person(by).actor, "sought": wanted, **changes})


def claimed(job: Job, *, is_redelivery: bool = False) -> Job:
    """The job, taken by a worker."""
    mine = services.claim_job(job_id=job.pk, is_redelivery=is_redelivery, now=timezone.now())
    assert mine is not None
    return mine


def finish(job: Job) -> bool:
    """A claimed export ends with a file that was made elsewhere."""
    file = files.new_folder(job.pk, job.parameters["attempt"]) / "made.csv.zip"
    file.write_bytes(b"made")
    kept = {"file": f"{job.parameters['attempt']}/made.csv.zip", "bytes": 4, "sha256": files.digest_of(file)}
    result = {**kept, "rows": 1, "unsealed": 0, "size": 1, "root": "00" * 32}
    return services.finish_export(actor=jobs.WORKER, job=job, result=result, now=timezone.now())
