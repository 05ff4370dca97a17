"""Where an issuer's keys come from: a file or an address, kept for a while, asked again for an unknown id."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from portal.env import Misconfigured
from registry.provenance.issuers import GITHUB, GITLAB, Issuer, issuers_from
from registry.provenance.keys import KeyStore, KeysUnavailable
from tests import ci_tokens


class Publisher:
    """An issuer on loopback: what it answers can be changed, and each asking is counted."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, json.dumps(ci_tokens.jwks("first")).encode(), 0
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked += 1
                self.send_response(publisher.status)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.send_header("Content-Length", str(len(publisher.body)))
                self.end_headers()
                self.wfile.write(publisher.body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Clock:
    """Seconds that pass when they are told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def issuer_at(url: str) -> Issuer:
    return Issuer("https://github.test", ci_tokens.AUDIENCE, "github", jwks_url=url)


def test_keys_are_fetched_once_and_kept(publisher: Publisher) -> None:
    clock = Clock()
    keys, issuer = KeyStore(clock), issuer_at(publisher.url)
    assert keys.find(issuer, "first") and keys.find(issuer, "first")
    assert publisher.asked == 1
    clock.now += 3_601
    assert keys.find(issuer, "first") and publisher.asked == 2


def test_an_unknown_id_is_looked_for_again_but_not_more_than_once_a_minute(publisher: Publisher) -> None:
    clock = Clock()
    keys, issuer = KeyStore(clock), issuer_at(publisher.url)
    assert keys.find(issuer, "second") is None and publisher.asked == 1
    publisher.body = json.dumps(ci_tokens.jwks("first", "second")).encode()
    assert [keys.find(issuer, "second") for _ in range(20)] == [None] * 20 and publisher.asked == 1
    clock.now += 61
    assert keys.find(issuer, "second") is not None and publisher.asked == 2


def test_a_silent_issuer_is_borne_for_a_day(publisher: Publisher) -> None:
    clock = Clock()
    keys, issuer = KeyStore(clock), issuer_at(publisher.url)
    assert keys.find(issuer, "first")
    publisher.status = 503
    clock.now += 23 * 3_600
    assert keys.find(issuer, "first") and publisher.asked == 2
    clock.now += 3_600
    with pytest.raises(KeysUnavailable, match="503"):
        keys.find(issuer, "first")


def test_nobody_waits_for_a_silent_issuer_behind_somebody_else(publisher: Publisher) -> None:
    clock = Clock()
    keys, issuer = KeyStore(clock), issuer_at(publisher.url)
    publisher.status = 503
    for words in ("503", "a moment ago", "a moment ago"):
        with pytest.raises(KeysUnavailable, match=words):
            keys.find(issuer, "first")
    assert publisher.asked == 1
    publisher.status = 200
    clock.now += 6
    assert keys.find(issuer, "first") is not None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys": []}', b'{"keys": [7]}', b'{"keys": 7}', b"\xff"])
def test_what_is_no_set_of_keys_is_said(publisher: Publisher, body: bytes) -> None:
    publisher.body = body
    with pytest.raises(KeysUnavailable, match="no set of keys"):
        KeyStore().find(issuer_at(publisher.url), "first")


def test_no_redirect_is_followed_and_nothing_endless_is_read(publisher: Publisher) -> None:
    publisher.status = 302
    with pytest.raises(KeysUnavailable, match="answered 302"):
        KeyStore().find(issuer_at(publisher.url), "first")
    publisher.status, publisher.body = 200, b" " * 300_000
    with pytest.raises(KeysUnavailable, match="more than"):
        KeyStore().find(issuer_at(publisher.url), "first")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(KeysUnavailable):
        KeyStore().find(issuer_at("http://127.0.0.1:9/"), "first")
    with pytest.raises(KeysUnavailable, match="No such file"):
        KeyStore().find(Issuer("i", "a", "github", jwks_file=str(tmp_path / "none")), "first")


def test_the_public_ones_are_known_and_can_be_replaced(tmp_path: Path) -> None:
    known = issuers_from("", "https://portal.test")
    assert {issuer.audience for issuer in known.values()} == {"https://portal.test"}
    assert known[GITHUB].jwks_url == "https://token.actions.githubusercontent.com/.well-known/jwks"
    assert known[GITLAB].jwks_url == "https://gitlab.com/oauth/discovery/keys"
    own = {"issuer": GITHUB, "audience": "us", "kind": "github", "jwks_file": "/keys.json"}
    assert issuers_from(json.dumps([own]), "a")[GITHUB] == Issuer(**own)


GOOD = {"issuer": "i", "audience": "a", "kind": "github", "jwks_url": "https://i.test/jwks"}


@pytest.mark.parametrize(
    "text,words",
    [
        ("{", "must be a JSON list"),
        ("{}", "must be a JSON list"),
        ("[7]", "an object of texts"),
        (json.dumps([{**GOOD, "audience": ""}]), "an object of texts"),
        (json.dumps([{**GOOD, "kind": "jenkins"}]), "must be one of: github, gitlab"),
        (json.dumps([{**GOOD, "jwks_url": "http://i.test/jwks"}]), "an https address"),
        (json.dumps([{**GOOD, "jwks_file": "/x"}]), "either jwks_url or jwks_file"),
        (json.dumps([{**GOOD, "url": "x"}]), "has no use for url"),
        (json.dumps([{"issuer": "i"}]), "needs audience, kind"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        issuers_from(text, "a")
