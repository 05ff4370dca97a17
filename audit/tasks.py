"""The trail's scheduled work."""

from __future__ import annotations

from django.utils import timezone

from audit import anchoring, services
from portal.queue import app


@app.task(name="audit.tasks.make_partitions", time_limit=120)
def make_partitions() -> None:
    """Make partitions ahead of time: an entry without one cannot be written, and no decision answered."""
    services.make_partitions()


@app.task(name="audit.tasks.forget_expired_keys", time_limit=120)
def forget_expired_keys() -> None:
    """Let go of idempotency keys past their time."""
    services.forget_expired_keys(now=timezone.now())


@app.task(name="audit.tasks.ask_witnesses", time_limit=120)
def ask_witnesses() -> None:
    """Have the newest checkpoint cosigned."""
    anchoring.ask_witnesses(now=timezone.now())


@app.task(name="audit.tasks.ask_authority", time_limit=120)
def ask_authority() -> None:
    """Have the newest checkpoint stamped."""
    anchoring.ask_authority(now=timezone.now())
