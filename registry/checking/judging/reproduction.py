"""Do known rows get the scores that they should get, here and in a second process?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.checking.findings import Finding, judged

KIND = "golden_rows"
Floats = NDArray[np.float64]


def judge_golden_rows(here: Floats, again: Floats, expected: Floats | None, thresholds: Mapping[str, float]) -> Finding:
    """Passed when two processes agree to the last bit, and golden rows (`expected`) came out within the tolerance.

    Differences are absolute for scores up to 1 and relative above. Without golden rows, `here` and `again` are the
    scores of the background sample.
    """
    tolerance = thresholds["tolerance"]
    problems, payload = _against_expected(here, expected, tolerance)
    if len(here) != len(again):
        problems.append(f"a second process scored {len(again)} rows instead of {len(here)}")
    elif unequal := int((here != again).sum()):
        apart = f"at most by {np.abs(here - again).max():.3g}"
        problems.append(f"{unequal} of {len(here)} rows got another score in a second process ({apart})")
    payload |= {"rows": len(here), "source": "background" if expected is None else "golden"}
    payload["same_in_second_process"] = len(here) == len(again) and bool((here == again).all())
    return judged(KIND, problems, _good(len(here), payload, tolerance), payload, thresholds)


def _against_expected(here: Floats, expected: Floats | None, tolerance: float) -> tuple[list[str], dict[str, Any]]:
    if expected is None:
        return [], {"largest_difference": None, "rows_beyond": None}
    if len(expected) != len(here):
        return [f"{len(here)} of {len(expected)} golden rows were scored"], {}
    apart = np.abs(here - expected) / np.maximum(1.0, np.abs(expected))
    beyond, worst = int((apart > tolerance).sum()), int(np.argmax(apart))
    payload = {"largest_difference": float(apart[worst]), "rows_beyond": beyond}
    if not beyond:
        return [], payload
    words = f"row {worst + 1} is {here[worst]:.6g} instead of {expected[worst]:.6g}"
    return [f"{beyond} of {len(expected)} golden rows differ by more than {tolerance:g}; {words}"], payload


def _good(rows: int, payload: Mapping[str, Any], tolerance: float) -> str:
    if payload["source"] == "background":
        return f"No golden rows were sent; {rows} rows of the training sample got the same scores in a second process"
    return f"{rows} golden rows are reproduced within {tolerance:g}, and to the last bit in a second process"
