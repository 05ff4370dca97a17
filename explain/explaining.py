"""From a decision in the trail to its report, made by a process apart that may hang, crash or starve alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

import audit.queries as trail
import registry.queries as registry
from explain.isolated import Explainer, Lost
from explain.methods.facts import DecisionFacts, bare_report, with_problem
from explain.models import Explanation
from registry.elsewhere import way_to
from registry.models import Version

log = logging.getLogger(__name__)
Progress = Callable[[str, float], None]

# Seconds until whatever is finished is delivered; the task's own limits lie above it.
BUDGET_S = 55.0
# Of these, what composing and sending the last words may take.
LAST_WORDS_S = 2.5
# Less is not worth a second attempt (s).
WORTH_TRYING_S = 5.0
# Stages that a second attempt can do without.
OPTIONAL = frozenset({"shap", "lime", "agreement", "counterfactuals"})
POPULATION = "a sample of the people whom the model was trained on"

_MEBIBYTE = 1024**2
# How long the web server's process stays when nobody tries values any more (s).
TRYING_IDLE_S = 600.0
_explainers: dict[str, Explainer] = {}


class CannotExplain(Exception):
    """There can be no report; the message says why, in words for the person at the desk."""


def make_report(explanation: Explanation, progress: Progress) -> dict[str, Any]:
    """The report on the explanation's decision, complete or, after 55 s or a crash, as far as it came.

    Without its model there is a report that says just that. `CannotExplain` when the inputs are gone or do not fit,
    or when not even the recorded score could be made again.
    """
    deadline = time.monotonic() + BUDGET_S
    content = trail.inputs_of(explanation.decision_id)
    output = trail.output_of(explanation.decision_id)
    if content is None or output is None:
        raise CannotExplain("The inputs or the answer of this decision are no longer there.")
    version = _version_of(explanation)
    facts = DecisionFacts(
        decision=str(explanation.decision_id),
        system=explanation.system,
        version=explanation.version,
        artifact_sha256=version.artifact_sha256,
        recorded=output.get("score"),
    )
    named = trail.artifact_of(explanation.decision_id)
    if named not in (None, version.artifact_sha256):
        why = (
            f"The decision's record names the model file {named[:12]}…, but version {version.number} is another one "
            f"({version.artifact_sha256[:12]}…): what decided cannot be asked."
        )
        return bare_report(facts, version.spec.output.threshold, "artifact_missing", why)
    attempt = _Attempt(version, content["inputs"], facts, progress)
    return attempt.report(deadline)


def try_inputs(version: Version, inputs: dict[str, Any], *, seed: int, seconds: float) -> dict[str, Any]:
    """What the version says to these inputs: score, label, contributions (`explain.methods.trying`). Nothing is stored.

    Asked of a process that the web server keeps for a while, so that no model is loaded into itself. `CannotExplain`
    when the inputs do not fit, or there is no answer in time.
    """
    job = {"kind": "try", "version": job_version(version), "inputs": inputs, "seed": seed}
    return _asked_once(_explainer("trying"), version, job, seconds)


def warm_trying(version: Version) -> None:
    """Have what `try_inputs` asks prepare the version; comes back at once."""
    _explainer("trying").warm([job_version(version)])


def score_inputs(version: Version, inputs: dict[str, Any], *, seconds: float) -> float:
    """The version's score of these inputs alone; `CannotExplain` as `try_inputs`."""
    job = {"kind": "score", "version": job_version(version), "inputs": inputs}
    return float(_asked_once(explainer(), version, job, seconds)["score"])


def warm_up(versions: Iterable[Version]) -> None:
    """Have the process apart start and prepare these versions while nobody waits; comes back at once."""
    explainer().warm([job_version(version) for version in versions])


def explainer() -> Explainer:
    """The worker's own process apart."""
    return _explainer("working")


def let_go() -> None:
    """End this process's own, with all that they keep warm."""
    while _explainers:
        _explainers.popitem()[1].stop()


def _explainer(use: str) -> Explainer:
    """This process's own for a use; made when it is first needed, after any fork."""
    found = _explainers.get(use)
    if found is not None and found.store == settings.ARTIFACT_DIR:
        return found
    if found is not None:
        found.stop()
    memory, warm, idle_s = settings.EXPLAIN_MEMORY_MB * _MEBIBYTE, settings.EXPLAIN_WARM_MB * _MEBIBYTE, None
    if use == "trying":
        warm, idle_s = warm // 4, TRYING_IDLE_S
    made = Explainer(settings.ARTIFACT_DIR, memory_bytes=memory, warm_bytes=warm, idle_s=idle_s)
    _explainers[use] = made
    return made


def job_version(version: Version) -> dict[str, Any]:
    """What the process apart must know of a version."""
    return {
        "artifact_sha256": version.artifact_sha256,
        "background_sha256": version.background_sha256,
        "manifest": dict(version.spec.raw),
        "population": POPULATION,
    }


@dataclass
class _Attempt:
    """One report, tried twice: what ended the first attempt is left out of the second."""

    version: Version
    inputs: dict[str, Any]
    facts: DecisionFacts
    progress: Progress
    stage: str = "load"
    draft: dict[str, Any] | None = None
    without: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def report(self, deadline: float) -> dict[str, Any]:
        """The report, or the draft of it when time or both attempts are over."""
        try:
            report = self._asked(deadline)
        except Lost as first:
            self._note(first)
            if first.was_late or deadline - time.monotonic() < WORTH_TRYING_S:
                return self._as_far_as_it_came(first)
            if self.stage in OPTIONAL:
                self.without.append(self.stage)
            try:
                report = self._asked(deadline)
            except Lost as second:
                self._note(second)
                return self._as_far_as_it_came(second)
        for problem in self.problems:
            report = with_problem(report, problem)
        return report

    def _asked(self, deadline: float) -> dict[str, Any]:
        seconds = max(0.1, deadline - time.monotonic())
        job = {
            "kind": "explain",
            "version": job_version(self.version),
            "inputs": self.inputs,
            "facts": vars(self.facts),
            "budget_s": max(0.1, seconds - LAST_WORDS_S),
            "without": self.without,
        }
        said = explainer().ask(job, seconds, self._hear, way_to(self.version.spec, deadline=deadline))
        if said["say"] == "report":
            return dict(said["report"])
        if said["say"] == "refused" and said["code"] == "artifact_missing":
            threshold = self.version.spec.output.threshold
            return bare_report(self.facts, threshold, "artifact_missing", said["message"])
        _log_fault(said)
        words = "The explanation failed through a fault of ours; it is in the log of the workers."
        raise CannotExplain(said["message"] if said["say"] == "refused" else words)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["say"] == "progress":
            self.stage = message["stage"]
            self.progress(self.stage, message["share"])
        elif self.draft is None or len(message["report"]["missing"]) <= len(self.draft["missing"]):
            # A second attempt that leaves out more does not replace what the first one found.
            self.draft = message["report"]

    def _note(self, lost: Lost) -> None:
        self.problems.append(f"{self.stage}: {lost}")

    def _as_far_as_it_came(self, lost: Lost) -> dict[str, Any]:
        if self.draft is None:
            why = "did not answer within the minute" if lost.was_late else "ended the process that asked it, twice"
            raise CannotExplain(f"The model {why}, not even for the recorded score. {lost}")
        report = self.draft
        for problem in self.problems:
            report = with_problem(report, problem)
        return report


def _asked_once(process: Explainer, version: Version, job: dict[str, Any], seconds: float) -> dict[str, Any]:
    call = way_to(version.spec, deadline=time.monotonic() + seconds)
    try:
        said = process.ask(job, seconds, call=call)
    except Lost as lost:
        raise CannotExplain(f"The model did not answer. {lost}") from lost
    if said["say"] == "answer":
        return dict(said["answer"])
    _log_fault(said)
    raise CannotExplain(said["message"] if said["say"] == "refused" else "The model could not be asked.")


def _version_of(explanation: Explanation) -> Version:
    try:
        return registry.version_that_decided(explanation.system, explanation.version)
    except Version.DoesNotExist:
        named = f"Version {explanation.version} of {explanation.system}"
        raise CannotExplain(f"{named} is not in the registry; this decision was made and reported elsewhere.") from None


def _log_fault(said: dict[str, Any]) -> None:
    if said["say"] == "fault":
        log.error("The process that explains failed: %s\n%s", said["message"], said["trace"])
