"""The scheduled work of the intake."""

from __future__ import annotations

from django.utils import timezone

from audit.intake import services
from portal.queue import app


@app.task(name="audit.intake.tasks.record_lone_halves", time_limit=300)
def record_lone_halves() -> None:
    """Record what waited in vain for its other half."""
    while services.record_lone_halves(now=timezone.now()):
        pass
