"""Several processes that check parts side by side. No Django."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import orjson

from audit.verifying.checking import Trusted

_ROOT = Path(__file__).resolve().parents[2]


class CrewFailed(RuntimeError):
    """A process of the check ended before it was done; the message is the last thing that it said."""


class Crew:
    """Processes that read the database at the moment of one exported snapshot. Ends them when it is left."""

    def __init__(self, size: int, *, conninfo: str, snapshot: str, trusted: Trusted) -> None:
        order = {"conninfo": conninfo, "snapshot": snapshot, "trusted": list(trusted)}
        # By the input and not as an argument: everybody on the machine can read a command line.
        self._members = [_Member(orjson.dumps(order)) for _ in range(size)]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for member in self._members:
            member.end()

    def answers(self, parts: Iterable[Sequence[Any]]) -> Iterator[tuple[Sequence[Any], dict[str, Any]]]:
        """Each part with what was found in it, as they are done; parts are taken only as processes become free."""
        with ThreadPoolExecutor(len(self._members)) as threads:
            free, under_way = deque(self._members), dict[Future, tuple[_Member, Sequence[Any]]]()
            for part in parts:
                member = free.popleft()
                under_way[threads.submit(member.ask, part)] = (member, part)
                if not free:
                    yield from _done(under_way, free)
            while under_way:
                yield from _done(under_way, free)


class _Member:
    def __init__(self, order: bytes) -> None:
        command = [sys.executable, "-m", "audit.verifying.worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=_ROOT
        )
        self._send(order)

    def ask(self, part: Sequence[Any]) -> dict[str, Any]:
        """What the process says of the part. `CrewFailed` when it says nothing more."""
        self._send(orjson.dumps(part))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            words = self._process.stderr.read().decode(errors="replace").strip().splitlines()
            said = [line for line in words if not line[:1].isspace()]
            raise CrewFailed(said[-1] if said else "a process of the check was ended")
        return orjson.loads(line)

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.communicate()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words are read by `ask`


def _done(
    under_way: dict[Future, tuple[_Member, Sequence[Any]]], free: deque[_Member]
) -> Iterator[tuple[Sequence[Any], dict[str, Any]]]:
    ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in ready:
        member, part = under_way.pop(future)
        free.append(member)
        yield part, future.result()
