"""Checks of gates that other rooms contribute, since what they check with must not be imported from here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from registry.checking.findings import Finding
from registry.checking.parts import Parts

Check = Callable[[Parts, Mapping[str, float]], Finding]

checks: dict[str, Check] = {}


def register(gate: str, check: Check) -> None:
    """Have the gate judged by `check`, which gets the version's parts and the gate's thresholds."""
    checks[gate] = check
