"""The registry's scheduled work."""

from __future__ import annotations

from django.utils import timezone

from portal.queue import app
from registry.provenance.services import let_go_of_identities as let_go


@app.task(name="registry.tasks.let_go_of_identities", time_limit=120)
def let_go_of_identities() -> None:
    """Forget CI tokens that have expired."""
    let_go(now=timezone.now())
