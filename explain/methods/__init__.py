"""Explanations of one decision: arrays and a scorer in, a JSON-ready report out. No Django, no I/O."""

from explain.methods.prepared import Prepared, prepare
from explain.methods.report import DecisionFacts, bare_report, compose_report, seed_of, with_problem
from explain.methods.subject import Effort, OutOfTime

__all__ = [
    "DecisionFacts",
    "Effort",
    "OutOfTime",
    "Prepared",
    "bare_report",
    "compose_report",
    "prepare",
    "seed_of",
    "with_problem",
]
