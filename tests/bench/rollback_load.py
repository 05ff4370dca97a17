"""Callers in a process of their own who decide without pause, and note for each answer when and by which release.

Arguments: JSON with urls, token, body, callers (for each url) and seconds at most. Ends when its input ends; prints one
line of JSON for each answer: sent and answered (nanoseconds of the monotonic clock, which all processes share), status,
version, release, which of the urls, and what was wrong.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import uvloop

from tests.bench.gateway_load import _length, _request

Answer = tuple[int, int, int, int | None, int | None, int, str]


async def decide(urls: list[str], token: str, body: dict[str, Any], callers: int, seconds: float) -> list[Answer]:
    """Everything that was answered until the input ended."""
    ended = asyncio.Event()
    answers: list[Answer] = []
    numbers = count()

    async def call(place: int, url: str) -> None:
        parts = urlsplit(url)
        while not ended.is_set():
            sent, writer = time.monotonic_ns(), None
            try:
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                while not ended.is_set():
                    sent = time.monotonic_ns()
                    writer.write(_request(parts.path, parts.netloc, token, body, next(numbers)))
                    head = await reader.readuntil(b"\r\n\r\n")
                    content = await reader.readexactly(_length(head))
                    answers.append(_answer(sent, int(head[9:12]), place, content))
            except (OSError, asyncio.IncompleteReadError) as error:
                answers.append((sent, time.monotonic_ns(), 0, None, None, place, repr(error)))
                await asyncio.sleep(0.05)
            finally:
                if writer is not None:
                    writer.close()

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                reader = asyncio.StreamReader()
                await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
                await reader.read()
        except TimeoutError:
            pass
        ended.set()

    await asyncio.gather(listen(), *(call(place, url) for place, url in enumerate(urls) for _ in range(callers)))
    return answers


def _answer(sent: int, status: int, place: int, content: bytes) -> Answer:
    answered = time.monotonic_ns()
    if status != 200:
        return sent, answered, status, None, None, place, content[:200].decode(errors="replace")
    answer = json.loads(content)
    return sent, answered, status, answer["version"], answer["release"], place, ""


def main() -> None:
    """Decide, then print."""
    answers = uvloop.run(decide(**json.loads(sys.argv[1])))
    sys.stdout.writelines(json.dumps(answer) + "\n" for answer in answers)


if __name__ == "__main__":
    main()
