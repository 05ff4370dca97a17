"""The one write of the what-if panel: that somebody tried other values, and for which inputs."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

import audit.services as trail
from explain.events import Event
from explain.models import Explanation
from portal.accounts.access import Actor, Permission


@transaction.atomic
def record_trial(*, actor: Actor, explanation: Explanation, changed: Iterable[str]) -> None:
    """Record that the actor asked the model about other values of these inputs; the values themselves are not kept.

    Which inputs somebody turns to see what they do, a protected one above all, is worth knowing afterwards.
    """
    actor.need(Permission.DECISION_EXPLAIN)
    trail.record(
        actor=actor,
        event=Event.EXPLANATION_TRIED,
        system=explanation.system,
        version=explanation.version,
        object=str(explanation.decision_id),
        details={"explanation": str(explanation.id), "changed": sorted(changed)},
    )
