"""The witness's ASGI application: its four addresses (C2SP tlog-witness, and two for people)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from audit.witnessing.config import Config
from audit.witnessing.memory import Memory, MemoryUnavailable
from audit.witnessing.protocol import ADD_CHECKPOINT
from audit.witnessing.witness import Refused, Witness

MAX_BODY_BYTES = 256 * 1024
BODY_SECONDS = 10.0


def create_app(read_config: Callable[[], Config] = Config.from_environment) -> Starlette:
    """The application; the configuration is read when the server starts it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        config = read_config()
        with closing(Memory(config.folder)) as memory:
            app.state.witness = Witness(config.cosigner, config.logs, memory)
            yield

    return Starlette(
        routes=[
            Route(ADD_CHECKPOINT, _add_checkpoint, methods=["POST"]),
            Route("/{digest}/checkpoint", _checkpoint, methods=["GET"]),
            Route("/vkey", _vkey, methods=["GET"]),
            Route("/healthz", _healthz, methods=["GET"]),
        ],
        exception_handlers={Refused: _refused, MemoryUnavailable: _unavailable, HTTPException: _http_error},
        lifespan=lifespan,
    )


async def _add_checkpoint(request: Request) -> Response:
    # In a thread: it waits for locks and for the disk.
    line = await run_in_threadpool(_witness(request).add_checkpoint, await _body(request))
    return PlainTextResponse(line)


async def _checkpoint(request: Request) -> Response:
    """The latest cosigned checkpoint, for whoever watches the log."""
    note = await run_in_threadpool(_witness(request).latest, request.path_params["digest"])
    return PlainTextResponse(note, headers={"cache-control": "no-cache"})


async def _vkey(request: Request) -> Response:
    """The witness's own vkey, for the configuration of those who trust it."""
    return PlainTextResponse(f"{_witness(request).vkey}\n")


async def _healthz(request: Request) -> Response:
    """200 when every log can be cosigned for, 503 with the list of what cannot; contradictions are told beside it."""
    witness = _witness(request)
    problems = await run_in_threadpool(witness.problems)
    contradicted = await run_in_threadpool(witness.contradictions)
    body = {"ready": not problems, "problems": problems, "contradictions": contradicted}
    return JSONResponse(body, status_code=503 if problems else 200)


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Refused(413, f"a request has at most {MAX_BODY_BYTES} bytes")
    except TimeoutError:
        raise Refused(408, f"the request did not arrive in {BODY_SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise Refused(400, "the request broke off") from None
    return bytes(body)


def _witness(request: Request) -> Witness:
    witness: Witness = request.app.state.witness
    return witness


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    # As a header: for a media type Starlette would add a charset, and the protocol's type has none.
    return Response(error.text, error.status, headers={"content-type": error.content_type})


async def _unavailable(request: Request, error: Exception) -> Response:
    return PlainTextResponse("the witness cannot read its memory\n", 503)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=error.headers)
