"""Events of model servers: two halves become one decision, and a half that stays alone is not lost."""

from __future__ import annotations

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from audit import queries
from audit.intake import services
from audit.models import Entry, Half, Report
from tests import factories

INGEST = "/api/v1/ingest/cloudevents/"
# As KServe's logger sends them (metadata and annotations as its settings ask for).
KSERVE = {
    "specversion": "1.0",
    "id": "689b15e7-84a1-4e89-9805-20809efc216d",
    "source": "http://localhost:9081/",
    "time": "2026-11-20T07:39:53.501752983Z",
    "inferenceservicename": "credit",
    "namespace": "default",
    "component": "predictor",
    "endpoint": "default",
    "metadata": '{"X-Subject":["applicant-17"]}',
    "annotations": '{"countersign/version":"3","countersign/artifact-sha256":"%s"}' % ("ab" * 32),
}
KSERVE_TYPE = "org.kubeflow.serving.inference."
V2_REQUEST = {
    "id": "r",
    "parameters": {"content_type": "pd"},
    "inputs": [
        {"name": "age", "shape": [1, 1], "datatype": "FP64", "data": [[40.5]]},
        {"name": "job", "shape": [1, 1], "datatype": "BYTES", "data": ["baker"]},
    ],
}
V2_RESPONSE = {
    "model_name": "credit",
    "id": "r",
    "outputs": [{"name": "predict", "shape": [1, 1], "datatype": "INT64", "data": [1]}],
}


def headers_of(half: str, **changes: Any) -> dict[str, str]:
    said = {**KSERVE, "type": KSERVE_TYPE + half, **changes}
    return {f"ce-{name}": text for name, text in said.items() if text is not None}


def binary(
    client: Client, half: str, data: Any, *, query: str = "", media: str = "application/json", **changes: Any
) -> Any:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return client.post(INGEST + query, body, content_type=media, headers=headers_of(half, **changes))


def structured(half: str, data: Any, **changes: Any) -> dict[str, Any]:
    return {**KSERVE, "type": KSERVE_TYPE + half, "datacontenttype": "application/json", "data": data, **changes}


def entry_of(answer: Any) -> Entry:
    assert answer.status_code == 200, answer.content
    assert answer.json()["verdict"] == "recorded"
    return Entry.objects.get(pk=answer.json()["decision_id"])


def later(minutes: int = 61) -> Any:
    return timezone.now() + timedelta(minutes=minutes)


@pytest.fixture
def reporter(api, lead) -> Client:
    return api("report")


def test_kserves_request_and_response_become_one_decision(reporter: Client) -> None:
    first = binary(reporter, "request", V2_REQUEST, media="application/x-www-form-urlencoded")
    assert (first.status_code, first.json()) == (202, {"verdict": "waiting", "waits_for": "response"})
    half = Half.objects.get()
    assert half.system == "credit" and b"baker" not in bytes(half.stored)

    entry = entry_of(binary(reporter, "response", V2_RESPONSE, time="2026-11-20T07:39:53.505997782Z"))
    assert (entry.system, entry.mode, entry.status, entry.label) == ("credit", "reported", "answered", "1")
    assert (entry.request_id, entry.version, entry.latency_us) == (KSERVE["id"], 3, 4_245)
    facts = queries.facts_of(entry)
    assert (facts["decided_at"], facts["artifact_sha256"]) == ("2026-11-20T07:39:53.505Z", "ab" * 32)
    assert queries.inputs_of(entry.id) == {"subject": "applicant-17", "inputs": {"age": 40.5, "job": "baker"}}
    assert queries.output_of(entry.id) == {"label": 1, "response": V2_RESPONSE}
    assert Half.objects.count() == 0


def test_the_response_may_come_first(reporter: Client) -> None:
    first = binary(reporter, "response", V2_RESPONSE, time="2026-11-20T07:39:54Z")
    assert (first.status_code, first.json()["waits_for"]) == (202, "request")
    assert entry_of(binary(reporter, "request", V2_REQUEST)).latency_us == 498_248


def test_the_same_half_again_is_repeated_and_another_a_conflict(reporter: Client) -> None:
    def tell(half: str, data: Any) -> tuple[int, str]:
        answer = binary(reporter, half, data)
        return answer.status_code, answer.json().get("verdict") or answer.json()["error"]["code"]

    assert [tell("request", V2_REQUEST) for _ in range(2)] == [(202, "waiting"), (200, "repeated")]
    assert tell("request", {"instances": [[1]]}) == (409, "report_conflict")
    assert tell("response", V2_RESPONSE) == (200, "recorded")
    assert [tell("request", V2_REQUEST), tell("response", V2_RESPONSE)] == [(200, "repeated")] * 2
    assert tell("response", {"predictions": [0]}) == (409, "report_conflict")
    assert Entry.objects.filter(mode="reported").count() == 1 and Half.objects.count() == 0


@pytest.mark.parametrize(
    "request_body,inputs",
    [
        ({"instances": [{"age": 40}]}, {"age": 40}),
        ({"instances": [[6.8, 2.8]]}, {"instances": [[6.8, 2.8]]}),
        ({"instances": [{"age": 40}, {"age": 41}]}, {"instances": [{"age": 40}, {"age": 41}]}),
        ({"data": {"names": ["f0", "f1"], "ndarray": [[0.77, 0.63]]}}, {"f0": 0.77, "f1": 0.63}),
        ({"data": {"names": ["f0", "f1"], "ndarray": [0.77, 0.63]}}, {"f0": 0.77, "f1": 0.63}),
        ({"data": {"names": ["a", "b"], "tensor": {"shape": [1, 2], "values": [1, 2]}}}, {"a": 1, "b": 2}),
        ({"data": {"names": ["a"], "tensor": {"shape": [2, 1], "values": [1]}}}, None),
        ({"data": {"names": ["a", "a"], "ndarray": [[1, 2]]}}, None),
        ({"data": {"ndarray": [[1, 2]]}}, None),
        ({"dataframe_split": {"columns": ["age"], "data": [[40]]}}, {"age": 40}),
        ({"dataframe_split": {"columns": ["age"], "data": [[40], [41]]}}, None),
        ({"dataframe_records": [{"age": 40, "job": None}]}, {"age": 40, "job": None}),
        ({"inputs": {"age": [40.0], "job": ["baker"]}}, {"age": 40.0, "job": "baker"}),
        ({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}, None),
        ({"inputs": [{"name": 3, "data": [1]}, 7]}, None),
        ({}, None),
        ([1, 2], {"request": [1, 2]}),
        ("text", {"request": "text"}),
    ],
)
def test_one_row_with_names_becomes_named_inputs_and_all_else_stays_as_it_came(
    reporter: Client, request_body: Any, inputs: dict[str, Any] | None
) -> None:
    binary(reporter, "request", request_body)
    entry = entry_of(binary(reporter, "response", {"predictions": [0.25]}))
    assert queries.inputs_of(entry.id)["inputs"] == (request_body if inputs is None else inputs)
    assert queries.output_of(entry.id) == {"score": 0.25, "response": {"predictions": [0.25]}}


@pytest.mark.parametrize(
    "response,label",
    [
        ({"predictions": ["deny"]}, "deny"),
        ({"predictions": [[True]]}, "true"),
        ({"predictions": [0, 1]}, None),
        ({"predictions": ["x" * 65]}, None),
        ({"outputs": [{"name": "a", "data": [1]}, {"name": "b", "data": [2]}]}, None),
        ({"data": {"names": ["proba"], "ndarray": [["yes"]]}}, "yes"),
        ({"error": "no"}, None),
        ([], None),
    ],
)
def test_the_only_value_of_an_answer_is_its_label(reporter: Client, response: Any, label: str | None) -> None:
    binary(reporter, "request", V2_REQUEST)
    entry = entry_of(binary(reporter, "response", response))
    assert entry.label == label and queries.output_of(entry.id)["response"] == response


def test_seldon_pairs_by_request_id_and_mlserver_by_its_source(reporter: Client) -> None:
    seldon = {
        "specversion": "1.0",
        "requestid": "12b0d447",
        "inferenceservicename": "model-test",
        "source": "http://:8000/",
    }
    kind = "io.seldon.serving.inference."
    body = {"data": {"names": ["a"], "ndarray": [[2]]}}
    binary(reporter, "request", body, **seldon, type=f"{kind}request", id="6a572f54")
    entry = entry_of(binary(reporter, "response", body, **seldon, type=f"{kind}response", id="0000"))
    assert (entry.system, entry.request_id) == ("model-test", "12b0d447")

    source = "io.seldon.serving.deployment.income.seldon"
    server = {
        "specversion": "0.3",
        "source": source,
        "inferenceservicename": "NOTIMPLEMENTED",
        "time": None,
        "id": "b604",
    }
    binary(reporter, "request", V2_REQUEST, **server, type=f"{kind}request")
    assert entry_of(binary(reporter, "response", V2_RESPONSE, **server, type=f"{kind}response")).system == "income"


def test_structured_events_batches_and_the_system_of_the_address(reporter: Client) -> None:
    packed = {**structured("request", None), "data_base64": base64.b64encode(b'{"instances": [[1]]}').decode()}
    first = reporter.post(f"{INGEST}?system=cards", packed, content_type="application/cloudevents+json; charset=utf-8")
    assert first.status_code == 202 and Half.objects.get().system == "cards"
    second = structured("response", {"predictions": [1]})
    entry = entry_of(reporter.post(f"{INGEST}?system=cards", second, content_type="application/cloudevents+json"))
    assert queries.inputs_of(entry.id)["inputs"] == {"instances": [[1]]}

    events = [
        *(structured("request", V2_REQUEST, id=f"e-{number}") for number in range(3)),
        structured("response", V2_RESPONSE, id="e-0"),
        structured("response", V2_RESPONSE, id="e-0"),
        structured("response", {"predictions": [9]}, id="e-0"),
        structured("response", V2_RESPONSE, id=""),
        "nonsense",
    ]
    answer = reporter.post(INGEST, json.dumps(events), content_type="application/cloudevents-batch+json")
    assert [result["verdict"] for result in answer.json()["results"]] == [
        *["waiting"] * 3,
        *("recorded", "repeated", "conflict", "invalid", "invalid"),
    ]
    assert [answer.json()[name] for name in ("accepted", "repeated", "rejected")] == [4, 1, 3]
    for body in ("[]", "{}", json.dumps([0] * 1_001)):
        assert reporter.post(INGEST, body, content_type="application/cloudevents-batch+json").status_code == 422


@pytest.mark.parametrize(
    "changes,why",
    [
        ({"specversion": None}, "specversion"),
        ({"specversion": "2.0"}, "specversion"),
        ({"type": "io.seldon.serving.feedback"}, "type must be"),
        ({"id": None}, "request_id is required"),
        ({"id": "a b"}, "request_id must be"),
        ({"id": "x" * 129}, "request_id must be"),
        ({"time": "yesterday"}, "time must be"),
        ({"time": "2999-01-01T00:00:00Z"}, "ahead of our clock"),
        ({"inferenceservicename": None}, "add ?system=NAME"),
        ({"inferenceservicename": "No System"}, "system must be"),
        ({"metadata": "["}, "metadata must be"),
        ({"metadata": "[1]"}, "metadata must be"),
        ({"metadata": '{"X-Subject":[" "]}'}, "subject must be"),
        ({"annotations": '{"countersign/version":"new"}'}, "countersign/version must be"),
        ({"annotations": '{"countersign/artifact-sha256":"1"}'}, "artifact_sha256 must be"),
        ({"statuscode": "9000"}, "statuscode must be"),
    ],
)
def test_what_is_wrong_with_an_event_is_said(reporter: Client, changes: dict[str, Any], why: str) -> None:
    answer = binary(reporter, "request", V2_REQUEST, **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "event_invalid")
    assert why in answer.json()["error"]["details"][0]["problem"]
    named = {name: text for name, text in structured("request", V2_REQUEST, **changes).items() if text is not None}
    assert reporter.post(INGEST, named, content_type="application/cloudevents+json").status_code == 422
    assert Half.objects.count() == 0


@pytest.mark.parametrize(
    "said", ["[]", '"x"', "7", '{"specversion": 1, "type": 2}', '{"specversion": "1.0", "type": []}']
)
def test_a_structured_event_of_another_shape_is_refused(reporter: Client, said: str) -> None:
    assert reporter.post(INGEST, said, content_type="application/cloudevents+json").status_code == 422
    assert reporter.post(INGEST, said[:-1] + "\x00", content_type="application/cloudevents+json").status_code == 400
    broken = {**structured("request", None), "data_base64": "%%%"}
    assert reporter.post(INGEST, broken, content_type="application/cloudevents+json").status_code == 422


@pytest.mark.parametrize(
    "data", [b"\xff\x00 no text", b"age,job\n40,baker\n", b'{"predictions": [NaN]}', b"[" * 2_000, b""]
)
def test_data_that_is_no_json_is_kept_all_the_same(reporter: Client, data: bytes) -> None:
    binary(reporter, "request", data, media="application/octet-stream")
    entry = entry_of(binary(reporter, "response", data, media="application/octet-stream"))
    assert queries.inputs_of(entry.id) is None
    text = data.decode("utf-8", errors="replace")
    assert (queries.body_of(entry.id) or "") == text
    assert (queries.output_of(entry.id) or {"text": ""}) == {"text": text}


def test_an_error_of_the_model_server_is_no_answer(reporter: Client) -> None:
    outcomes = []
    for code in ("400", "503", "200"):
        binary(reporter, "request", V2_REQUEST, id=f"code-{code}")
        entry = entry_of(binary(reporter, "response", {"error": "x"}, id=f"code-{code}", statuscode=code))
        outcomes.append((entry.status, queries.facts_of(entry).get("error")))
    assert outcomes == [("refused", "http_400"), ("failed", "http_503"), ("answered", None)]


def test_too_much_data_and_too_few_rights(reporter: Client, api, lead) -> None:
    assert binary(reporter, "request", b"x" * (1024 * 1024 + 1)).status_code == 413
    assert binary(api("decide"), "request", V2_REQUEST).status_code == 403
    assert binary(Client(), "request", V2_REQUEST).status_code == 401


def test_a_half_that_stays_alone_becomes_an_entry_that_says_so(reporter: Client, settings) -> None:
    settings.INTAKE_HALF_MINUTES = 60
    binary(reporter, "request", V2_REQUEST, id="only-asked")
    binary(reporter, "response", V2_RESPONSE, id="only-answered")
    assert services.record_lone_halves(now=later(59)) == 0
    assert services.record_lone_halves(now=later(61)) == 2
    assert services.record_lone_halves(now=later(61)) == 0

    asked, answered = (Entry.objects.get(request_id=name) for name in ("only-asked", "only-answered"))
    assert (asked.status, queries.facts_of(asked)["error"]) == ("failed", "response_missing")
    assert queries.inputs_of(asked.id)["inputs"] == {"age": 40.5, "job": "baker"}
    assert (answered.status, queries.facts_of(answered)["error"]) == ("answered", "request_missing")
    assert (queries.inputs_of(answered.id), queries.output_of(answered.id)["label"]) == (None, 1)
    assert asked.actor == answered.actor and asked.actor.startswith("service:")

    # What was told already is repeated; the other half, late as it is, is kept and recorded too.
    assert binary(reporter, "request", V2_REQUEST, id="only-asked").json()["decision_id"] == str(asked.id)
    assert binary(reporter, "response", V2_RESPONSE, id="only-asked").status_code == 202
    assert services.record_lone_halves(now=later()) == 1
    assert Entry.objects.filter(request_id="only-asked").count() == 2


def test_a_half_whose_key_is_gone_is_recorded_as_unreadable(reporter: Client, monkeypatch) -> None:
    binary(reporter, "request", V2_REQUEST)
    Half.objects.update(kek=b"gone")
    assert binary(reporter, "response", V2_RESPONSE).status_code == 202
    assert binary(reporter, "request", V2_REQUEST).status_code == 409
    assert services.record_lone_halves(now=later()) == 2
    entries = Entry.objects.filter(request_id=KSERVE["id"])
    assert {queries.facts_of(entry)["error"] for entry in entries} == {"half_unreadable", "request_missing"}


def test_halves_at_once_meet_each_other(committed: str) -> None:
    token = factories.make_token("report")
    numbers = list(range(40))

    def tell(number: int) -> str:
        try:
            client = Client(headers={"authorization": f"Bearer {token}"})
            half, body = (("request", V2_REQUEST), ("response", V2_RESPONSE))[number % 2]
            return binary(client, half, body, id=f"e-{number // 2}").json()["verdict"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as senders:
        counted = Counter(senders.map(tell, [2 * number + side for number in numbers for side in (0, 1)]))
    assert counted == {"waiting": 40, "recorded": 40}
    assert (Half.objects.count(), Report.objects.count()) == (0, 40)
