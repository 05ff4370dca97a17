"""The gateway's ASGI application: its parts put together, and its small pages."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from portal.errors import Refusal, error_body
from registry.gateway.config import Config
from registry.gateway.counting import Counts
from registry.gateway.decide import DecideEndpoint
from registry.gateway.exchange import refusal_headers
from registry.gateway.following import Follower
from registry.gateway.idempotency import Answers
from registry.gateway.metrics import Metrics
from registry.gateway.presence import Presence
from registry.gateway.receipts import Receipts
from registry.gateway.recorder import Recorder
from registry.gateway.reporting import Reports
from registry.gateway.routes import Routes
from registry.gateway.sessions import Session
from registry.gateway.tokens import Tokens, need_decide

log = logging.getLogger(__name__)


class Gateway:
    """The parts of one gateway, and what starts and stops them."""

    def __init__(self, config: Config) -> None:
        self.metrics = Metrics()
        # Reading has a session of its own: a look-up must not wait behind a commit, nor a commit behind it.
        self._reading = Session(config.conninfo)
        self.recorder = Recorder(Session(config.conninfo), self.metrics, config.name)
        self.tokens = Tokens(self._reading)
        self.routes = Routes(self._reading, config.artifact_dir, self.metrics, lambda: self.reports.tell())
        self.reports = Reports(self._reading, self.routes, config.name, f"{config.host}:{config.port}")
        self.follower = Follower(config.conninfo, self._reading, self.routes, self.tokens, config.poll_seconds)
        self.presence = Presence(
            self.recorder, self.routes, config.data_keys, config.name, config.heartbeat_seconds
        )
        # Counting has one too: it must not take the way of decisions.
        self.counts = Counts(Session(config.conninfo), config.name, config.flush_seconds)
        self.decide = DecideEndpoint(
            tokens=self.tokens,
            routes=self.routes,
            recorder=self.recorder,
            answers=Answers(self._reading, config.data_keys),
            metrics=self.metrics,
            counts=self.counts,
            receipts=Receipts(config.origin, config.receipt_key),
            subject_key=config.subject_key,
            data_keys=config.data_keys,
            most_in_flight=config.most_in_flight,
        )

    async def start(self) -> None:
        """Read tokens and pointers, load what they name, then follow. Without a database it starts all the same."""
        await self.follower.start()
        self.routes.start()
        self.reports.start()
        self.presence.start()
        self.counts.start()
        # Half a million objects of libraries and models will not die: the collector need not walk them again,
        # which takes some 100 ms of every full collection.
        gc.collect()
        gc.freeze()

    async def stop(self) -> None:
        """Write what waits, then let go of everything. The server has let the requests finish before."""
        await self.follower.stop()
        await self.reports.stop()
        await self.presence.stop()
        await self.recorder.close()
        await self.counts.stop()
        await self.routes.close()
        await self._reading.close()

    def problems(self) -> list[str]:
        """Why decisions cannot be made as they should; empty when ready."""
        found = [self.follower.problem, self.recorder.problem and f"records cannot be written: {self.recorder.problem}"]
        return [problem for problem in found if problem] + self.routes.problems()

    def warnings(self) -> list[str]:
        """What still works, but less well."""
        deaf = [] if self.follower.is_listening else ["not listening for releases; polling every second instead"]
        return deaf + self.routes.warnings()


def create_app(read_config: Callable[[], Config] = Config.from_environment) -> Starlette:
    """The application; the configuration is read, and everything started, when the server starts it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.gateway = gateway = Gateway(read_config())
        await gateway.start()
        yield
        await gateway.stop()

    return Starlette(
        routes=[
            Route("/v1/systems/{system}/decide", _Decide(), methods=["POST"]),
            Route("/v1/systems/{system}/production", _production, methods=["GET"]),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/metrics", _metrics, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_error, Refusal: _refusal, Exception: _failure},
        lifespan=lifespan,
    )


class _Decide:
    """Hands the request on as plain ASGI: a function here would be wrapped in request and response objects."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.gateway.decide(scope, receive, send)


async def _production(request: Request) -> Response:
    """What this gateway serves for a system: how a caller sees that a rollback has arrived."""
    gateway: Gateway = request.app.state.gateway
    need_decide(await gateway.tokens.caller(request.headers.get("authorization", "")))
    return JSONResponse(gateway.routes.describe(request.path_params["system"]))


async def _healthz(request: Request) -> Response:
    """200 when ready, 503 with the list of what is not."""
    gateway: Gateway = request.app.state.gateway
    problems = gateway.problems()
    body = {"ready": not problems, "problems": problems, "warnings": gateway.warnings()}
    return JSONResponse(body, status_code=503 if problems else 200)


async def _metrics(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    return Response(gateway.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = {key.decode(): value.decode() for key, value in refusal_headers(error)}
    return JSONResponse(error.body(), status_code=error.status, headers=headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    words = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    body = error_body(code, words.get(error.status_code, error.detail))
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _failure(request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("internal_error", "This failed on our side."), status_code=500)


app = create_app()
