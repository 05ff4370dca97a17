"""One request to another party, bounded in time and size whatever that party does. Follows no redirect."""

from __future__ import annotations

import http.client
import socket
import threading
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 256 * 1024
# Makes the connection to (host, port), as socket.create_connection does.
Dial = Callable[..., socket.socket]


class CallFailed(Exception):
    """No whole answer came in time; the message says what happened instead."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever the status."""

    status: int
    content_type: str
    body: bytes


def post(
    url: str,
    body: bytes,
    *,
    content_type: str,
    seconds: float,
    most_bytes: int = MAX_ANSWER_BYTES,
    headers: Mapping[str, str] | None = None,
    dial: Dial | None = None,
) -> Answer:
    """The answer, through the proxy that the environment names; or without one, by a connection that `dial` makes.

    `CallFailed` after `seconds`, for more than `most_bytes`, and for what is not HTTP. Looking up the host's name is
    bounded by the system's resolver alone.
    """
    sent = {"Content-Type": content_type, **(headers or {})}
    return _call(url, seconds, most_bytes, dial, data=body, headers=sent, method="POST")


def get(url: str, *, seconds: float) -> Answer:
    """The answer to a GET, with the bounds and refusals of `post`."""
    return _call(url, seconds, MAX_ANSWER_BYTES, None, headers={}, method="GET")


def _call(url: str, seconds: float, most_bytes: int, dial: Dial | None, **how: Any) -> Answer:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise CallFailed(f"{url[:200]!r} is not an http or https address")
    request = urllib.request.Request(url, **how)  # noqa: S310
    with _Deadline(seconds) as deadline:
        opener = urllib.request.OpenerDirector()
        if dial is None:
            opener.add_handler(urllib.request.ProxyHandler())
        opener.add_handler(_Handler(deadline, dial))
        try:
            with opener.open(request, timeout=seconds) as response:
                received = response.read(most_bytes + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CallFailed(deadline.words if deadline.passed else str(error) or repr(error)) from error
        # An answer without a length that was broken off looks like a whole one.
        if deadline.passed:
            raise CallFailed(deadline.words)
    if len(received) > most_bytes:
        raise CallFailed(f"the answer has more than {most_bytes} bytes")
    if response.length:
        raise CallFailed(f"the answer broke off {response.length} bytes before its end")
    return Answer(response.status, response.headers.get("content-type", ""), received)


class _Deadline:
    """Breaks off the connections it was told of when the time is over.

    A time-out of the socket counts from byte to byte: who sends one a second would hold us for ever.
    """

    def __init__(self, seconds: float) -> None:
        self.words = f"no whole answer within {seconds:.1f} s"
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()
        for each in self._sockets:
            each.close()

    def watch(self, connection: socket.socket) -> socket.socket:
        """The connection. Through a duplicate it can be broken off whatever wraps it by then."""
        self._sockets.append(connection.dup())
        return connection

    def _pass(self) -> None:
        self.passed = True
        for each in self._sockets:
            with suppress(OSError):  # it is closed already
                each.shutdown(socket.SHUT_RDWR)


class _Handler(urllib.request.AbstractHTTPHandler):
    """Opens http and https addresses under the deadline; every status is an answer."""

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def __init__(self, deadline: _Deadline, dial: Dial | None) -> None:
        super().__init__()
        self._deadline = deadline
        self._dial = dial

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._watched(http.client.HTTPConnection), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._watched(http.client.HTTPSConnection), request)

    def _watched(self, kind: type[http.client.HTTPConnection]) -> Any:
        def made(host: str, **more: Any) -> http.client.HTTPConnection:
            connection: Any = kind(host, **more)
            # There is no public place between connecting and the handshake, which may hang as well.
            create: Dial = self._dial or connection._create_connection
            connection._create_connection = lambda *arguments: self._deadline.watch(create(*arguments))
            return connection

        return made
