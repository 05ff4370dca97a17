"""Explanations of one decision: arrays and a scorer in, a JSON-ready report out. No Django, no I/O.

The names below are imported when they are first asked for: LIME and scikit-learn cost a process 1 s and 100 MB, which
the portal and the workers save, since a process apart does their explaining.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explain.methods.facts import DecisionFacts, seed_of
    from explain.methods.prepared import Prepared, prepare
    from explain.methods.report import compose_report
    from explain.methods.subject import Effort, OutOfTime

__all__ = ["DecisionFacts", "Effort", "OutOfTime", "Prepared", "compose_report", "prepare", "seed_of"]

_HOMES = {
    "DecisionFacts": "facts",
    "Effort": "subject",
    "OutOfTime": "subject",
    "Prepared": "prepared",
    "compose_report": "report",
    "prepare": "prepared",
    "seed_of": "facts",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
