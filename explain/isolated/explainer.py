"""The hand that holds the process apart: starts it, asks it, and ends it when it is late."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from registry.scoring.forking import Program, server
from registry.scoring.problems import ScoreInvalid
from registry.scoring.remote import Ask

Message = dict[str, Any]
Hear = Callable[[Message], None]

# Imports and confinement of a new process, or the end of a job that warms up, on a busy machine (s).
START_S = 20.0
LAST_WORDS = frozenset({"report", "answer", "warmed", "refused", "fault"})


class Lost(Exception):
    """The process was ended, or ended itself, before it answered; the message says how. `was_late` if by us."""

    def __init__(self, message: str, *, was_late: bool) -> None:
        self.was_late = was_late
        super().__init__(message)


class Explainer:
    """One process apart, started when it is first needed and again after it was lost. One question at a time."""

    def __init__(self, store: Path, *, memory_bytes: int, warm_bytes: int, idle_s: float | None = None) -> None:
        self.store = store
        limits = {"memory_bytes": memory_bytes, "warm_bytes": warm_bytes, "idle_s": idle_s}
        self._settings = {"store": str(store.resolve()), **limits}
        self._process: Program | None = None
        self._stdin = self._stdout = -1
        self._rest, self._outbox = b"", b""
        self._numbers = count(1)
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, or None where there is no process."""
        return self._process.pid if self._process is not None and self._is_running else None

    def ask(
        self, job: Mapping[str, Any], seconds: float, hear: Hear = lambda message: None, call: Ask | None = None
    ) -> Message:
        """The last message about the job; `hear` is given those before. `Lost` when there is none in time.

        `call` asks the version's model where it is served elsewhere: the process itself reaches no network.

        A process that is late is ended: what it is doing then cannot be known, and cannot be stopped otherwise.
        """
        deadline = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise Lost("Others were being answered all the time.", was_late=True)
        try:
            return self._ask({**job, "id": next(self._numbers)}, deadline, hear, call)
        except BaseException:
            # Whatever interrupts a question, no half of its answer may be taken for the next one's.
            self.stop()
            raise
        finally:
            self._lock.release()

    def warm(self, versions: list[Mapping[str, Any]]) -> None:
        """Have the process start, and prepare these versions while nobody asks; does not wait for it."""
        with self._lock:
            # A model that is served elsewhere is asked when somebody waits, and not kept.
            for version in versions:
                if version["manifest"]["model"]["format"] == "remote":
                    continue
                self._send({"kind": "warm", "version": dict(version), "id": next(self._numbers)})

    def stop(self) -> None:
        """End the process and all that it holds."""
        if self._process is None:
            return
        self._process.end()
        for stream in (self._stdin, self._stdout):
            os.close(stream)
        self._process, self._rest, self._outbox = None, b"", b""

    @property
    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _ask(self, job: Message, deadline: float, hear: Hear, call: Ask | None) -> Message:
        self._begin(job)
        started = time.monotonic()
        has_begun = False
        while True:
            # A job that does not begin waits behind one that warms up and hangs.
            until = deadline if has_begun else min(deadline, started + START_S)
            message = self._hear(until)
            if message is None and not has_begun and time.monotonic() < deadline:
                self.stop()
                self._send(job)
                started = time.monotonic()
            elif message is None:
                raise Lost("The time was over.", was_late=True)
            elif message["id"] != job["id"]:
                continue
            elif message["say"] in LAST_WORDS:
                return message
            elif message["say"] == "began":
                has_begun = True
            elif message["say"] == "ask":
                self._send(_told(message.get("body"), call))
            else:
                hear(message)

    def _begin(self, job: Message) -> None:
        try:
            self._send(job)
        except Lost:
            # It died while nobody asked, and word of it was still on its way: that costs no job its only try.
            self.stop()
            self._send(job)

    def _send(self, job: Message) -> None:
        """Give the job to the process, as far as it takes it now; the rest goes while its answer is awaited.

        A process in the middle of a job reads nothing, and a wide version's manifest is larger than a pipe.
        """
        if not self._is_running:
            self.stop()
            self._start()
        self._outbox += json.dumps(job).encode() + b"\n"
        self._write()

    def _write(self) -> None:
        try:
            written = os.write(self._stdin, self._outbox) if self._outbox else 0
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            raise self._lost() from None
        self._outbox = self._outbox[written:]

    def _hear(self, until: float) -> Message | None:
        """The next message; None when it does not come in time. `Lost` when the process is gone."""
        incoming, outgoing = self._stdout, self._stdin
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            ready = select.select([incoming], [outgoing] if self._outbox else [], [], max(0.0, left))
            if left <= 0 or not (ready[0] or ready[1]):
                return None
            if ready[1]:
                self._write()
            if ready[0]:
                data = os.read(incoming, 1 << 20)
                if not data:
                    raise self._lost()
                self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return dict(json.loads(line))

    def _start(self) -> None:
        theirs, self._stdin = os.pipe()
        self._stdout, answers = os.pipe()
        os.set_blocking(self._stdin, False)
        self._process = server.start("explain.isolated.program", "", theirs, answers)
        for end in (theirs, answers):
            os.close(end)
        self._send(self._settings)

    def _lost(self) -> Lost:
        assert self._process is not None
        self._process.end()
        assert self._process.returncode is not None
        return Lost(_how_it_ended(self._process.returncode), was_late=False)


def _told(body: object, call: Ask | None) -> Message:
    """What comes of asking a model elsewhere, for the process that may not."""
    try:
        if call is None:
            raise ScoreInvalid("this version's model is not one that may be asked")
        return {"kind": "told", "body": b64encode(call(_question(body))).decode()}
    except ScoreInvalid as problem:
        return {"kind": "told", "problem": str(problem)}


def _question(body: object) -> bytes:
    """The bytes to ask; a captured process may have sent anything."""
    try:
        return b64decode(str(body), validate=True)
    except ValueError:
        raise ScoreInvalid("what was to be asked is no question") from None


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGKILL:
        return "The process that explained was ended by the system, most likely for memory."
    if status == -signal.SIGXCPU:
        return "The process that explained used up its processor time."
    if status < 0:
        return f"The process that explained crashed ({signal.Signals(-status).name})."
    return f"The process that explained ended (status {status})."
