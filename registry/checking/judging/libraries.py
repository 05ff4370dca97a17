"""Was the artifact written by libraries that those here read rightly?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from registry.checking.findings import Finding, judged

KIND = "libraries"
# Below it, LightGBM's text reader can be made to write beyond its memory (CVE-2024-43598).
SAFE_LIGHTGBM = (4, 6)
# The text format of LightGBM 3.3 and later; older numbers are read, newer ones are unknown.
LIGHTGBM_TEXT = 4


def judge_libraries(model_format: str, written: Mapping[str, str], read: Mapping[str, str]) -> Finding:
    """Failed for what is known to change answers, in words that name both versions.

    scikit-learn promises nothing between versions, so another major or minor one fails. XGBoost and skops promise to
    read what earlier versions of the same major one wrote. LightGBM and ONNX files do not say which library wrote
    them; there the format's own version decides.
    """
    problems, good = _JUDGES[model_format](written, read)
    return judged(KIND, problems, good, {"written_by": dict(written), "read_by": dict(read)}, {})


def _skops(written: Mapping[str, str], read: Mapping[str, str]) -> tuple[list[str], str]:
    problems = _other("scikit-learn", written, read) + _newer("skops", written, read)
    wrote = f"scikit-learn {written.get('scikit-learn')} and skops {written.get('skops')}"
    return (
        problems,
        f"Written by {wrote}; read by scikit-learn {read.get('scikit-learn')} and skops {read.get('skops')}",
    )


def _xgboost(written: Mapping[str, str], read: Mapping[str, str]) -> tuple[list[str], str]:
    good = f"Written by xgboost {written.get('xgboost')}, read by {read.get('xgboost')}"
    return _newer("xgboost", written, read), good


def _lightgbm(written: Mapping[str, str], read: Mapping[str, str]) -> tuple[list[str], str]:
    here, text = read.get("lightgbm", ""), written.get("text format", "")
    problems = []
    if _release(here) < SAFE_LIGHTGBM:
        problems.append(f"LightGBM {here} would read it, which must not read files of others (CVE-2024-43598)")
    if not text:
        problems.append("the file does not say which text format it is written in")
    elif _release(text) > (LIGHTGBM_TEXT,):
        problems.append(f"written in LightGBM's text format {text}, and only up to v{LIGHTGBM_TEXT} is known here")
    good = (
        f"The file records LightGBM's text format ({text}) but not the version that wrote it; LightGBM {here} reads it"
    )
    return problems, good


def _onnx(written: Mapping[str, str], read: Mapping[str, str]) -> tuple[list[str], str]:
    problems = []
    for name, words in (("opset", "operator set"), ("ir_version", "IR version")):
        theirs, ours = written.get(name, ""), read.get(name, "")
        if theirs and _release(theirs) > _release(ours):
            problems.append(f"written for ONNX {words} {theirs}, and only up to {ours} is known here")
    maker = written.get("producer", "an unnamed program")
    what = f"operator set {written.get('opset', 'unknown')}, IR version {written.get('ir_version', 'unknown')}"
    return problems, f"Made by {maker}: {what}; onnxruntime {read.get('onnxruntime')} reads both"


def _remote(written: Mapping[str, str], read: Mapping[str, str]) -> tuple[list[str], str]:
    return [], "The model is served elsewhere: no file is read here, so there are no libraries to match"


def _other(library: str, written: Mapping[str, str], read: Mapping[str, str]) -> list[str]:
    """Another major or minor version, of any of the parts."""
    theirs, ours = written.get(library, ""), read.get(library, "")
    if not theirs:
        return [f"the file does not say which {library} wrote it"]
    others = [each for each in theirs.split(", ") if _release(each) != _release(ours)]
    return [f"written by {library} {', '.join(others)}, read by {ours}: its answers could differ"] if others else []


def _newer(library: str, written: Mapping[str, str], read: Mapping[str, str]) -> list[str]:
    """A newer version, or one of another major version."""
    theirs, ours = written.get(library, ""), read.get(library, "")
    if not theirs:
        return [f"the file does not say which {library} wrote it"]
    if _release(theirs)[:1] == _release(ours)[:1] and _release(theirs) <= _release(ours):
        return []
    return [f"written by {library} {theirs}, read by {ours}: only earlier versions of the same major one are promised"]


def _release(version: str) -> tuple[int, ...]:
    """Major and minor: `1.9.1` → (1, 9), `v4` → (4,)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


_JUDGES = {"skops": _skops, "xgboost": _xgboost, "lightgbm": _lightgbm, "onnx": _onnx, "remote": _remote}
