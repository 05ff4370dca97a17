"""A decision that a model elsewhere made and somebody reported: explained by asking that model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from audit.records import Mode
from explain import explaining, queries, rehearsing, tasks
from explain.models import Explanation
from registry import services as registry
from registry.checking.comparing import parts_of
from registry.models import Version
from registry.scoring.formats import load
from registry.scoring.frames import to_frame
from registry.scoring.manifest import Manifest
from tests import factories
from tests.predicting import Served, endless, send, serving

from .conftest import ask


@pytest.fixture
def served(settings: Any) -> Iterator[Served]:
    trained = factories.trained_boosting()
    scorer = load(trained.artifact, Manifest.parse(json.loads(trained.manifest)))
    with serving(lambda rows: scorer.score(to_frame(rows, scorer.schema)).tolist()) as running:
        settings.REMOTE_MODEL_HOSTS = [running.host]
        yield running


@pytest.fixture
def version(support: Any, served: Served) -> Version:
    return registered(served)


def registered(served: Served, **model: str) -> Version:
    trained = factories.trained_boosting()
    manifest = json.loads(trained.manifest)
    manifest["model"] = {"format": "remote", "task": "binary_classification", "endpoint": served.url(), **model}
    manifest["model"].setdefault("protocol", "v2")
    upload = factories.upload_of(trained, manifest=json.dumps(manifest).encode())
    upload = type(upload)(manifest=upload.manifest, background=upload.background)
    actor, system = factories.person("lead").actor, factories.version(1).system
    return registry.register_version(actor=actor, system=system, upload=upload, now=timezone.now())


def explained(version: Version, **changes: Any) -> Explanation:
    """A reported decision, whose score is the model's own; and what came of explaining it."""
    facts = {"version": version.number, "mode": Mode.REPORTED, "artifact_sha256": None, "release": None}
    score = factories._score(2, factories.DENIED)
    output = {"label": "deny", "score": score, "threshold": 0.5}
    made = ask(factories.decided(2, **facts, **{"output": output, **changes}))
    tasks.compute(str(made.id))
    made.refresh_from_db()
    return made


def told(explanation: Explanation) -> dict[str, Any]:
    """The report."""
    assert explanation.state == "done", explanation.error
    return queries.report_of(explanation) or {}


def test_it_is_explained_like_one_that_is_here(version: Version, served: Served, client_of, support) -> None:
    served.calls.clear()
    found = explained(version)
    report = told(found)
    assert report["completeness"] == "full"
    assert report["replay"]["verdict"] == "matches" and report["shap"]["method"] == "permutation"
    assert report["shap"]["additivity_error"] < 1e-9 and report["lime"]["r2"] > 0
    assert report["served_elsewhere"] == {"endpoint": served.url(), "model_version": None}
    assert "served elsewhere" in report["disclosures"][0]
    here = explaining.make_report(ask(factories.decided(2)), lambda stage, share: None)
    assert (report["counterfactuals"], report["cases"]) == (here["counterfactuals"], here["cases"])
    exact = {item["feature"]: item["contribution"] for item in here["shap"]["contributions"]}
    for item in report["shap"]["contributions"]:
        # Sampled there, exact here, and the same model behind both.
        assert abs(item["contribution"] - exact[item["feature"]]) <= max(5 * item["standard_error"], 1e-5), item
    assert len(served.calls) < 60 and max(served.calls) <= 2_000
    page = client_of(support).get(f"/explanations/{found.id}/").content.decode()
    assert "Asked again today" in page and "does not say which model it is" in page


def test_another_model_there_is_told_by_the_replay(version: Version, served: Served) -> None:
    model = served.model
    served.model = lambda rows: [score / 2 for score in model(rows)]
    report = told(explained(version))
    assert report["replay"]["verdict"] == "differs"
    assert report["replay"]["recomputed"] == pytest.approx(report["replay"]["recorded"] / 2)
    assert "does not give the recorded score again" in report["disclosures"][0]
    # Nothing of the model that answered before is kept.
    served.model = model
    assert told(explained(version, request_id="another"))["replay"]["verdict"] == "matches"


@pytest.mark.parametrize(
    "instead,words",
    [
        (lambda handler: send(handler, b"{}", 500), "HTTP status 500"),
        (lambda handler: send(handler, b"", 307, Location="http://169.254.169.254/"), "redirect"),
        (lambda handler: send(handler, b'{"outputs": [{"name": "score", "data": [NaN]}]}'), "did not answer in JSON"),
        (lambda handler: send(handler, b'{"outputs": [{"name": "score", "data": [0.5]}]}'), "answered with 1 scores"),
        (endless, "more than 1048576 bytes"),
        (lambda handler: time.sleep(2), "did not answer"),
    ],
)
def test_a_server_that_misbehaves_is_said_and_holds_nobody(
    version: Version, served: Served, settings: Any, instead: Any, words: str
) -> None:
    settings.REMOTE_MODEL_SECONDS = 1
    allowed = iter([True])

    def after_the_first(handler: Any) -> None:
        if next(allowed, False):
            rows = served.calls[-1]
            tensor = {"name": "score", "shape": [rows, 1], "datatype": "FP64", "data": [0.5] * rows}
            send(handler, json.dumps({"outputs": [tensor]}).encode())
        else:
            instead(handler)

    served.instead = after_the_first
    began = time.monotonic()
    found = explained(version)
    assert time.monotonic() - began < 15
    assert found.state == "failed" and "served elsewhere, and gave no scores now" in found.error
    assert words in found.error


def test_one_that_fails_in_the_middle_gives_what_was_found(version: Version, served: Served) -> None:
    def fail_at_lime(handler: Any) -> None:
        send(handler, b"{}", 503)

    model, asked = served.model, []

    def until_lime(rows: list[dict[str, Any]]) -> list[float]:
        asked.append(len(rows))
        if len(rows) > 1_500 and sum(asked) > 8_000:
            served.instead = fail_at_lime
        return model(rows)

    served.model = until_lime
    found = explained(version)
    report = told(found)
    assert report["completeness"] == "partial" and report["cases"]
    assert "HTTP status 503" in " ".join(report["problems"])


def test_a_host_that_is_no_longer_allowed_is_not_asked(version: Version, served: Served, settings: Any) -> None:
    settings.REMOTE_MODEL_HOSTS = []
    served.calls.clear()
    assert "no host is allowed here" in explained(version).error and served.calls == []


def test_other_values_are_tried_there_too(version: Version, served: Served) -> None:
    tried = explaining.try_inputs(version, factories.GRANTED, seed=1, seconds=30)
    assert tried["label"] == "grant" and np.isfinite(tried["prediction"])
    assert explaining.score_inputs(version, factories.GRANTED, seconds=30) == tried["score"]
    explaining.warm_up([version])


def test_its_explanation_is_rehearsed(version: Version, served: Served) -> None:
    found = rehearsing.rehearse(parts_of(version), {"max_ms": 60_000})
    assert found.verdict == "passed", found.summary
    assert found.payload["methods"] == ["permutation"] and len(found.payload["rows"]) == rehearsing.ROWS
    served.instead = lambda handler: send(handler, b"{}", 500)
    failed = rehearsing.rehearse(parts_of(version), {"max_ms": 60_000})
    assert failed.verdict == "failed" and "HTTP status 500" in failed.summary
