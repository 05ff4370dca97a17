"""One decision's whole explanation, in the shape of the contract, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explain.methods.agreement import Agreement, compare
from explain.methods.cases import Case, nearest_cases
from explain.methods.contrast import Alternative, OutputLike, find_alternatives
from explain.methods.facts import DecisionFacts, seed_of
from explain.methods.links import PROBABILITY, VALUE
from explain.methods.local import LimeResult, explain_lime
from explain.methods.prepared import Prepared
from explain.methods.reference import reference_of
from explain.methods.shapley import ShapResult, explain_shap
from explain.methods.stages import BEGINS, Progress, Stages
from explain.methods.subject import JsonValue, Matrix, plain
from explain.methods.wording import disclosures_of, elsewhere_lines, reasons_of

MATCHES, CLOSE = 1e-9, 1e-6  # distance of the replayed from the recorded score, relative for values above 1


@dataclass
class _Found:
    """What the stages have found so far; None or empty where one did not run."""

    replay: dict[str, JsonValue]
    shap: ShapResult | None = None
    lime: LimeResult | None = None
    agreement: Agreement | None = None
    alternatives: tuple[Alternative, ...] = ()
    cases: tuple[Case, ...] = ()


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
    without: Collection[str] = (),
    keep: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """The contract's report, JSON-ready. Same inputs, same `prepared.effort`: same full report apart from timings.

    Stages run in order of worth: replay, cases, shap, lime, agreement, counterfactuals, wording. At the deadline what
    is finished is delivered with completeness `partial`; a stage that did not run is null (lists: empty) and named in
    `missing`. Stages in `without` are left out. `keep` is given, after each stage, the report as it would be if all
    ended there. Raises what the model raises when it cannot score the decision's own inputs.
    """
    seed = seed_of(facts.decision, facts.artifact_sha256) if seed is None else seed
    codes = prepared.subject.codes_of(row)
    stages = Stages(progress, budget_s, clock, without)
    if not prepared.whole:
        stages.cut_short.append("background")
    found = _Found(_replay(prepared, codes, facts.recorded, stages))

    def written(waiting: tuple[str, ...] = ()) -> dict[str, Any]:
        return _written(prepared, found, facts, output, seed, stages.as_if_over(waiting))

    for waiting in _find(prepared, codes, found, output, seed, stages):
        if keep is not None and waiting:
            keep(written(waiting))
    # Wording costs under a millisecond and a report without it says nothing, so it runs after any deadline.
    progress("wording", 0.97)
    start = clock()
    report = written()
    report["timings_ms"]["wording"] = round((clock() - start) * 1e3, 3)
    report["timings_ms"]["total"] = round((clock() - stages.begin) * 1e3, 3)
    progress("done", 1.0)
    return report


def _find(
    prepared: Prepared, codes: Matrix, found: _Found, output: OutputLike, seed: int, stages: Stages
) -> Iterator[tuple[str, ...]]:
    """Run the stages, and after each say which still wait."""
    subject, score = prepared.subject, float(found.replay["recomputed"] or 0.0)
    # From scores that are known already: it stands even where nothing more can be asked of the model.
    found.cases = _cases(prepared, codes, output, score, stages)
    yield ("shap", "lime", "agreement", "counterfactuals")
    found.shap = stages.run("shap", lambda: _shap(prepared, codes, seed, stages))
    yield ("lime", "agreement", "counterfactuals")
    found.lime = stages.run("lime", lambda: _lime(prepared, codes, seed, stages))
    if found.shap is not None and found.lime is not None:
        both = found.shap, found.lime
        found.agreement = stages.run("agreement", lambda: compare(*both))
    else:
        stages.missing.append("agreement")
    yield ("counterfactuals",)

    def search() -> tuple[Alternative, ...]:
        return find_alternatives(
            subject, output, codes, prepared.effort, lambda: stages.expired("counterfactuals")
        )

    found.alternatives = stages.run("counterfactuals", search) or ()
    yield ()


def _cases(
    prepared: Prepared, codes: Matrix, output: OutputLike, score: float, stages: Stages
) -> tuple[Case, ...]:
    """The nearest cases, whatever the clock says."""
    start = stages.clock()
    found = nearest_cases(prepared.subject, output, codes, score)
    stages.timings["cases"] = round((stages.clock() - start) * 1e3, 3)
    return found


def _written(
    prepared: Prepared, found: _Found, facts: DecisionFacts, output: OutputLike, seed: int, stages: Stages
) -> dict[str, Any]:
    """The report of what was found so far."""
    reasons, disclosures = _words(prepared, found, output, stages)
    reference = None if found.shap is None else reference_of(found.shap, output.threshold)
    return {
        **facts.heading(),
        "seed": seed,
        "output_space": found.shap.space if found.shap is not None else prepared.methods.space,
        "threshold": plain(output.threshold),
        **_parts(found, prepared.subject.regression),
        "reference": reference and {**asdict(reference), "needed": list(reference.needed)},
        "reasons": reasons,
        "disclosures": disclosures,
        **stages.summary(),
        **_provenance(prepared),
    }


def _words(
    prepared: Prepared, found: _Found, output: OutputLike, stages: Stages
) -> tuple[list[str], list[str]]:
    """Reasons and disclosures; what went wrong with this very report comes first."""
    score = float(found.replay["recomputed"] or 0.0)
    reasons = [] if found.shap is None else reasons_of(prepared.subject, found.shap, output, score)
    lines = _replay_lines(found.replay) + elsewhere_lines(prepared.served_elsewhere) + stages.lines()
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
        **({"served_elsewhere": prepared.served_elsewhere} if prepared.served_elsewhere else {}),
    }


def _parts(found: _Found, regression: bool) -> dict[str, Any]:
    agreement = None if found.agreement is None else asdict(found.agreement)
    return {
        "replay": found.replay,
        "shap": _shap_part(found.shap),
        "lime": _lime_part(found.lime, VALUE if regression else PROBABILITY),
        "agreement": agreement and {key: plain(value) for key, value in agreement.items()},
        "counterfactuals": [_alternative_part(item) for item in found.alternatives],
        "cases": [_case_part(item) for item in found.cases],
    }


def _shap(prepared: Prepared, codes: Matrix, seed: int, stages: Stages) -> ShapResult:
    return explain_shap(
        prepared.subject,
        prepared.methods,
        codes,
        effort=prepared.effort,
        seed=seed,
        expired=lambda: stages.expired("shap"),
        seconds_left=lambda: stages.left("shap"),
    )


def _lime(prepared: Prepared, codes: Matrix, seed: int, stages: Stages) -> LimeResult:
    return explain_lime(
        prepared.subject,
        prepared.lime,
        codes,
        samples=prepared.effort.lime_samples,
        seed=seed,
        expired=lambda: stages.expired("lime"),
        seconds_left=lambda: stages.left("lime"),
    )


def _replay(
    prepared: Prepared, codes: Matrix, recorded: float | None, stages: Stages
) -> dict[str, JsonValue]:
    """The score made again by the same artifact, and how it compares with the recorded one.

    It runs after any deadline, too: it costs milliseconds, and all else rests on it.
    """
    stages.progress("replay", BEGINS["replay"])
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


def _case_part(item: Case) -> dict[str, Any]:
    differences = [asdict(each) for each in item.differences]
    return {"label": item.label, "score": plain(item.score), "alike": item.alike, "differences": differences}
