"""One decision's whole explanation, in the shape of the contract, within a time budget."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explain.methods.agreement import Agreement, compare
from explain.methods.contrast import Alternative, OutputLike, find_alternatives
from explain.methods.links import PROBABILITY, VALUE
from explain.methods.local import LimeResult, explain_lime
from explain.methods.prepared import Prepared
from explain.methods.shapley import ShapResult, explain_shap
from explain.methods.subject import JsonValue, Matrix, plain
from explain.methods.wording import disclosures_of, reasons_of

MATCHES, CLOSE = 1e-9, 1e-6  # distance of the replayed from the recorded score, relative for values above 1
WHICH = ("decision", "system", "version", "artifact_sha256")
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class DecisionFacts:
    """The decision as the trail holds it; `recorded` is its score, None when none was recorded."""

    decision: str
    system: str
    version: int
    artifact_sha256: str
    recorded: float | None


def seed_of(decision_id: str, artifact_sha256: str) -> int:
    """The seed of a decision's explanation: 32 bits of SHA-256 over both, so that anyone can make it
    again."""
    digest = hashlib.sha256(f"{decision_id}\n{artifact_sha256}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


@dataclass(frozen=True)
class _Found:
    """What the stages found; None or empty where one did not run."""

    replay: dict[str, JsonValue]
    shap: ShapResult | None
    lime: LimeResult | None
    agreement: Agreement | None
    alternatives: tuple[Alternative, ...]


class _Stages:
    """Stages with their times; one that would begin after the deadline is skipped and the report is
    partial."""

    def __init__(self, progress: Progress, budget_s: float, clock: Callable[[], float]) -> None:
        self.progress, self.clock = progress, clock
        self.begin = clock()
        self.deadline = self.begin + budget_s
        self.timings: dict[str, float] = {}
        self.complete = True
        self.problems: list[str] = []

    def expired(self) -> bool:
        return self.clock() >= self.deadline

    def run(self, stage: str, fraction: float, work: Callable[[], Any]) -> Any:
        """The work's result; None when time is up or it failed, since one method must not cost the others."""
        if self.expired():
            self.complete = False
            return None
        self.progress(stage, fraction)
        start = self.clock()
        result = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - libraries and models raise anything on rows never sent before
            self.problems.append(f"{stage}: {type(error).__name__}: {error}")
        self.timings[stage] = round((self.clock() - start) * 1e3, 3)
        self.complete &= result is not None and getattr(result, "complete", True)
        return result

    def summary(self) -> dict[str, Any]:
        return {
            "completeness": "full" if self.complete else "partial",
            "problems": self.problems,
            "timings_ms": self.timings,
        }


def compose_report(
    prepared: Prepared,
    row: Mapping[str, Any],
    facts: DecisionFacts,
    output: OutputLike,
    *,
    seed: int | None = None,
    progress: Progress = lambda stage, fraction: None,
    budget_s: float = 60.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """The contract's report, JSON-ready. Same inputs, same `prepared.effort`: same report apart from timings.

    Stages run in order of worth: replay, shap, lime, agreement, counterfactuals, wording. At the deadline
    what is finished is delivered with completeness `partial`; a stage that did not run is null
    (counterfactuals: empty).
    """
    seed = seed_of(facts.decision, facts.artifact_sha256) if seed is None else seed
    codes = prepared.subject.codes_of(row)
    stages = _Stages(progress, budget_s, clock)
    found = _find(prepared, codes, facts, output, seed, stages)
    # Wording costs under a millisecond and a report without it says nothing, so it runs after any deadline.
    progress("wording", 0.97)
    start = clock()
    reasons, disclosures = _words(prepared, found, output, stages)
    stages.timings["wording"] = round((clock() - start) * 1e3, 3)
    stages.timings["total"] = round((clock() - stages.begin) * 1e3, 3)
    report: dict[str, Any] = {
        **{name: plain(getattr(facts, name)) for name in WHICH},
        "seed": seed,
        "output_space": found.shap.space if found.shap is not None else prepared.methods.space,
        "threshold": plain(output.threshold),
        **_parts(found, prepared.subject.regression),
        "reasons": reasons,
        "disclosures": disclosures,
        **stages.summary(),
        **_provenance(prepared),
    }
    progress("done", 1.0)
    return report


def _find(
    prepared: Prepared, codes: Matrix, facts: DecisionFacts, output: OutputLike, seed: int, stages: _Stages
) -> _Found:
    """Run the stages. Replay runs after any deadline, too: it costs milliseconds and all else rests on it."""
    replay = _replay(prepared, codes, facts.recorded, stages)
    shap: ShapResult | None = stages.run("shap", 0.05, lambda: _shap(prepared, codes, seed, stages))
    lime: LimeResult | None = stages.run("lime", 0.35, lambda: _lime(prepared, codes, seed, stages))
    agreement: Agreement | None = None
    if shap is not None and lime is not None:
        agreement = stages.run("agreement", 0.8, lambda: compare(shap, lime))

    def search() -> tuple[Alternative, ...]:
        return find_alternatives(prepared.subject, output, codes, prepared.effort, stages.expired)

    alternatives: tuple[Alternative, ...] = stages.run("counterfactuals", 0.82, search) or ()
    stages.complete &= not stages.expired()
    return _Found(replay, shap, lime, agreement, alternatives)


def _words(
    prepared: Prepared, found: _Found, output: OutputLike, stages: _Stages
) -> tuple[list[str], list[str]]:
    """Reasons and disclosures; what went wrong with this very report comes first."""
    score = float(found.replay["recomputed"] or 0.0)
    reasons = [] if found.shap is None else reasons_of(prepared.subject, found.shap, output, score)
    lines = _replay_lines(found.replay)
    if stages.problems:
        lines.append("A part of this report could not be made: it is partial, and its problems are listed.")
    elif not stages.complete:
        lines.append("The time ran out before all parts were finished: this report is partial.")
    lines += disclosures_of(
        prepared.subject,
        population=prepared.population,
        shap=found.shap,
        lime=found.lime,
        agreement=found.agreement,
        alternatives=found.alternatives,
        output=output,
    )
    return reasons, lines


def _provenance(prepared: Prepared) -> dict[str, Any]:
    population = prepared.population
    return {
        "background": {
            "sha256": population.sha256,
            "rows": population.rows,
            "population": population.description,
        },
        "effort": asdict(prepared.effort),
        "libraries": dict(prepared.libraries),
    }


def _parts(found: _Found, regression: bool) -> dict[str, Any]:
    agreement = None if found.agreement is None else asdict(found.agreement)
    return {
        "replay": found.replay,
        "shap": _shap_part(found.shap),
        "lime": _lime_part(found.lime, VALUE if regression else PROBABILITY),
        "agreement": agreement and {key: plain(value) for key, value in agreement.items()},
        "counterfactuals": [_alternative_part(item) for item in found.alternatives],
    }


def _shap(prepared: Prepared, codes: Matrix, seed: int, stages: _Stages) -> ShapResult:
    return explain_shap(
        prepared.subject, prepared.methods, codes, effort=prepared.effort, seed=seed, expired=stages.expired
    )


def _lime(prepared: Prepared, codes: Matrix, seed: int, stages: _Stages) -> LimeResult:
    return explain_lime(
        prepared.subject,
        prepared.lime,
        codes,
        samples=prepared.effort.lime_samples,
        seed=seed,
        expired=stages.expired,
    )


def _replay(
    prepared: Prepared, codes: Matrix, recorded: float | None, stages: _Stages
) -> dict[str, JsonValue]:
    """The score made again by the same artifact, and how it compares with the recorded one."""
    stages.progress("replay", 0.0)
    start = stages.clock()
    again = float(prepared.subject.score(codes.reshape(1, -1))[0])
    stages.timings["replay"] = round((stages.clock() - start) * 1e3, 3)
    if recorded is None:
        return {"recorded": None, "recomputed": plain(again), "verdict": "differs"}
    distance = abs(again - recorded) / max(1.0, abs(recorded))
    verdict = "matches" if distance <= MATCHES else "close" if distance <= CLOSE else "differs"
    return {"recorded": plain(float(recorded)), "recomputed": plain(again), "verdict": verdict}


def _replay_lines(replay: dict[str, JsonValue]) -> list[str]:
    if replay["verdict"] != "differs":
        return []
    if replay["recorded"] is None:
        return ["No score was recorded for this decision: what is explained is the score computed now."]
    return [
        "Warning: the model does not give the recorded score again. The score explained is the one of now."
    ]


def _shap_part(shap: ShapResult | None) -> dict[str, Any] | None:
    if shap is None:
        return None
    part: dict[str, Any] = {
        name: plain(getattr(shap, name))
        for name in (
            "method",
            "base_value",
            "prediction",
            "additivity_error",
            "probability_base",
            "probability",
        )
    }
    part["background_rows"] = shap.background_rows
    part["notes"] = list(shap.notes)
    part["contributions"] = [
        {
            key: plain(value)
            for key, value in asdict(item).items()
            if key != "standard_error" or value is not None
        }
        for item in shap.contributions
    ]
    return part


def _lime_part(lime: LimeResult | None, space: str) -> dict[str, Any] | None:
    if lime is None:
        return None
    part: dict[str, Any] = {"output_space": space} | {
        name: plain(getattr(lime, name))
        for name in ("intercept", "local_prediction", "r2", "samples", "stability")
    }
    part["dropped"] = list(lime.dropped)
    part["contributions"] = [
        {key: plain(value) for key, value in asdict(item).items()} for item in lime.contributions
    ]
    return part


def _alternative_part(item: Alternative) -> dict[str, Any]:
    changes = [
        {"feature": each.feature, "from": plain(each.before), "to": plain(each.after)}
        for each in item.changes
    ]
    return {"changes": changes, "score": plain(item.score), "label": item.label}
