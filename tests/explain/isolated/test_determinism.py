"""The same decision gives the same report, byte for byte apart from times, in whatever process, cold or warm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neural_network import MLPClassifier

from explain.isolated import Explainer
from explain.methods import DecisionFacts, seed_of
from explain.services import report_digest
from portal.demo import training
from registry import store
from registry.scoring.forking import server
from tests import factories

LIMITS = {"memory_bytes": 4 * 1024**3, "warm_bytes": 1024**3}

FAMILIES = {
    "logistic": factories.trained_logistic,
    "xgboost": factories.trained_boosting,
    "forest": lambda: training.train_forest(factories.applicants()),
    "histogram": lambda: training._trained_pipeline(
        factories.applicants(), HistGradientBoostingClassifier(max_iter=30, random_state=0)
    ),
    # Twelve inputs that differ: sampled, with a seed.
    "network": lambda: training._trained_pipeline(
        factories.applicants(), MLPClassifier((16,), max_iter=40, random_state=0)
    ),
}
METHODS = {"logistic": "linear", "network": "permutation"}


def asked(root: Path, trained: training.Trained) -> dict[str, Any]:
    digests = {
        "artifact_sha256": store.put(root, trained.artifact),
        "background_sha256": store.put(root, trained.background),
    }
    version = {**digests, "manifest": json.loads(trained.manifest), "population": "applicants"}
    facts = vars(DecisionFacts("0199-a", "mortgage", 1, digests["artifact_sha256"], 0.9))
    job = {"kind": "explain", "version": version, "inputs": factories.DENIED, "facts": facts}
    return {**job, "budget_s": 50.0, "without": []}


def told(report: dict[str, Any]) -> bytes:
    """The report's bytes without its times; keys in the order in which they were made."""
    return json.dumps({name: value for name, value in report.items() if name != "timings_ms"}).encode()


# The network need not be good, only repeatable.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_give_the_same_bytes(family: str, tmp_path: Path) -> None:
    job = asked(tmp_path, FAMILIES[family]())
    other = {**job, "inputs": factories.GRANTED, "facts": {**job["facts"], "decision": "0199-b"}}
    reports = []
    # Each process has a hash seed of its own; the second has explained somebody else before.
    for first in ((), (other,)):
        server.stop()
        apart = Explainer(tmp_path, **LIMITS)
        try:
            for before in first:
                assert apart.ask(before, 60)["say"] == "report"
            reports.append(apart.ask(job, 60)["report"])
        finally:
            apart.stop()
    assert reports[0]["completeness"] == "full"
    assert reports[0]["shap"]["method"] == METHODS.get(family, "tree")
    assert told(reports[0]) == told(reports[1])
    assert report_digest(reports[0]) == report_digest(reports[1])


def test_a_report_says_what_it_takes_to_make_it_again(tmp_path: Path) -> None:
    job = asked(tmp_path, factories.trained_boosting())
    apart = Explainer(tmp_path, **LIMITS)
    try:
        report = apart.ask(job, 60)["report"]
    finally:
        apart.stop()
    assert {"python", "numpy", "pandas", "scipy", "scikit-learn", "lime"} < set(report["libraries"])
    assert any(name.startswith("xgboost") for name in report["libraries"])
    digest = job["version"]["background_sha256"]
    assert report["background"] == {"sha256": digest, "rows": 500, "population": "applicants"}
    assert report["seed"] == seed_of("0199-a", job["facts"]["artifact_sha256"])
    assert set(report["effort"]) == {"lime_samples", "background_rows", "exact_rows", "neighbours"}
