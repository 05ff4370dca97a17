"""From a decision in the trail to its report: the version that decided is loaded by digest and kept warm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from django.conf import settings

import audit.queries as trail
import registry.queries as registry
from explain.methods import DecisionFacts, Prepared, compose_report, prepare
from explain.models import Explanation
from registry import store
from registry.models import Version
from registry.scoring import frames
from registry.scoring.formats import load
from registry.scoring.problems import ArtifactRefused
from registry.scoring.samples import read_sample

# Seconds until whatever is finished is delivered; the task's own limit lies above it.
BUDGET_S = 55.0
# Versions that one worker keeps prepared; each holds a model and its background, some tens of MB.
KEPT_WARM = 8

_warm: OrderedDict[int, Prepared] = OrderedDict()


class CannotExplain(Exception):
    """There can be no report; the message says why, in words for the person at the desk."""


def make_report(explanation: Explanation, progress: Callable[[str, float], None]) -> dict[str, Any]:
    """The report on the explanation's decision; `CannotExplain` when the inputs or the artifact are gone."""
    content = trail.inputs_of(explanation.decision_id)
    output = trail.output_of(explanation.decision_id)
    if content is None or output is None:
        raise CannotExplain("The inputs or the answer of this decision are no longer there.")
    try:
        version = registry.version_that_decided(explanation.system, explanation.version)
    except Version.DoesNotExist:
        named = f"Version {explanation.version} of {explanation.system}"
        raise CannotExplain(f"{named} is not in the registry; this decision was made and reported elsewhere.") from None
    progress("Loading the model that decided", 0.0)
    prepared = prepared_version(version)
    facts = DecisionFacts(
        decision=str(explanation.decision_id),
        system=explanation.system,
        version=explanation.version,
        artifact_sha256=version.artifact_sha256,
        recorded=output.get("score"),
    )
    return compose_report(
        prepared, content["inputs"], facts, version.spec.output, progress=progress, budget_s=BUDGET_S
    )


def prepared_version(version: Version) -> Prepared:
    """The version ready for explaining, from this worker's memory or loaded anew by digest."""
    found = _warm.pop(version.pk, None) or _prepare(version)
    _warm[version.pk] = found
    while len(_warm) > KEPT_WARM:
        _warm.popitem(last=False)
    return found


def _prepare(version: Version) -> Prepared:
    spec = version.spec
    try:
        scorer = load(store.read(settings.ARTIFACT_DIR, version.artifact_sha256), spec)
        sample = store.read(settings.ARTIFACT_DIR, version.background_sha256)
    except store.StoreError as error:
        raise CannotExplain(f"The model that made this decision cannot be loaded: {error}") from error
    except ArtifactRefused as error:
        raise CannotExplain(f"The model that made this decision cannot be opened: {error.message}") from error
    background = read_sample(sample, spec.inputs)
    return prepare(
        spec.inputs,
        scorer,
        background,
        frames,
        population="a sample of the people whom the model was trained on",
        background_sha256=version.background_sha256,
        regression=not spec.is_classifier,
    )
