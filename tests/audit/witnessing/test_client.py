"""Who asks a witness gets a signature that holds, or is told what went wrong, within the time given."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from audit.log.cosignatures import cosigner_from_secret
from audit.log.notes import NoteInvalid
from audit.witnessing.calling import CallFailed, post
from audit.witnessing.client import Cosigned, WitnessAhead, WitnessContradicts, WitnessFailed, ask_witness

from .logs import WITNESS_NAME, WITNESS_SECRET, Log, Running

LOG, FORK = Log(), Log(seed=2)
COSIGNER = cosigner_from_secret(WITNESS_NAME, WITNESS_SECRET)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("witness") / "memory", *(_fresh(n).signer.vkey for n in range(9))).start()
    yield running
    running.kill()


def _fresh(number: int, seed: int = 1) -> Log:
    """A log that the witness knows and no other test uses."""
    return Log(f"log.example/{number}", length=300, seed=seed)


def ask(witness: Running, log: Log, size: int, known: int) -> Cosigned:
    return ask_witness(
        url=witness.url,
        vkey=COSIGNER.vkey,
        note=log.note(size),
        prove=lambda old: log.proof(old, size),
        known_size=known,
    )


def test_a_cosignature_that_holds(witness: Running) -> None:
    log = _fresh(0)
    before = int(time.time())
    got = ask(witness, log, 100, known=0)
    assert got.size == 100 and before <= got.seconds <= time.time()
    text = log.note(100).split("\n\n")[0] + "\n"
    assert COSIGNER.verifier.verify_line(got.line, text) == got.seconds
    assert ask(witness, log, 200, known=100).size == 200
    assert ask(witness, log, 200, known=200).size == 200


@pytest.mark.parametrize("known", [0, 50, 150, 200, 10_000])
def test_the_size_that_the_witness_names_is_taken(witness: Running, known: int) -> None:
    log = _fresh(1)
    sizes = witness.latest(log.origin)
    old = sizes.size if sizes else 0
    assert ask(witness, log, old + 20, known=known).size == old + 20


def test_a_witness_that_saw_another_history_contradicts(witness: Running) -> None:
    log, fork = _fresh(2), _fresh(2, seed=9)
    ask(witness, log, 100, known=0)
    for size, known in [(100, 100), (200, 100), (200, 0), (100, 0)]:
        with pytest.raises(WitnessContradicts):
            ask(witness, fork, size, known)
    with pytest.raises(WitnessAhead, match="cosigned 100 entries; the log shows it 99") as ahead:
        ask(witness, log, 99, known=0)
    assert ahead.value.size == 100


def test_another_witness_than_the_one_asked_for_is_not_believed(witness: Running) -> None:
    log = _fresh(3)
    for name, secret in [("witness.example/other", WITNESS_SECRET), (WITNESS_NAME, "another")]:
        with pytest.raises(WitnessFailed, match="no cosignature of"):
            ask_witness(
                url=witness.url + "/",
                vkey=cosigner_from_secret(name, secret).vkey,
                note=log.note(5),
                prove=lambda old: log.proof(old, 5),
                known_size=0,
            )


def test_a_log_that_the_witness_does_not_know(witness: Running) -> None:
    with pytest.raises(WitnessFailed, match="answered 404: 'unknown log'"):
        ask(witness, Log("stranger.example"), 5, known=0)
    with pytest.raises(NoteInvalid):
        ask_witness(url=witness.url, vkey="x", note=LOG.note(5), prove=lambda old: [], known_size=0)


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(WitnessFailed, match=r"could not be asked: .*refused"):
            _ask_at(unused.getsockname()[1], seconds=5)


@pytest.mark.parametrize(
    "answer,words",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "no cosignature of"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n", "cannot be trusted"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\n", "cannot be trusted"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", "could not be asked"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad", "answered 500: 'bad'"),
        (b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
        (b"HTTP/1.1 409 No\r\nContent-Length: 2\r\n\r\n3\n", "named no other: '3'"),
        (b"HTTP/1.1 409 No\r\nContent-Type: text/x.tlog.size\r\nContent-Length: 2\r\n\r\n0\n", "named no other: '0'"),
        (b"HTTP/1.1 409 No\r\nContent-Type: text/x.tlog.size\r\nContent-Length: 3\r\n\r\n03\n", "named no other"),
        (b"HTTP/1.1 409 No\r\nContent-Type: text/x.tlog.size\r\nContent-Length: 2\r\n\r\n3\n", "answered 409"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, "more than 262144 bytes"),
        (b"not HTTP at all\r\n\r\n", "could not be asked"),
        (b"", "could not be asked"),
    ],
)
def test_an_answer_that_is_none(answer: bytes, words: str) -> None:
    with _Server(lambda client: client.sendall(answer)) as port, pytest.raises(WitnessFailed, match=words):
        _ask_at(port, seconds=5)


def _silent(client: socket.socket) -> None:
    while client.recv(65_536):
        pass


def _dribbling_header(client: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" * 9:
        client.sendall(bytes([byte]))
        time.sleep(0.1)


def _dribbling_body(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(40):
        client.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize("behave", [_silent, _dribbling_header, _dribbling_body])
def test_it_takes_no_longer_than_it_may(behave: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with _Server(behave) as port, pytest.raises(WitnessFailed, match=r"no whole answer within 0\.5 s|timed out"):
        _ask_at(port, seconds=0.5)
    assert time.monotonic() - began < 2


def test_a_handshake_that_hangs_is_broken_off() -> None:
    def dribble(client: socket.socket) -> None:
        # A TLS record that is announced as long, and comes byte by byte.
        client.sendall(b"\x16\x03\x03\x20\x00")
        for _ in range(40):
            client.sendall(b"\x02")
            time.sleep(0.1)

    began = time.monotonic()
    with _Server(dribble) as port, pytest.raises(CallFailed, match=r"within 0\.5 s"):
        post(f"https://127.0.0.1:{port}/", b"x", content_type="text/plain", seconds=0.5)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/", "", "witness.example"])
def test_only_the_web_is_asked(url: str) -> None:
    with pytest.raises(CallFailed, match="not an http or https address"):
        post(url, b"", content_type="text/plain", seconds=1)


def test_the_witness_is_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def answer(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    with _Server(answer, heard) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert post("http://witness.example/x", b"x", content_type="text/plain", seconds=5).body == b"hi"
    assert heard[0].startswith(b"POST http://witness.example/x HTTP/1.1\r\n")


def _ask_at(port: int, *, seconds: float) -> Cosigned:
    return ask_witness(
        url=f"http://127.0.0.1:{port}",
        vkey=COSIGNER.vkey,
        note=LOG.note(5),
        prove=lambda old: LOG.proof(old, 5),
        known_size=0,
        seconds=seconds,
    )


class _Server:
    """Reads each request and behaves as it was told."""

    def __init__(self, behave: Callable[[socket.socket], None], heard: list[bytes] | None = None) -> None:
        self._behave, self._heard = behave, heard if heard is not None else []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._socket.getsockname()[1])

    def __exit__(self, *error: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                self._heard.append(client.recv(65_536))
                try:
                    self._behave(client)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65_536):
                        pass
                except OSError:
                    continue
