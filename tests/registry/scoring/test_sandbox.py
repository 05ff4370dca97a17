"""An unapproved artifact meets a process with nothing to lose; whatever it does there becomes an answer."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from registry.scoring import forking
from registry.scoring.forking import PROJECT
from registry.scoring.sandbox import Report, _read, examine

from .captured import take_over
from .conftest import hmda_manifest

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(data: bytes, name: str = "artifact") -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.fixture
def sample(save: Save, applicants: pd.DataFrame) -> Path:
    return save(applicants.head(200).to_csv(index=False).encode(), "sample.csv")


@pytest.mark.parametrize("name", ["forest", "xgboost", "lightgbm", "onnx"])
def test_good_models_pass(name: str, artifacts: Any, save: Save, sample: Path) -> None:
    kind, data = artifacts[name]
    report = examine(save(data), hmda_manifest(kind), sample)
    assert report.ok, report.message
    assert report.rows == 200 and report.sample == "given" and "afam" not in report.feature_names
    assert 0 <= report.score_min <= report.score_mean <= report.score_max <= 1  # type: ignore[operator]
    assert report.positive_rate is not None and report.load_ms and report.score_ms_per_row
    assert {"numpy", "pandas"} < set(report.libraries) and "rlimits" in report.confinement
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True


def test_without_a_sample_rows_are_made_up(logistic_skops: bytes, save: Save) -> None:
    report = examine(save(logistic_skops), hmda_manifest("skops"), None)
    assert report.ok and report.sample == "made_up" and report.rows == 32


def test_refusals_come_through_with_their_code(logistic: Any, logistic_skops: bytes, save: Save, sample: Path) -> None:
    pickled = examine(save(pickle.dumps(logistic)), hmda_manifest("skops"), sample)
    assert (pickled.ok, pickled.code) == (False, "artifact_is_pickle")
    assert set(pickled.as_dict()) == {"ok", "code", "message", "details"}
    bad_sample = save(b"pirat\n1\n", "bad.csv")
    refused = examine(save(logistic_skops), hmda_manifest("skops"), bad_sample)
    assert (
        refused.code == "sample_invalid"
        and {"path": "sample.hirat", "problem": "is a missing column"} in refused.details
    )
    assert examine(save(logistic_skops), {"model": 1}, sample).code == "manifest_invalid"


def test_nan_scores(logistic: Any, save: Save, sample: Path) -> None:
    import skops.io

    broken = skops.io.loads(skops.io.dumps(logistic), trusted=["numpy.dtype"])
    broken[-1].intercept_[:] = float("nan")
    report = examine(save(skops.io.dumps(broken)), hmda_manifest("skops"), sample)
    assert report.code == "score_invalid" and "NaN" in report.message


def test_too_little_memory_is_said(artifacts: Any, save: Save, sample: Path) -> None:
    for name in ("forest", "onnx"):
        kind, data = artifacts[name]
        report = examine(save(data), hmda_manifest(kind), sample, memory_bytes=256 * 1024**2)
        assert report.code == "artifact_too_large", (name, report.message)


def test_time_out_ends_the_process_and_its_children(logistic_skops: bytes, save: Save, sample: Path) -> None:
    started = time.monotonic()
    report = examine(save(logistic_skops), hmda_manifest("skops"), sample, timeout_s=0.01)
    assert report.code == "artifact_too_slow" and "0.01 s" in report.message
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    "script, code, word",
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "artifact_unreadable", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "artifact_too_large", "memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "artifact_too_slow", "processor time"),
        ("raise SystemExit(3)", "artifact_unreadable", "status 3"),
        ("print('not json')", "artifact_unreadable", "without an answer"),
        ('print(\'{"ok": true, "surprise": 1}\')', "artifact_unreadable", "without an answer"),
        ("pass", "artifact_unreadable", "without an answer"),
        ("import time; time.sleep(60)", "artifact_too_slow", "longer"),
    ],
)
def test_every_end_is_an_answer(script: str, code: str, word: str, save: Save, monkeypatch: Any) -> None:
    take_over(monkeypatch)
    report: Report = examine(save(script.encode()), {}, None, timeout_s=1)
    assert (report.ok, report.code) == (False, code) and word in report.message


def test_an_answer_that_nests_without_end_is_none() -> None:
    assert _read(b"[" * 100_000, 0)["code"] == "artifact_unreadable"


def test_nothing_of_our_environment_is_passed_on(monkeypatch: Any) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    environment = forking.environment()
    assert "SECRET_KEY" not in environment and "hush" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == "1"


ATTEMPTS = """
import json, os, socket, subprocess, sys, tempfile
from registry.scoring.confinement import confine
layers = confine(memory_bytes=1 << 30, cpu_s=20, answer=1 << 16, files=32)
def tried(act):
    try:
        act()
    except Exception as error:
        return type(error).__name__
    return "done"
print(json.dumps({
    "layers": layers,
    "socket": tried(lambda: socket.socket()),
    "program": tried(lambda: subprocess.run(["/bin/true"], check=True)),
    "read": tried(lambda: open("/etc/passwd").read()),
    "environment": tried(lambda: open(f"/proc/{os.getppid()}/environ").read()),
    "write": tried(lambda: open(sys.argv[1], "w")),
    "delete": tried(lambda: os.unlink(sys.argv[2])),
    "kill": tried(lambda: os.kill(os.getppid(), 0)),
    "memory": tried(lambda: bytearray(2 << 30)),
    "library": tried(lambda: __import__("wave")),
}))
"""


def test_what_a_captured_process_can_still_do(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    answer = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(tmp_path / "new"), str(victim)],
        capture_output=True, cwd=PROJECT, env={"PATH": os.defpath}, check=True, timeout=60,
    )  # fmt: skip
    tried = json.loads(answer.stdout)
    assert tried["memory"] == "MemoryError" and tried["library"] == "done"
    if "seccomp" in tried["layers"]:
        assert tried["socket"] == tried["program"] == tried["kill"] == "PermissionError"
    if "landlock" in tried["layers"]:
        assert {tried[act] for act in ("read", "environment", "write", "delete")} == {"PermissionError"}
        assert victim.exists()
