"""A model server on loopback, as one serves elsewhere: well-behaved, or badly in each of the ways that are known."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Rows as a caller means them → one score for each.
Model = Callable[[list[dict[str, Any]]], list[float]]


class Served:
    """What the server is told to do, and what it saw."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.port = 0
        self.calls: list[int] = []
        self.headers: list[dict[str, str]] = []
        # Instead of an answer: a function that is given the handler.
        self.instead: Callable[[BaseHTTPRequestHandler], None] | None = None
        # What is made of a good answer before it is sent.
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer

    def url(self, path: str = "/v2/models/loans/infer", host: str = "127.0.0.1") -> str:
        """The endpoint's address."""
        return f"http://{host}:{self.port}{path}"

    @property
    def host(self) -> str:
        """As the operator lists it."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def serving(model: Model) -> Iterator[Served]:
    """The server, while the block runs: `…/infer` speaks v2, every other path KServe's first protocol."""
    served = Served(model)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    server.daemon_threads = True
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(served: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            rows = _rows(body)
            served.calls.append(len(rows))
            served.headers.append(dict(self.headers))
            if served.instead is not None:
                served.instead(self)
                return
            scores = served.model(rows)
            answer: dict[str, Any] = {"predictions": scores, "model_version": "7"}
            if "inputs" in body:
                tensor = {"name": "score", "shape": [len(rows), 1], "datatype": "FP64", "data": scores}
                answer = {"model_name": "loans", "model_version": "7", "outputs": [tensor]}
            send(self, json.dumps(served.change(answer)).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """An answer with its length."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Two gigabytes, as fast as they are taken."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2 * 1024**3))
    handler.end_headers()
    try:
        for _ in range(2 * 1024):
            handler.wfile.write(b" " * 1024**2)
    except OSError:
        handler.close_connection = True


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, each within any time-out of a socket."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.1)
    except OSError:
        handler.close_connection = True


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    if "instances" in body:
        return list(body["instances"])
    columns = {tensor["name"]: tensor["data"] for tensor in body["inputs"]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
