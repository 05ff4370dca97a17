"""A process that may hang, starve, crash or be killed, and the one who waits for it, who always gets an answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from explain.isolated import Explainer, Lost, explainer
from registry.scoring.forking import PROJECT

from . import artifacts
from .artifacts import job, version

LIMITS = {"memory_bytes": 4 * 1024**3, "warm_bytes": 1024**3}


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Explainer]:
    made = Explainer(tmp_path, **LIMITS)
    yield made
    made.stop()


def test_a_report_comes_with_its_stages_and_drafts(apart: Explainer, tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    good = version(tmp_path, "skops", artifacts.logistic())
    said = apart.ask(job(good), 60, heard.append)
    assert said["say"] == "report" and said["report"]["completeness"] == "full"
    assert said["report"]["shap"]["method"] == "linear"
    stages = [message["stage"] for message in heard if message["say"] == "progress"]
    assert stages[:3] == ["load", "replay", "shap"] and stages[-1] == "done"
    assert [message["report"]["completeness"] for message in heard if message["say"] == "draft"] == ["partial"] * 3
    first = apart.pid
    again = apart.ask(job(good), 60)
    assert apart.pid == first and again["report"]["timings_ms"]["load"] < said["report"]["timings_ms"]["load"] / 5
    assert {**again["report"], "timings_ms": 0} == {**said["report"], "timings_ms": 0}


def test_other_values_are_tried_and_scored(apart: Explainer, tmp_path: Path) -> None:
    good = version(tmp_path, "onnx", artifacts.steady())
    asked = {"version": good, "inputs": artifacts.ROW}
    score = apart.ask({"kind": "score", **asked}, 60)["answer"]["score"]
    tried = apart.ask({"kind": "try", "seed": 1, **asked}, 60)["answer"]
    assert tried["score"] == score > 0.5 and tried["label"] == "deny"
    total = tried["base_value"] + sum(item["contribution"] for item in tried["contributions"])
    assert total == pytest.approx(tried["prediction"])
    said = apart.ask({"kind": "score", "version": good, "inputs": {**artifacts.ROW, "debt": "much"}}, 60)
    assert (said["say"], said["code"]) == ("refused", "inputs_invalid")
    assert "inputs.debt must be a number" in said["message"]


def test_it_is_confined_and_knows_no_secrets(apart: Explainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "open sesame")
    apart.ask({"kind": "warm", "version": version(tmp_path, "onnx", artifacts.steady())}, 60)
    status = Path(f"/proc/{apart.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    assert "SECRET_KEY" not in psutil.Process(apart.pid).environ()


class TestBadModels:
    def test_a_slow_one_gives_what_it_can(self, apart: Explainer, tmp_path: Path) -> None:
        about = version(tmp_path, "onnx", artifacts.slow(120), rows=60)
        said = apart.ask(job(about, budget_s=8.0), 60)
        report = said["report"]
        assert report["completeness"] == "partial" and report["replay"]["recomputed"] is not None
        assert report["timings_ms"]["total"] < 12_000 and (report["cut_short"] or report["missing"])
        # Whatever ran out of time, the last rung stands.
        assert report["cases"] or report["replay"]["recomputed"] < 0.5

    def test_a_much_slower_one_is_refused_in_words(self, apart: Explainer, tmp_path: Path) -> None:
        about = version(tmp_path, "onnx", artifacts.slow(1_500), rows=60)
        said = apart.ask(job(about, budget_s=6.0), 60)
        assert (said["say"], said["code"]) == ("refused", "too_slow") and "for one person" in said["message"]

    def test_one_that_does_not_come_back_is_ended(self, apart: Explainer, tmp_path: Path) -> None:
        good = version(tmp_path, "onnx", artifacts.steady())
        apart.ask({"kind": "warm", "version": good}, 60)
        busy, endless = apart.pid, job(version(tmp_path, "onnx", artifacts.slow(60_000), rows=60))
        began = time.monotonic()
        with pytest.raises(Lost) as lost:
            apart.ask(endless, 4)
        assert lost.value.was_late and time.monotonic() - began < 6
        assert not psutil.pid_exists(busy)
        assert apart.ask(job(good), 60)["report"]["completeness"] == "full"

    def test_one_that_eats_memory_is_refused_and_the_process_lives(self, apart: Explainer, tmp_path: Path) -> None:
        good = version(tmp_path, "onnx", artifacts.steady())
        apart.ask({"kind": "warm", "version": good}, 60)
        before = apart.pid
        said = apart.ask(job(version(tmp_path, "onnx", artifacts.hungry())), 60)
        assert (said["say"], said["code"]) == ("refused", "too_large") and "more memory" in said["message"]
        assert apart.pid == before and apart.ask(job(good), 60)["report"]["completeness"] == "full"

    def test_one_that_answers_nan_is_refused(self, apart: Explainer, tmp_path: Path) -> None:
        about = version(tmp_path, "onnx", artifacts.undefined_below_zero())
        said = apart.ask(job(about, inputs={**artifacts.ROW, "debt": -1.0}), 60)
        assert (said["say"], said["code"]) == ("refused", "no_score") and "NaN" in said["message"]
        assert apart.ask(job(about), 60)["report"]["completeness"] == "full"


class TestDeath:
    def test_a_killed_process_is_noticed_at_once_and_replaced(self, apart: Explainer, tmp_path: Path) -> None:
        good = version(tmp_path, "skops", artifacts.logistic())

        def kill(message: dict[str, Any]) -> None:
            if message.get("stage") == "shap":
                os.kill(apart.pid, signal.SIGKILL)

        began = time.monotonic()
        with pytest.raises(Lost, match="ended by the system") as lost:
            apart.ask(job(good), 60, kill)
        assert not lost.value.was_late and time.monotonic() - began < 30
        assert apart.ask(job(good), 60)["say"] == "report"

    def test_a_process_that_died_while_nobody_asked_is_replaced(self, apart: Explainer, tmp_path: Path) -> None:
        good = version(tmp_path, "onnx", artifacts.steady())
        apart.ask({"kind": "warm", "version": good}, 60)
        process = psutil.Process(apart.pid)
        process.kill()
        psutil.wait_procs([process], timeout=5)
        assert apart.ask(job(good), 60)["say"] == "report"

    def test_the_kernel_ends_endless_computing(self, apart: Explainer, tmp_path: Path) -> None:
        apart.ask({"kind": "warm", "version": version(tmp_path, "onnx", artifacts.steady())}, 60)
        os.kill(apart.pid, signal.SIGXCPU)
        with pytest.raises(Lost, match="processor time"):
            apart._hear(time.monotonic() + 10)

    def test_it_does_not_outlive_who_asked(self, tmp_path: Path) -> None:
        """Even in the middle of a model that does not come back."""
        about = version(tmp_path, "onnx", artifacts.slow(60_000), rows=60)
        script = (
            "import json, sys, pathlib, time\n"
            "from explain.isolated import Explainer\n"
            "apart = Explainer(pathlib.Path(sys.argv[1]), memory_bytes=2**32, warm_bytes=2**30)\n"
            "apart.warm([])\n"
            "apart._send({'kind': 'warm', 'version': json.loads(sys.argv[2]), 'id': 1})\n"
            "print(apart.pid, flush=True)\n"
            "apart._hear(time.monotonic() + 60)\n"
            "apart._hear(time.monotonic() + 60)\n"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), json.dumps(about)], cwd=PROJECT, stdout=subprocess.PIPE
        )
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        time.sleep(4)
        assert child.is_running()
        parent.kill()
        parent.communicate()
        gone, alive = psutil.wait_procs([child], timeout=5)
        assert gone and not alive


def test_a_version_that_hangs_while_it_warms_keeps_nobody_waiting(
    apart: Explainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explainer, "START_S", 3.0)
    good = version(tmp_path, "onnx", artifacts.steady())
    apart.warm([version(tmp_path, "onnx", artifacts.slow(60_000), rows=60)])
    assert apart._hear(time.monotonic() + 20)["say"] == "began"  # type: ignore[index]
    began = time.monotonic()
    assert apart.ask(job(good), 60)["report"]["completeness"] == "full"
    assert time.monotonic() - began < 25


def test_what_is_larger_than_a_pipe_blocks_nobody(apart: Explainer, tmp_path: Path) -> None:
    """Three versions with manifests of 150 kB are to be warmed; the worker goes on at once, and is answered."""
    wide = version(tmp_path, "onnx", artifacts.steady())
    wide["manifest"] = {**wide["manifest"], "metrics": {f"m{index}": "x" * 50 for index in range(2_500)}}
    began = time.monotonic()
    apart.warm([wide] * 3)
    assert time.monotonic() - began < 1
    assert apart.ask(job(wide), 60)["report"]["completeness"] == "full"


def test_who_waits_goes_before_what_warms_up(apart: Explainer, tmp_path: Path) -> None:
    """Several versions are being prepared; the person's is explained before the rest of them."""
    heard: list[dict[str, Any]] = []
    apart.warm([version(tmp_path, "onnx", artifacts.slow(8), rows=50 + extra) for extra in range(4)])
    good = version(tmp_path, "onnx", artifacts.steady())
    original = apart._hear

    def hear(until: float) -> dict[str, Any] | None:
        message = original(until)
        heard.append(message or {})
        return message

    apart._hear = hear  # type: ignore[method-assign]
    assert apart.ask(job(good), 60)["say"] == "report"
    assert sum(message.get("say") == "warmed" for message in heard) <= 1
