"""Explanations of one decision: arrays and a scorer in, a JSON-ready report out. No Django, no I/O."""

from explain.methods.prepared import Prepared, prepare
from explain.methods.report import DecisionFacts, compose_report, seed_of
from explain.methods.subject import Effort

__all__ = ["DecisionFacts", "Effort", "Prepared", "compose_report", "prepare", "seed_of"]
