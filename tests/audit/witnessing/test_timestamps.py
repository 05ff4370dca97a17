"""A timestamp holds for one text, one question and one authority; the authority here is OpenSSL's."""

from __future__ import annotations

import random
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from audit.witnessing.timestamps import TimestampFailed, ask_timestamp, check_timestamp, load_certificates

from .logs import Log

NOTE = Log(length=10).note(10)
CONFIG = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


class Authority:
    """A timestamp authority in a folder. `answer` is what it says to a query; tests replace it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tsa.cnf").write_text(CONFIG)
        self._openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Root",
        )
        self._openssl("req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=Authority")
        (folder / "tsa.ext").write_text("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
        self._openssl(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile tsa.ext -out tsa.pem"
        )
        self.certificates = load_certificates((folder / "tsa.pem").read_bytes() + (folder / "ca.pem").read_bytes())

    def reply(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self._openssl("ts -reply -config tsa.cnf -section here -queryfile query -out reply")
        return (self.folder / "reply").read_bytes()

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)

    @contextmanager
    def serving(
        self,
        answer: Callable[[bytes], bytes] | None = None,
        status: int = 200,
        content_type: str = "application/timestamp-reply",
    ) -> Iterator[str]:
        """Its address while it answers."""
        make = answer or self.reply

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["content-type"] == "application/timestamp-query"
                body = make(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None: ...

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsa"
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


def test_a_checkpoint_gets_a_time(authority: Authority) -> None:
    with authority.serving() as url:
        got = ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)
    assert abs(got.at - datetime.now(UTC)) < timedelta(seconds=60)
    assert check_timestamp(got.reply, certificates=authority.certificates, text=NOTE) == got.at


def test_the_kept_reply_convinces_openssl_too(authority: Authority) -> None:
    with authority.serving() as url:
        got = ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)
    (authority.folder / "kept").write_bytes(got.reply)
    (authority.folder / "note").write_text(NOTE, encoding="utf-8")
    authority._openssl("ts -verify -in kept -data note -CAfile ca.pem -untrusted tsa.pem")


def test_it_holds_for_nothing_else(authority: Authority, other: Authority) -> None:
    with authority.serving() as url:
        got = ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)
        with pytest.raises(TimestampFailed, match="does not hold"):
            ask_timestamp(url=url, certificates=other.certificates, text=NOTE)
    root_alone = authority.certificates[1:]
    mixed = [other.certificates[0], authority.certificates[1]]
    for text, certificates in [
        (NOTE + "x", authority.certificates),
        (NOTE, other.certificates),
        (NOTE, root_alone),
        (NOTE, mixed),
        (NOTE, []),
    ]:
        with pytest.raises(TimestampFailed, match="does not hold"):
            check_timestamp(got.reply, certificates=certificates, text=text)


def test_an_old_reply_is_no_answer_to_a_new_question(authority: Authority) -> None:
    with authority.serving() as url:
        old = ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)
    with authority.serving(lambda query: old.reply) as url, pytest.raises(TimestampFailed, match="Nonce mismatch"):
        ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)


@pytest.mark.parametrize(
    "answer,status,content_type,words",
    [
        (b"no", 500, "text/plain", "answered 500"),
        (b"<html>", 200, "text/html", "with 'text/html'"),
        (b"", 200, "application/timestamp-reply", "does not hold"),
        (b"\x30\x05\x30\x03\x02\x01\x02", 200, "application/timestamp-reply", "refused, with status 2"),
        (b"\x30\x80" * 1000, 200, "application/timestamp-reply; charset=binary", "does not hold"),
    ],
)
def test_what_is_no_timestamp(authority: Authority, answer: bytes, status: int, content_type: str, words: str) -> None:
    with (
        authority.serving(lambda query: answer, status, content_type) as url,
        pytest.raises(TimestampFailed, match=words),
    ):
        ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)


def test_nobody_there() -> None:
    with pytest.raises(TimestampFailed, match="could not be asked"):
        ask_timestamp(url="http://127.0.0.1:1/", certificates=[], text=NOTE, seconds=2)


def test_a_changed_reply_never_gives_another_time(authority: Authority) -> None:
    with authority.serving() as url:
        got = ask_timestamp(url=url, certificates=authority.certificates, text=NOTE)
    source = random.Random(3161)
    with warnings.catch_warnings():
        # cryptography warns of serial numbers that only a forger writes.
        warnings.simplefilter("ignore")
        for _ in range(600):
            changed = bytearray(got.reply)
            changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
            try:
                at = check_timestamp(bytes(changed), certificates=authority.certificates, text=NOTE)
            except TimestampFailed:
                continue
            assert at == got.at, "only what is not signed may differ, such as a version number"


def test_certificates_are_pem_up_to_the_root(authority: Authority) -> None:
    for text in (b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ValueError, match="are not PEM"):
            load_certificates(text)
    with pytest.raises(ValueError, match="must end with the root"):
        load_certificates((authority.folder / "tsa.pem").read_bytes())
