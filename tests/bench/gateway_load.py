"""A load generator in a process of its own: keep-alive callers, each sends its next request when it has its answer."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import uvloop


class Measured(NamedTuple):
    """One run. Times in milliseconds; `slow` is the share of answers over 200 ms."""

    callers: int
    requests: int
    per_second: float
    p50: float
    p99: float
    p999: float
    slow: float
    errors: int


async def measure(url: str, token: str, body: dict[str, Any], callers: int, seconds: float) -> Measured:
    """Send the body, under a new subject each time, for so many seconds after half a second of warming up."""
    parts = urlsplit(url)
    started = time.perf_counter()
    begin, end = started + 0.5, started + 0.5 + seconds
    taken: list[float] = []
    wrong: list[int] = []
    numbers = count()

    async def call() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while (sent := time.perf_counter()) < end:
            writer.write(_request(parts.path, parts.netloc, token, body, next(numbers)))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
            if sent >= begin:
                taken.append(time.perf_counter() - sent)
                if head[9:12] != b"200":
                    wrong.append(int(head[9:12]))
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    return _measured(callers, taken, len(wrong), seconds)


def _request(path: str, host: str, token: str, body: dict[str, Any], number: int) -> bytes:
    content = json.dumps({**body, "subject": f"applicant-{number}"}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def _length(head: bytes) -> int:
    return int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def _measured(callers: int, taken: list[float], errors: int, seconds: float) -> Measured:
    milliseconds = sorted(value * 1000 for value in taken)
    size = len(milliseconds)

    def quantile(share: float) -> float:
        return round(milliseconds[min(size - 1, int(size * share))], 2)

    slow = sum(value > 200 for value in milliseconds) / size
    return Measured(
        callers, size, round(size / seconds, 1), quantile(0.5), quantile(0.99), quantile(0.999), slow, errors
    )


def main() -> None:
    """Arguments: JSON with url, token, body, callers, seconds. Prints the measurement as JSON."""
    print(json.dumps(uvloop.run(measure(**json.loads(sys.argv[1])))._asdict()))


if __name__ == "__main__":
    main()
