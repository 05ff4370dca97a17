"""What the version that decided answers to corrected inputs, in the worker that keeps it warm."""

from __future__ import annotations

import registry.queries as registry
from audit.models import Entry
from explain.explaining import CannotExplain, score_inputs
from explain.models import Correction
from explain.reviewing.queries import inputs_of
from registry.models import Version

# Below the task's own limits.
SECONDS = 35.0


def score_again(correction: Correction) -> tuple[float, str | None]:
    """The score and its label; `CannotExplain`, in words, where inputs or version are gone or the answer is none."""
    inputs = inputs_of(correction)
    if inputs is None:
        raise CannotExplain("The personal data of this decision was erased.")
    decision = Entry.objects.get(pk=correction.dispute.decision_id)
    try:
        version = registry.version_that_decided(decision.system, decision.version)
    except Version.DoesNotExist:
        raise CannotExplain("The version that decided is not in the registry.") from None
    score = score_inputs(version, inputs, seconds=SECONDS)
    return score, version.spec.output.label(score)
