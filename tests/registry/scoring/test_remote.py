"""A model elsewhere, asked over a real connection: what counts as its scores, and where no call is made at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from registry.scoring.endpoints import Endpoints, endpoints_from
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest, ManifestInvalid
from registry.scoring.problems import ArtifactRefused, ScoreInvalid
from registry.scoring.remote import description
from tests.predicting import Served, dripping, endless, send, serving

INPUTS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["debt"],
    "properties": {
        "debt": {"type": "number"},
        "late": {"type": "integer"},
        "home": {"enum": ["own", "rent"]},
        "guarantor": {"type": "boolean"},
    },
}
CODES = np.array([[0.4, 2, 1, 1], [0.1, np.nan, np.nan, np.nan]])


def manifest(protocol: str = "v2", url: str = "https://models.example/v2/models/loans/infer", **more: Any) -> Manifest:
    model = {"format": "remote", "task": "binary_classification", "endpoint": url, "protocol": protocol, **more}
    output = {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5}
    return Manifest.parse({"model": model, "inputs": INPUTS, "output": output})


def model(rows: list[dict[str, Any]]) -> list[float]:
    """Each kind of input matters, and so does that it is missing."""
    return [
        row["debt"] + (0.1 if row["late"] == 2 else 0) + (0.1 if row["home"] == "rent" else 0)
        + (0.1 if row["guarantor"] is True else 0) + (0.01 if row["late"] is None else 0)
        for row in rows
    ]  # fmt: skip


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(model) as running:
        yield running


def asked(served: Served, protocol: str = "v2", seconds: float = 5.0, tokens: Any = None, **more: Any) -> np.ndarray:
    spec = manifest(protocol, served.url("/infer" if protocol == "v2" else "/predict"), **more)
    rules = Endpoints((served.host,), tokens or {}, seconds)
    return load(description(spec), spec, rules.ask(str(spec.model.endpoint))).score_codes(CODES)


@pytest.mark.parametrize("protocol", ["v2", "json"])
def test_rows_go_as_a_caller_means_them_and_come_back_as_scores(served: Served, protocol: str) -> None:
    np.testing.assert_allclose(asked(served, protocol, tokens={"127.0.0.1": "open sesame"}), [0.7, 0.11])
    assert served.calls == [2] and served.headers[0]["Authorization"] == "Bearer open sesame"


def test_many_rows_go_in_few_calls(served: Served) -> None:
    spec = manifest("v2", served.url())
    scorer = load(description(spec), spec, Endpoints((served.host,)).ask(served.url()))
    scores = scorer.score_codes(np.column_stack([np.linspace(0, 0.5, 4_500), np.full((4_500, 3), np.nan)]))
    assert served.calls == [2_000, 2_000, 500] and scores[-1] == pytest.approx(0.51)


def test_two_columns_are_the_labels_in_their_order(served: Served) -> None:
    def pairs(answer: dict[str, Any]) -> dict[str, Any]:
        scores = answer["outputs"][0]["data"]
        flat = [number for score in scores for number in (1 - score, score)]
        return {"outputs": [{"name": "probabilities", "shape": [len(scores), 2], "datatype": "FP64", "data": flat}]}

    served.change = pairs
    np.testing.assert_allclose(asked(served), [0.7, 0.11])
    served.change = lambda answer: {"predictions": [[1 - score, score] for score in answer["predictions"]]}
    np.testing.assert_allclose(asked(served, "json"), [0.7, 0.11])


@pytest.mark.parametrize("protocol", ["v2", "json"])
def test_many_columns_are_the_classes_in_their_order(served: Served, protocol: str) -> None:
    raw = dict(manifest(protocol, served.url("/infer" if protocol == "v2" else "/predict")).raw)
    raw["model"] |= {"task": "multiclass_classification"}
    raw["output"] |= {"classes": ["A", "B", "C"], "adverse_classes": ["C", "A"]}
    shares = [[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]]
    tensor = {"name": "any", "shape": [2, 3], "datatype": "FP64", "data": [part for row in shares for part in row]}
    served.change = lambda answer: {"outputs": [tensor]} if protocol == "v2" else {"predictions": shares}
    spec = Manifest.parse(raw)
    scorer = load(description(spec), spec, Endpoints((served.host,)).ask(str(spec.model.endpoint)))
    np.testing.assert_allclose(scorer.score_codes(CODES), [0.5, 0.8])
    shares[0][0] = tensor["data"][0] = 0.9
    with pytest.raises(ScoreInvalid, match="do not add up to 1"):
        scorer.score_codes(CODES)


def test_it_must_call_itself_what_was_registered(served: Served) -> None:
    np.testing.assert_allclose(asked(served, model_version="7"), [0.7, 0.11])
    with pytest.raises(ScoreInvalid, match="calls itself version 7; registered is 8"):
        asked(served, model_version="8")
    served.change = lambda answer: {"outputs": answer["outputs"]}
    with pytest.raises(ScoreInvalid, match="does not say which version it is; registered is 7"):
        asked(served, model_version="7")


def change(data: list[Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda answer: {"predictions": data}


@pytest.mark.parametrize(
    "data,words",
    [
        ([0.1], "answered with 1 scores for 2 rows"),
        ([0.1, 0.2, 0.3], "answered with 3 scores for 2 rows"),
        ([0.1, 1.7], "1.7, which is not a probability"),
        ([0.1, None], "'None', which is no number"),
        ([0.1, "deny"], "'deny', which is no number"),
        ([0.1, True], "'True', which is no number"),
        ([[0.1, 0.2, 0.7]] * 2, "answers with 3 numbers for a row"),
        ({"a": 1}, "no list of scores"),
    ],
)
def test_what_is_no_score_is_refused(served: Served, data: Any, words: str) -> None:
    served.change = change(data)
    with pytest.raises(ScoreInvalid, match=words):
        asked(served, "json")


@pytest.mark.parametrize(
    "instead,words",
    [
        (lambda handler: send(handler, b"{}", 500), "HTTP status 500"),
        (lambda handler: send(handler, b"", 302, Location="http://127.0.0.1/"), "redirect .302., which is not"),
        (lambda handler: send(handler, b'{"predictions": [NaN, 0.1]}'), "did not answer in JSON"),
        (lambda handler: send(handler, b"<html>"), "did not answer in JSON"),
        (lambda handler: send(handler, b"[0.1, 0.2]"), "did not answer with a JSON object"),
        (lambda handler: handler.connection.close(), "did not answer"),
        (endless, "more than 1048576 bytes"),
        (dripping, "no whole answer within 0.5 s"),
        (lambda handler: time.sleep(1.2), "did not answer"),
    ],
)
def test_a_server_that_misbehaves_gives_no_score_and_holds_nobody(served: Served, instead: Any, words: str) -> None:
    served.instead = instead
    began = time.monotonic()
    with pytest.raises(ScoreInvalid, match=words):
        asked(served, "json", seconds=0.5)
    assert time.monotonic() - began < 3


class TestWhoMayBeAsked:
    @pytest.mark.parametrize(
        "hosts,url,words",
        [
            ((), "https://models.example/p", "no host is allowed here"),
            (("models.example",), "https://evil.example/p", "is on evil.example:443, which is not allowed"),
            (("models.example",), "https://models.example:8443/p", "is on models.example:8443"),
            (("models.example:8443",), "https://models.example/p", "is on models.example:443"),
            (("models.example",), "http://models.example/p", "must be an https address"),
            (("10.0.0.0/8",), "https://10.1.2.3/p", "is on 10.1.2.3:443"),
            (("models.example",), "https://models.example/p", ""),
            (("models.example:8443",), "https://MODELS.example:8443/p", ""),
            (("127.0.0.1:9000",), "http://127.0.0.1:9000/p", ""),
            (("[::1]:9000",), "http://[::1]:9000/p", ""),
        ],
    )
    def test_by_the_operators_list(self, hosts: tuple[str, ...], url: str, words: str) -> None:
        found = endpoints_from(hosts, "", 10).problem_of(url)
        assert words in found and bool(words) == bool(found)

    @pytest.mark.parametrize(
        "number",
        [
            *("10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "224.0.0.1", "0.0.0.9"),
            *("::ffff:10.0.0.7", "64:ff9b::a00:7", "2002:a00:7::1"),
        ],
    )
    def test_a_listed_name_must_not_lead_inside(self, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
        found = [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (number, 443))]
        monkeypatch.setattr("registry.scoring.endpoints.socket.getaddrinfo", lambda *_, **__: found)
        with pytest.raises(ScoreInvalid, match=f"is at {number}, an internal address"):
            Endpoints(("models.example",), {}, 1.0).ask("https://models.example/p")(b"{}")

    def test_unless_the_network_is_listed_too(self) -> None:
        with serving(model) as served:
            url = served.url("/predict", host="localhost")
            rules = endpoints_from((f"localhost:{served.port}",), "", 2)
            assert b"predictions" in rules.ask(url)(b'{"instances": []}')

    def test_no_call_is_made_to_a_host_that_is_no_longer_listed(self, served: Served) -> None:
        with pytest.raises(ScoreInvalid, match="which is not allowed here"):
            Endpoints(("models.example",)).ask(served.url())(b"{}")
        with pytest.raises(ScoreInvalid, match="no time left"):
            Endpoints((served.host,)).ask(served.url(), deadline=time.monotonic())(b"{}")
        assert served.calls == []

    def test_no_proxy_stands_between(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        np.testing.assert_allclose(asked(served), [0.7, 0.11])


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"url": "ftp://models.example/p"}, "must be an https address"),
        ({"url": "https://user:pass@models.example/p"}, "must be an https address"),
        ({"url": "https://models.example/p#part"}, "must be an https address"),
        ({"url": "https://models.example\\@evil.example/"}, "must be an https address"),
        ({"url": "https://models.example:99999/p"}, "must be an https address"),
        ({"url": "https:///p"}, "must be an https address"),
        ({"protocol": "grpc"}, "model.protocol must be one of: v2, json"),
    ],
)
def test_an_endpoint_means_one_thing_only(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestInvalid, match=words):
        manifest(**changes)


def test_only_a_remote_model_has_an_endpoint() -> None:
    raw = dict(manifest().raw)
    with pytest.raises(ManifestInvalid, match=r"model\.endpoint is only for the format remote"):
        Manifest.parse({**raw, "model": {**raw["model"], "format": "onnx"}})
    with pytest.raises(ManifestInvalid, match=r"model\.endpoint is required; model\.protocol is required"):
        Manifest.parse({**raw, "model": {"format": "remote", "task": "binary_classification"}})


def test_whoever_cannot_ask_loads_nothing() -> None:
    spec = manifest()
    with pytest.raises(ArtifactRefused, match="served elsewhere"):
        load(description(spec), spec)
    with pytest.raises(ArtifactRefused, match="not that of the manifest's endpoint"):
        load(b"{}", spec, lambda body: body)
