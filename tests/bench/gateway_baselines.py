"""What the gateway is measured against: itself without records, and a bare echo. Never run outside the bench."""

from __future__ import annotations

import json
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from audit.records import Record
from audit.writing import KeyRow
from registry.gateway import app as gateway_app
from registry.gateway.recorder import Recorder


class Forgetful(Recorder):
    """Says that it wrote the record, and did not: shows what the trail costs."""

    async def write(self, record: Record, key: KeyRow | None = None) -> None:
        """Nothing."""


async def echo(request: Request) -> JSONResponse:
    """The body, read and sent back."""
    return JSONResponse(json.loads(await request.body()))


def main() -> None:
    """Arguments: `unrecorded` or `echo`, and a port."""
    what, port = sys.argv[1], int(sys.argv[2])
    if what == "unrecorded":
        gateway_app.Recorder = Forgetful  # type: ignore[misc]
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
