"""One decision request after the other: what is answered, what is refused, and what the trail holds of each."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from audit.records import subject_token
from registry.gateway.loaded import LoadedVersion
from registry.scoring.problems import ScoreInvalid

from .conftest import INPUTS, READ_TOKEN, SUBJECT_KEY, Registry, Running, Start

pytestmark = pytest.mark.anyio


def body(inputs: str = "{}", subject: str = '"s"') -> str:
    return f'{{"subject": {subject}, "inputs": {inputs}}}'


def with_input(name: str, value: Any) -> str:
    return body(json.dumps({**INPUTS, name: value}))


def raw(name: str, text: str) -> str:
    """Inputs with one value written as given, where `json.dumps` would not write it."""
    return body(json.dumps({**INPUTS, name: "@"}).replace('"@"', text))


async def test_an_answer_is_the_contracts_and_its_record_says_the_same(registry: Registry, running: Running) -> None:
    answer = await running.decide(x_request_id="req-1")

    said = answer.json()
    assert answer.status_code == 200
    assert set(said) == {
        *("decision_id", "system", "version", "release", "mode", "output", "latency_ms", "receipt"),
    }
    assert (said["system"], said["version"], said["release"], said["mode"]) == ("mortgage", 1, 1, "live")
    score = said["output"]["score"]
    assert said["output"] == {"label": "deny" if score >= 0.5 else "grant", "score": score, "threshold": 0.5}

    row = registry.entry(said["decision_id"])
    assert (row["type"], row["status"], row["mode"], row["actor"]) == ("decision", "answered", "live", "service:decide")
    assert (row["system"], row["version"], row["release"], row["request_id"]) == ("mortgage", 1, 1, "req-1")
    assert (row["label"], row["score_ppm"]) == (said["output"]["label"], round(score * 1e6))
    assert row["latency_us"] / 1000 == said["latency_ms"]

    entry = json.loads(row["entry"])
    assert entry["artifact_sha256"] == hashlib.sha256(registry.artifacts[0]).hexdigest()
    parts = registry.payloads(said["decision_id"])
    assert json.loads(parts[1]) == {"subject": "applicant-17", "inputs": INPUTS}
    assert json.loads(parts[2]) == said["output"]
    token = registry.one("select token from audit_key where entry_id = %s", said["decision_id"])
    assert token == subject_token(SUBJECT_KEY, "mortgage", "applicant-17")


REFUSED = [
    ("NaN", raw("pirat", "NaN"), 400, "json_malformed"),
    ("infinity", raw("pirat", "-Infinity"), 400, "json_malformed"),
    ("beyond a double", raw("pirat", "1e400"), 400, "json_malformed"),
    ("key twice", '{"subject": "s", "subject": "s", "inputs": {}}', 400, "json_malformed"),
    ("too deep", body("[" * 40 + "]" * 40), 400, "json_malformed"),
    ("half a surrogate pair", body(subject='"\\ud800"'), 400, "json_malformed"),
    ("not UTF-8", b'{"subject": "\xff"}', 400, "json_malformed"),
    ("empty", "", 400, "json_malformed"),
    ("cut short", '{"subject": "s"', 400, "json_malformed"),
    ("a list", "[]", 422, "request_invalid"),
    ("no subject", '{"inputs": {}}', 422, "request_invalid"),
    ("blank subject", body(subject='"  "'), 422, "request_invalid"),
    ("long subject", body(subject=json.dumps("s" * 257)), 422, "request_invalid"),
    ("subject of another type", body(subject="7"), 422, "request_invalid"),
    ("inputs of another type", body("[1]"), 422, "request_invalid"),
    ("unknown key", '{"subject": "s", "inputs": {}, "extra": 1}', 422, "request_invalid"),
    ("missing inputs", body(), 422, "inputs_invalid"),
    ("unknown input", with_input("colour", "red"), 422, "inputs_invalid"),
    ("text for a number", with_input("pirat", "0.2"), 422, "inputs_invalid"),
    ("boolean for a number", with_input("pirat", True), 422, "inputs_invalid"),
    ("huge whole number", raw("chist", "1" * 399), 422, "inputs_invalid"),
    ("unknown category", with_input("phist", "perhaps"), 422, "inputs_invalid"),
    ("out of bounds", with_input("pirat", 99), 422, "inputs_invalid"),
    ("2 MB", body(json.dumps({"a": "x" * 2_000_000})), 413, "too_large"),
]


@pytest.mark.parametrize("sent, status, code", [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_a_bad_request_is_refused_and_recorded(
    registry: Registry, running: Running, sent: str | bytes, status: int, code: str
) -> None:
    answer = await running.send(sent)

    said = answer.json()
    assert (answer.status_code, said["error"]["code"]) == (status, code)
    assert "Traceback" not in answer.text
    assert registry.decisions() == 1
    row = registry.entry(said["decision_id"])
    assert (row["status"], row["label"], row["score_ppm"]) == ("refused", None, None)
    assert bytes(row["leaf_hash"]) == hashlib.sha256(b"\x00" + row["entry"]).digest()
    assert json.loads(row["entry"])["error"] == code
    parts = registry.payloads(said["decision_id"])
    if code == "inputs_invalid":
        assert json.loads(parts[1])["inputs"] == json.loads(sent)["inputs"]
        assert row["version"] == 1
    elif sent:
        whole = sent if isinstance(sent, bytes) else sent.encode()
        assert parts == {3: whole[: 64 * 1024]}


async def test_a_body_that_grows_past_the_limit_is_refused(registry: Registry, running: Running) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"[" * 65_536

    answer = await running.http.post(
        "/v1/systems/mortgage/decide", content=endless(), headers={"authorization": "Bearer cs_decide"}
    )

    assert answer.status_code == 413
    assert registry.entry(answer.json()["decision_id"])["status"] == "refused"


async def test_every_problem_of_the_inputs_is_told(running: Running) -> None:
    answer = await running.decide({**INPUTS, "pirat": -1, "phist": "perhaps", "colour": 1})

    paths = [detail["path"] for detail in answer.json()["error"]["details"]]
    assert sorted(paths) == ["inputs.colour", "inputs.phist", "inputs.pirat"]


async def test_an_unknown_system_is_refused_under_the_name_that_was_asked(registry: Registry, running: Running) -> None:
    asked = await running.decide(system="car-loans")
    odd = await running.decide(system="a%20b%0Ac")

    assert (asked.status_code, asked.json()["error"]["code"]) == (404, "system_unknown")
    assert registry.entry(asked.json()["decision_id"])["system"] == "car-loans"
    assert odd.status_code == 404
    assert registry.entry(odd.json()["decision_id"])["system"] == "unknown"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer cs_wrong", "Basic cs_decide", "Bearer \xe9"])
async def test_without_a_valid_token_nothing_is_read_or_recorded(
    registry: Registry, running: Running, header: str
) -> None:
    answer = await running.send(b"{", authorization=header)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorised")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert registry.decisions() == 0


async def test_a_token_without_the_scope_is_refused_and_recorded(registry: Registry, running: Running) -> None:
    answer = await running.decide(authorization=f"Bearer {READ_TOKEN}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    row = registry.entry(answer.json()["decision_id"])
    assert (row["status"], row["actor"]) == ("refused", "service:read")


async def test_a_model_that_fails_is_a_failed_decision(
    registry: Registry, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: LoadedVersion, inputs: Any) -> float:
        raise ScoreInvalid("the model answered with NaN or infinity")

    monkeypatch.setattr(LoadedVersion, "score", fails)
    answer = await running.decide()

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_failed")
    assert answer.headers["retry-after"] == "1"
    row = registry.entry(answer.json()["decision_id"])
    assert (row["status"], row["version"], row["label"]) == ("failed", 1, None)


async def test_what_nobody_foresaw_is_a_failed_decision_without_a_trace(
    registry: Registry, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: LoadedVersion, inputs: Any) -> float:
        raise KeyError("secret")

    monkeypatch.setattr(LoadedVersion, "score", fails)
    answer = await running.decide()

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "internal_error")
    assert "secret" not in answer.text
    assert registry.entry(answer.json()["decision_id"])["status"] == "failed"


async def test_a_regression_answers_with_its_value_alone(empty: Registry, start: Start) -> None:
    import numpy as np
    import xgboost

    from portal.demo.hmda import HMDA_READ

    rows = np.random.default_rng(1).uniform(0, 1, (100, len(HMDA_READ)))
    data = xgboost.DMatrix(rows, label=rows[:, 0] * 1000, feature_names=list(HMDA_READ))
    booster = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, 3)
    model = {"format": "xgboost", "task": "regression"}
    empty.version(1, artifact=bytes(booster.save_raw("ubj")), model=model, output={"name": "rent"})
    empty.release(1)

    async with start(empty) as running:
        answer = (await running.decide()).json()

    assert list(answer["output"]) == ["score"]
    row = empty.entry(answer["decision_id"])
    assert (row["status"], row["label"], row["score_ppm"]) == ("answered", None, None)


async def test_more_requests_than_are_admitted_are_told_to_come_back(registry: Registry, start: Start) -> None:
    async with start(registry, most_in_flight=0) as running:
        answer = await running.decide()
        metrics = (await running.http.get("/metrics")).text

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert registry.decisions() == 0
    assert 'gateway_rejects_total{reason="overloaded"} 1.0' in metrics


async def test_other_addresses_and_methods_answer_in_the_same_shape(running: Running) -> None:
    nowhere = await running.http.get("/v1/nowhere")
    wrong = await running.http.get("/v1/systems/mortgage/decide")

    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")


async def test_metrics_name_no_person_and_count_by_system_and_outcome(running: Running) -> None:
    await running.decide(subject="Ada Lovelace")
    await running.decide(system="made-up-by-a-caller")

    text = (await running.http.get("/metrics")).text
    assert 'gateway_requests_total{outcome="answered",system="mortgage"} 1.0' in text
    assert 'gateway_requests_total{outcome="refused",system="unknown"} 1.0' in text
    assert "Ada" not in text
    assert "made-up" not in text
