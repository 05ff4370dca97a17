"""Which pairs of writer and reader are known to be safe, and what is said of the others."""

from __future__ import annotations

import pytest

from registry.checking.judging.libraries import judge_libraries

SKOPS = {"scikit-learn": "1.9.1", "skops": "0.16.0"}
ONNX = {"onnxruntime": "1.32.0", "opset": "28", "ir_version": "14"}


@pytest.mark.parametrize(
    "kind, written, read, words",
    [
        ("skops", SKOPS, SKOPS, "Written by scikit-learn 1.9.1 and skops 0.16.0"),
        ("skops", {"scikit-learn": "1.9.0", "skops": "0.13.0"}, SKOPS, "read by scikit-learn 1.9.1"),
        ("xgboost", {"xgboost": "3.0.5"}, {"xgboost": "3.2.0"}, "Written by xgboost 3.0.5, read by 3.2.0"),
        ("lightgbm", {"text format": "v4"}, {"lightgbm": "4.7.0"}, "records LightGBM's text format (v4) but not"),
        ("lightgbm", {"text format": "v3"}, {"lightgbm": "4.6.0"}, "LightGBM 4.6.0 reads it"),
        ("onnx", {"opset": "13", "ir_version": "10", "producer": "skl2onnx 1.20.0"}, ONNX, "Made by skl2onnx 1.20.0"),
        ("onnx", {}, ONNX, "Made by an unnamed program"),
    ],
)
def test_what_passes(kind: str, written: dict, read: dict, words: str) -> None:
    found = judge_libraries(kind, written, read)
    assert found.verdict == "passed" and words in found.summary
    assert found.payload["written_by"] == written and found.payload["thresholds"] == {}


@pytest.mark.parametrize(
    "kind, written, read, words",
    [
        ("skops", {**SKOPS, "scikit-learn": "1.7.2"}, SKOPS, "Written by scikit-learn 1.7.2, read by 1.9.1"),
        ("skops", {**SKOPS, "scikit-learn": "1.7.2, 1.9.1"}, SKOPS, "Written by scikit-learn 1.7.2, read"),
        ("skops", {"skops": "0.16.0"}, SKOPS, "does not say which scikit-learn"),
        ("skops", {**SKOPS, "skops": "0.17.0"}, SKOPS, "skops 0.17.0, read by 0.16.0"),
        ("xgboost", {"xgboost": "3.4.1"}, {"xgboost": "3.2.0"}, "Written by xgboost 3.4.1, read by 3.2.0"),
        ("xgboost", {"xgboost": "2.1.4"}, {"xgboost": "3.2.0"}, "xgboost 2.1.4"),
        ("xgboost", {}, {"xgboost": "3.2.0"}, "does not say which xgboost"),
        ("lightgbm", {"text format": "v4"}, {"lightgbm": "4.5.0"}, "CVE-2024-43598"),
        ("lightgbm", {"text format": "v5"}, {"lightgbm": "4.7.0"}, "text format v5"),
        ("lightgbm", {}, {"lightgbm": "4.7.0"}, "does not say which text format"),
        ("onnx", {"opset": "40", "ir_version": "10"}, ONNX, "operator set 40, and only up to 28"),
        ("onnx", {"opset": "13", "ir_version": "20"}, ONNX, "IR version 20, and only up to 14"),
    ],
)
def test_what_fails(kind: str, written: dict, read: dict, words: str) -> None:
    found = judge_libraries(kind, written, read)
    assert found.verdict == "failed" and words in found.summary and len(found.payload["problems"]) == 1
