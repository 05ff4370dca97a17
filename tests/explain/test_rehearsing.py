"""Explanations are rehearsed in the sandbox; what is slow, unfinished or untrue there fails the gate in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from explain import rehearsing
from explain.rehearsing import judge_rehearsal, rehearse
from portal.demo import training
from registry.checking.parts import Parts
from registry.scoring.forking import PROJECT
from registry.scoring.manifest import Manifest
from tests import factories
from tests.registry.scoring.captured import take_over

LIMIT = {"max_ms": 60_000.0}
ROW: dict[str, Any] = {
    **{"shap_ms": 2.0, "lime_ms": 90.0, "total_ms": 120.0, "method": "tree", "additivity_error": 1e-9, "lime_r2": 0.8},
    **{"agreement": "agree", "top3_overlap": 1.0, "replay": "matches", "completeness": "full", "problems": []},
}


def parts(folder: Path, trained: Any, **changes: bytes) -> Parts:
    for name in ("artifact", "background"):
        (folder / name).write_bytes(changes.get(name, getattr(trained, name)))
    manifest = Manifest.parse(json.loads(trained.manifest))
    return Parts(manifest, folder / "artifact", folder / "background", number=1)


def histogram_boosting() -> Any:
    """A family whose trees are read by a module of their own, which must be there before the sandbox is closed."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return training._trained_pipeline(factories.applicants(), HistGradientBoostingClassifier(max_iter=20))


@pytest.mark.parametrize("train", [factories.trained_logistic, factories.trained_boosting, histogram_boosting])
def test_good_models_rehearse(train: Any, tmp_path: Path) -> None:
    found = rehearse(parts(tmp_path, train()), LIMIT)
    assert (found.gate, found.verdict) == ("explanation", "passed"), found.summary
    rows = found.payload["rows"]
    assert len(rows) == 10 and all(row["completeness"] == "full" and row["lime_ms"] > 0 for row in rows)
    assert {row["replay"] for row in rows} <= {"matches", "close"}
    assert max(row["additivity_error"] for row in rows) < 1e-6
    assert sum(found.payload["agreement"].values()) == 10 and found.payload["slowest_ms"] < 5_000
    # Figures only: the rehearsal keeps no person's data.
    assert "pirat" not in json.dumps(found.payload)


def test_a_short_background_is_rehearsed_row_by_row(tmp_path: Path) -> None:
    trained = factories.trained_boosting()
    short = b"".join(trained.background.splitlines(keepends=True)[:4])
    assert len(rehearse(parts(tmp_path, trained, background=short), LIMIT).payload["rows"]) == 3


def test_what_cannot_be_opened_fails_in_words(tmp_path: Path) -> None:
    found = rehearse(parts(tmp_path, factories.trained_boosting(), artifact=b"junk"), LIMIT)
    assert found.verdict == "failed" and found.summary.startswith(
        "The rehearsal ended early: The file is not a xgboost"
    )


def test_a_rehearsal_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "TIMEOUT_S", 0.2)
    found = rehearse(parts(tmp_path, factories.trained_boosting()), LIMIT)
    assert found.verdict == "failed" and "longer than 0.2 s" in found.summary


@pytest.mark.parametrize(
    "said", [{"ok": True}, {"ok": True, "prepare_ms": 1, "rows": [{}]}, {"ok": True, "prepare_ms": "x", "rows": [1]}]
)
def test_a_captured_process_can_say_nothing_that_passes(
    said: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(monkeypatch)
    script = f"print({json.dumps(said)!r})".encode()
    found = rehearse(parts(tmp_path, factories.trained_boosting(), artifact=script), LIMIT)
    assert found.verdict == "failed" and "answered with something else" in found.summary


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"total_ms": 59_000.0}, "loading and the slowest row take 61,000 ms; at most 60,000 ms are allowed"),
        ({"completeness": "partial"}, "row 2: not finished within 55 s"),
        ({"problems": ["lime: ValueError: no"]}, "row 2: lime: ValueError: no"),
        ({"additivity_error": 0.02}, "row 2: the contributions miss their sum by 0.02"),
        ({"replay": "differs"}, "row 2: scored again, it gets another score"),
    ],
)
def test_one_bad_row_fails_the_gate(changes: dict[str, Any], words: str) -> None:
    found = judge_rehearsal(2_000.0, [ROW, {**ROW, **changes}, ROW], LIMIT)
    assert found.verdict == "failed" and found.payload["problems"] == [words]


def test_methods_that_disagree_are_shown_and_fail_nothing() -> None:
    found = judge_rehearsal(2_000.0, [ROW, {**ROW, "agreement": "disagree"}], LIMIT)
    assert found.verdict == "passed" and found.payload["agreement"] == {"agree": 1, "disagree": 1}


def test_without_rows_nothing_was_rehearsed() -> None:
    assert judge_rehearsal(1.0, [], LIMIT).verdict == "failed"


def test_the_sandboxs_side_knows_no_django() -> None:
    code = "import sys, explain.rehearsal; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0
