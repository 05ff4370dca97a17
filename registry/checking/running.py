"""The run of the checks: everything that is measured of a version, judged gate by gate.

The same for a version in the registry and for one that is only tried out. It knows no rows and writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from celery.exceptions import SoftTimeLimitExceeded

from registry.checking import contributed
from registry.checking.findings import Finding, judged
from registry.checking.judging.distribution import judge_distribution
from registry.checking.judging.evaluated import LabelsUnfit
from registry.checking.judging.libraries import judge_libraries
from registry.checking.judging.performance import judge_performance
from registry.checking.judging.reproduction import judge_golden_rows
from registry.checking.judging.serving import judge_latency, judge_rollback
from registry.checking.measurements import CannotMeasure, Measurements
from registry.checking.parts import Parts
from registry.scoring.compatibility import problems_between
from registry.scoring.schema import InputSchema

log = logging.getLogger(__name__)
Thresholds = Mapping[str, float]
OURS = "the check itself failed through a fault of ours; it is in the log"


@dataclass(frozen=True)
class Target:
    """The version that a rollback would return to; `problem` says why its artifact cannot be used."""

    number: int
    inputs: InputSchema
    problem: str = ""


@dataclass(frozen=True)
class Context:
    """What a version is judged against: thresholds of each gate that is not off, and the versions beside it.

    `live` is None where no other version is live, or (then `live_problem` says so) its files cannot be used.
    """

    thresholds: Mapping[str, Thresholds]
    live: Parts | None = None
    live_problem: str = ""
    target: Target | None = None


def gates_checked(parts: Parts, context: Context) -> list[str]:
    """The gates that a run gives findings of, in its order."""
    return [gate for gate in (*_CHECKS, *contributed.checks) if _is_due(gate, parts, context)]


def findings_of(
    parts: Parts, context: Context, progress: Callable[[str], None] = lambda gate: None
) -> Iterator[Finding]:
    """One finding for each gate of `gates_checked`, as soon as it is known; `progress` is told the gate before.

    A check that fails gives a failed finding: whatever an artifact does or we do wrong, the run goes on.
    """
    measurements = Measurements(parts, context.live)
    gates = gates_checked(parts, context)
    # What others contribute needs none of our measurements, so it runs beside them; but for the first, since nothing
    # else shall run while single rows are timed.
    beside = ThreadPoolExecutor(1)
    begun: dict[str, Future[Finding]] = {}
    try:
        for place, gate in enumerate(gates, 1):
            progress(gate)
            yield begun[gate].result() if gate in begun else _checked(gate, measurements, context)
            for other in gates[place:]:
                if other in contributed.checks and other not in begun:
                    begun[other] = beside.submit(_checked, other, measurements, context)
    finally:
        # Not waited for: when the time is up, the sandbox ends by its own limits.
        beside.shutdown(wait=False, cancel_futures=True)


def unmeasured(gates: Sequence[str], context: Context, why: str) -> list[Finding]:
    """Failed findings for gates that could not be checked at all."""
    return [judged(gate, [f"could not be checked: {why}"], "", {}, context.thresholds[gate]) for gate in gates]


def _is_due(gate: str, parts: Parts, context: Context) -> bool:
    """Not where the gate is off, nor where there is nothing to judge: no evidence is then what there is to say."""
    return gate in context.thresholds and not (gate == "performance" and parts.evaluation is None)


def _checked(gate: str, measurements: Measurements, context: Context) -> Finding:
    thresholds = context.thresholds[gate]
    try:
        if gate in contributed.checks:
            return contributed.checks[gate](measurements.parts, thresholds)
        return _CHECKS[gate](measurements, context, thresholds)
    except (CannotMeasure, LabelsUnfit) as error:
        return unmeasured([gate], context, str(error))[0]
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        log.exception("The check of %s failed", gate)
        return judged(gate, [OURS], "", {}, thresholds)


def _artifact(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    found = measurements.first
    problems = [] if found.ok else [found.message]
    layers = ", ".join(found.confinement)
    good = f"Opened in the sandbox ({layers}) within {found.load_ms:,.0f} ms, and every sample was scored"
    if measurements.parts.manifest.model.is_remote:
        good = f"Served elsewhere, so no file was opened; {found.read_by.get('served')} scored every sample"
    payload = {"code": found.code, "details": found.details, "load_ms": found.load_ms, "confinement": found.confinement}
    return judged("artifact", problems, good, payload, thresholds)


def _libraries(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    found = measurements.first
    if not found.read_by:
        raise CannotMeasure(found.message)
    return judge_libraries(measurements.parts.manifest.model.format, found.written_by, found.read_by)


def _latency(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    if not measurements.first.ok:
        raise CannotMeasure(measurements.first.message)
    return judge_latency(measurements.first.latencies_ms, measurements.first.load_ms, thresholds)


def _golden_rows(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    here = measurements.scores[measurements.known]
    return judge_golden_rows(here, measurements.again, measurements.expected, thresholds)


def _performance(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    live, _ = measurements.beside
    return judge_performance(
        measurements.scored("evaluation"),
        live,
        measurements.truth,
        measurements.groups,
        measurements.parts.manifest.metrics,
        thresholds,
        measurements.parts.evaluation_sha256,
    )


def _distribution(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    live, problem = measurements.beside
    has_evaluation = measurements.parts.evaluation is not None
    return judge_distribution(
        candidate=measurements.scored("evaluation") if has_evaluation else None,
        training=measurements.scored("background"),
        live=live,
        live_problem=context.live_problem or problem,
        groups=measurements.groups,
        thresholds=thresholds,
        evaluation_sha256=measurements.parts.evaluation_sha256,
    )


def _rollback(measurements: Measurements, context: Context, thresholds: Thresholds) -> Finding:
    target = context.target
    if target is None:
        return judge_rollback(None, "", [], thresholds)
    refused = problems_between(measurements.parts.manifest.inputs, target.inputs)
    return judge_rollback(target.number, target.problem, refused, thresholds)


# In the order in which they are run: what is quick first, so that its finding shows early.
_CHECKS: dict[str, Callable[[Measurements, Context, Thresholds], Finding]] = {
    "artifact": _artifact,
    "libraries": _libraries,
    "latency": _latency,
    "rollback": _rollback,
    "golden_rows": _golden_rows,
    "performance": _performance,
    "distribution": _distribution,
}
