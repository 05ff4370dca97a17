"""One run of the sandbox gives all that the gates judge, for every format; what goes wrong there becomes words."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from registry.scoring.measuring import Measured, Sample, measure

from .captured import take_over
from .conftest import hmda_manifest

Parse = Callable[..., Manifest]


@pytest.fixture
def samples(tmp_path: Path, applicants: pd.DataFrame, labels: np.ndarray) -> dict[str, Sample]:
    """A background of 60 rows and an evaluation sample of 90 others, with labels."""
    background, evaluation = tmp_path / "background", tmp_path / "evaluation"
    applicants.head(60).to_csv(background, index=False)
    applicants.assign(label=labels).tail(90).to_csv(evaluation, index=False)
    return {"background": Sample(background, 1_000), "evaluation": Sample(evaluation, 100_000, "label")}


@pytest.fixture
def measured(tmp_path: Path, samples: dict[str, Sample]) -> Callable[..., Measured]:
    def run(data: bytes, kind: str, **more: Any) -> Measured:
        (tmp_path / "artifact").write_bytes(data)
        options = {"timed": "evaluation", "timed_rows": 30, **more}
        return measure(tmp_path / "artifact", hmda_manifest(kind), samples, **options)

    return run


@pytest.mark.parametrize(
    "name, writer",
    [
        ("forest", {"scikit-learn", "skops"}),
        ("xgboost", {"xgboost"}),
        ("lightgbm", {"text format"}),
        ("onnx", {"ir_version", "opset", "producer"}),
    ],
)
def test_scores_are_those_of_this_process_to_the_last_bit(
    name: str, writer: set[str], artifacts: Any, applicants: pd.DataFrame, parsed: Parse, measured: Any
) -> None:
    kind, data = artifacts[name]
    found = measured(data, kind)
    assert found.ok, found.message
    scorer = load(data, parsed(kind))
    assert np.array_equal(found.scores["background"], scorer.score(applicants.head(60)))
    assert np.array_equal(found.scores["evaluation"], scorer.score(applicants.tail(90).reset_index(drop=True)))
    assert len(found.latencies_ms) == 30 and (found.latencies_ms > 0).all() and found.load_ms > 0
    assert set(found.written_by) == writer and "rlimits" in found.confinement
    if kind in ("skops", "xgboost"):
        assert found.read_by.items() >= found.written_by.items()


def written_with(data: bytes, version: str) -> bytes:
    """The skops file as another version of scikit-learn would have written it."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == "schema.json":
                text = content.decode()
                assert "1.9.1" in text
                content = text.replace("1.9.1", version).encode()
            new.writestr(member, content)
    return changed.getvalue()


def test_the_writer_is_known_even_where_the_artifact_cannot_be_loaded(logistic_skops: bytes, measured: Any) -> None:
    found = measured(written_with(logistic_skops, "1.7.2"), "skops")
    assert (found.ok, found.code) == (False, "artifact_version_skew") and not found.scores
    assert found.written_by["scikit-learn"] == "1.7.2" and found.read_by["scikit-learn"] == "1.9.1"


def test_xgboost_json_says_who_wrote_it(booster: Any, measured: Any) -> None:
    model = json.loads(bytes(booster.save_raw("json")))
    model["version"] = [2, 1, 4]
    assert measured(json.dumps(model).encode(), "xgboost").written_by == {"xgboost": "2.1.4"}
    del model["version"]
    assert measured(json.dumps(model).encode(), "xgboost").written_by == {}


def test_rows_that_the_schema_does_not_take_are_named(
    logistic_skops: bytes, samples: dict[str, Sample], tmp_path: Path
) -> None:
    manifest = hmda_manifest("skops")
    manifest["inputs"]["properties"]["pirat"]["maximum"] = 0.3
    (tmp_path / "artifact").write_bytes(logistic_skops)
    found = measure(tmp_path / "artifact", manifest, samples, timed="background")
    assert found.code == "sample_invalid" and found.details[0]["path"] == "sample.pirat"


@pytest.mark.parametrize(
    "kind, data", [("skops", b"junk"), ("xgboost", b"{"), ("lightgbm", b"\x80\x04K\x01."), ("onnx", b"")]
)
def test_what_is_no_model_is_refused(kind: str, data: bytes, measured: Any) -> None:
    found = measured(data, kind)
    assert not found.ok and found.message and found.written_by == {}


@pytest.mark.parametrize(
    "said",
    [
        {"ok": True},
        {"ok": True, "scores": {"background": "AAAA"}, "latencies_ms": ""},
        {"ok": True, "scores": {"background": "!", "evaluation": ""}, "latencies_ms": ""},
        {"ok": True, "scores": {"background": "AAAAAAAA8H8=", "evaluation": ""}, "latencies_ms": ""},
        {"ok": True, "scores": {"background": "", "evaluation": ""}, "latencies_ms": "", "surprise": 1},
        {"ok": "yes"},
        {"ok": False, "code": 1, "message": 2},
        [],
    ],
)
def test_a_captured_process_can_say_nothing_that_we_take_for_a_measurement(
    said: Any, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(monkeypatch)
    found = measured(f"print({json.dumps(said)!r})".encode(), "skops")
    assert (found.ok, found.code) == (False, "artifact_unreadable") and not found.scores


def test_a_run_that_takes_too_long_is_ended(logistic_skops: bytes, measured: Any) -> None:
    found = measured(logistic_skops, "skops", timeout_s=0.01)
    assert found.code == "artifact_too_slow"
