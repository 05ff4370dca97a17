"""A model served elsewhere, in the registry: registered without a file, asked by the gates, released by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from portal.errors import Conflict
from registry.checking.comparing import parts_of
from registry.checking.queries import gates_of
from registry.checking.running import Context, findings_of
from registry.gateway.routes import POINTERS
from registry.models import Version
from registry.releasing import services as releasing
from registry.scoring.formats import load
from registry.scoring.frames import to_frame
from registry.scoring.manifest import Manifest
from tests import factories
from tests.predicting import Served, send, serving
from tests.registry.checking.test_running import THRESHOLDS

ADDRESS = "/api/v1/systems/mortgage/versions/"


@pytest.fixture
def served() -> Iterator[Served]:
    trained = factories.trained_boosting()
    scorer = load(trained.artifact, Manifest.parse(json.loads(trained.manifest)))
    with serving(lambda rows: scorer.score(to_frame(rows, scorer.schema)).tolist()) as running:
        yield running


@pytest.fixture(autouse=True)
def allowed(served: Served, settings: Any) -> None:
    settings.REMOTE_MODEL_HOSTS = [served.host]


def parts(served: Served, *leave: str, **model: Any) -> dict[str, Any]:
    """A version whose model is on the server, as CI would send it."""
    trained = factories.trained_boosting()
    manifest = json.loads(trained.manifest)
    manifest["model"] = {"format": "remote", "task": "binary_classification", "endpoint": served.url()}
    manifest["model"] |= {"protocol": "v2", **model}
    files = {name: getattr(trained, name) for name in ("background", "evaluation", "golden") if name not in leave}
    return {"manifest": json.dumps(manifest), **{name: SimpleUploadedFile(name, data) for name, data in files.items()}}


def test_it_is_registered_without_a_file_and_passes_the_gates_that_ask_it(api, lead, served: Served) -> None:
    answer = api("register", "read").post(ADDRESS, parts(served, model_version="7"))
    assert answer.status_code == 201, answer.content
    version = Version.objects.get(number=3)
    assert version.artifact_format == "remote" and answer.json()["artifact_sha256"] == version.artifact_sha256
    assert served.calls == [1, 100, 100]
    [first] = version.evidence.filter(kind="artifact")
    assert served.url() in first.summary and "nothing is opened here" in first.summary
    context = Context({name: THRESHOLDS[name] for name in THRESHOLDS if name != "explanation"})
    found = {each.gate: each for each in findings_of(parts_of(version), context)}
    passed = {gate for gate, each in found.items() if each.verdict == "passed"}
    assert passed >= {"artifact", "libraries", "latency", "golden_rows", "performance", "distribution"}
    assert "Served elsewhere" in found["artifact"].summary and "no file is read here" in found["libraries"].summary
    assert found["latency"].payload["rows"] == 100
    assert {gate.kind: gate for gate in gates_of(version)}["artifact"].verdict == "passed"


@pytest.mark.parametrize(
    "changes,path,words",
    [
        ({"endpoint": "https://models.example/p"}, "model.endpoint", "operator allows it by REMOTE_MODEL_HOSTS"),
        ({"endpoint": None}, "model.endpoint", "must be text"),
        ({"protocol": "grpc"}, "model.protocol", "must be one of: v2, json"),
        ({"model_version": "8"}, "artifact", "calls itself version 7; registered is 8"),
    ],
)
def test_what_may_not_be_asked_is_refused_where_it_comes_in(
    api, lead, served: Served, changes: dict[str, Any], path: str, words: str
) -> None:
    answer = api("register").post(ADDRESS, parts(served, **changes))
    assert answer.status_code == 422
    [problem] = [item for item in answer.json()["error"]["details"] if item["path"] == path]
    assert words in problem["problem"] and not Version.objects.filter(number=3).exists()


def test_without_a_list_nothing_is_asked(api, lead, served: Served, settings: Any) -> None:
    settings.REMOTE_MODEL_HOSTS = []
    answer = api("register").post(ADDRESS, parts(served))
    assert answer.status_code == 422 and "REMOTE_MODEL_HOSTS" in answer.json()["error"]["message"]
    assert served.calls == []


def test_a_file_beside_an_endpoint_is_refused(api, lead, served: Served) -> None:
    file = SimpleUploadedFile("artifact", factories.trained_boosting().artifact)
    answer = api("register").post(ADDRESS, {**parts(served), "artifact": file})
    assert answer.status_code == 422 and "must be left out" in answer.json()["error"]["details"][0]["problem"]


def test_an_endpoint_that_fails_is_no_version(api, lead, served: Served) -> None:
    served.instead = lambda handler: send(handler, b"{}", 503)
    answer = api("register").post(ADDRESS, parts(served))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "score_invalid")
    assert "the endpoint answers with HTTP status 503" in answer.json()["error"]["message"]


def test_our_gateways_do_not_serve_it(api, lead, served: Served, client_of) -> None:
    assert api("register").post(ADDRESS, parts(served)).status_code == 201
    factories.released(1)
    version = factories.approved(3)
    with connection.cursor() as cursor:
        kept = {row[3] for row in cursor.execute(POINTERS, [None, None]).fetchall()}
    assert kept == {1}
    asked = {"system": version.system, "version": version, "reason": "Now.", "expected_release": None}
    with pytest.raises(Conflict, match=r"served elsewhere.* Report its decisions instead"):
        releasing.create_release(actor=lead.actor, strategy="direct", now=timezone.now(), **asked)
    page = client_of(lead).get("/systems/mortgage/versions/3/")
    assert page.status_code == 200 and served.url() in page.content.decode()
    assert page.context["release_form"] is None and not page.context["may_break_glass"]
