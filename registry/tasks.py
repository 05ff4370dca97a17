"""The registry's scheduled work."""

from __future__ import annotations

from django.utils import timezone

from portal.accounts.access import actor_for_process
from portal.queue import app
from registry import queries
from registry.provenance.services import let_go_of_identities as let_go
from registry.releasing import readiness
from registry.releasing.services import note_readiness

READINESS = actor_for_process("readiness")


@app.task(name="registry.tasks.check_readiness", time_limit=120)
def check_readiness() -> None:
    """See whether a rollback of each system would work, and tell where that has changed."""
    for system in queries.systems_in_production():
        found = readiness.rollback_of(system)
        note_readiness(actor=READINESS, system=system, found=found, now=timezone.now())


@app.task(name="registry.tasks.let_go_of_identities", time_limit=120)
def let_go_of_identities() -> None:
    """Forget CI tokens that have expired."""
    let_go(now=timezone.now())
