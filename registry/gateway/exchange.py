"""Reading a request and sending an answer, straight on ASGI: no framework objects on the way of a decision."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from starlette.types import Receive, Scope, Send

from audit.records import MAX_KEPT_BODY
from portal.errors import Refusal, TooLarge
from registry.gateway.refusals import RETRY_SECONDS, ClientGone

MAX_BODY = 1024 * 1024
BODY_SECONDS = 15.0
_JSON = (b"content-type", b"application/json")
# Made once: `json.dumps` makes an encoder for each call that is not plain.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class BodyRefused(Exception):
    """The body is too large or too slow; `start` is what was read of it."""

    def __init__(self, refusal: Refusal, start: bytes) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.start = start


class BodyTooSlow(Refusal):
    """The body did not arrive in time."""

    status = 408
    code = "body_too_slow"


def header(scope: Scope, name: bytes) -> str:
    """The first header of that (lower-case) name; empty when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body. `BodyRefused` for one over 1 MiB, by what it says or by what comes, or too slow."""
    declared = header(scope, b"content-length")
    # Of a body that says that it is too large only the part that is kept is read.
    limit = MAX_KEPT_BODY if declared.isdigit() and int(declared) > MAX_BODY else MAX_BODY
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await _read_parts(receive, parts, limit)
    except TimeoutError:
        refusal = BodyTooSlow(f"The body did not arrive within {BODY_SECONDS:.0f} s.")
        raise BodyRefused(refusal, b"".join(parts)[:MAX_KEPT_BODY]) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _read_parts(receive: Receive, parts: list[bytes], limit: int) -> None:
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        parts.append(part)
        if size > limit:
            raise BodyRefused(TooLarge(f"The body is over {MAX_BODY} bytes."), b"".join(parts)[:MAX_KEPT_BODY])
        if not message.get("more_body", False):
            return


async def send_json(
    send: Send, status: int, body: dict[str, Any], extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send the body as JSON."""
    encoded = _encode(body).encode()
    headers = [_JSON, (b"content-length", b"%d" % len(encoded)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encoded})


async def send_refusal(send: Send, refusal: Refusal, decision_id: str = "", receipt: str = "") -> None:
    """Send the refusal in the contract's shape, with the id under which it was recorded and the receipt for that."""
    body = refusal.body()
    if decision_id:
        body |= {"decision_id": decision_id, "receipt": receipt}
    await send_json(send, refusal.status, body, refusal_headers(refusal))


def refusal_headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """What HTTP wants beside the body: how to sign in, or when to come back."""
    if refusal.status == 401:
        return [(b"www-authenticate", b'Bearer realm="countersign"')]
    if refusal.status in (429, 503):
        return [(b"retry-after", b"%d" % RETRY_SECONDS)]
    return []
