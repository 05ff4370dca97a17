"""What the gateway is measured against: itself without the trail, and a bare echo. Never run outside the bench."""

from __future__ import annotations

import json
import sys
import uuid

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from audit.records import Draft, Record
from audit.writing import IdempotencyRow
from registry.gateway import app as gateway_app
from registry.gateway import decide
from registry.gateway.receipts import Receipts
from registry.gateway.recorder import Recorder

NOTHING = Record(uuid.UUID(int=0), b"", b"", {})


class Forgetful(Recorder):
    """Says that it wrote the record, and did not."""

    async def write(self, draft: Draft, key: IdempotencyRow | None = None) -> Record:
        """Nothing."""
        return NOTHING


def switch_trail_off() -> None:
    """No record is built, encrypted, hashed or written, and no receipt is signed: shows what the trail costs."""
    gateway_app.Recorder = Forgetful  # type: ignore[misc]
    decide.decision_draft = lambda *_, **__: None  # type: ignore[assignment]
    Receipts.sign = lambda *_: ""  # type: ignore[method-assign]


async def echo(request: Request) -> JSONResponse:
    """The body, read and sent back."""
    return JSONResponse(json.loads(await request.body()))


def main() -> None:
    """Arguments: `unrecorded` or `echo`, and a port."""
    what, port = sys.argv[1], int(sys.argv[2])
    if what == "unrecorded":
        switch_trail_off()
        app = gateway_app.create_app()
    else:
        routes = [
            Route("/v1/systems/{system}/decide", echo, methods=["POST"]),
            Route("/healthz", lambda _: JSONResponse({}), methods=["GET"]),
        ]
        app = Starlette(routes=routes)
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_level="error", access_log=False)


if __name__ == "__main__":
    main()
