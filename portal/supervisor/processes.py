"""A set of child processes that lives and dies together: prefixed output, ordered stop, no orphans."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
# Seconds that a process has to stop by itself before it is killed.
STOP_SECONDS = 25.0


@dataclass(frozen=True)
class Program:
    """What to run: `stop` asks it to end, `orphaned` is what the kernel sends it if the supervisor is killed."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None
    stop: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGTERM
    # Where its output goes; without one it is told line by line under the program's name.
    log: Path | None = None


class Family:
    """Running programs, in the order in which they were started; stopped in the opposite order."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self, program: Program) -> subprocess.Popen[bytes]:
        """Start the program as a child; call from the main thread only (the kernel watches the starting thread)."""
        account: dict[str, Any] = {}
        if program.uid is not None:
            account = {"user": program.uid, "group": program.gid, "extra_groups": []}
        output = program.log.open("ab") if program.log else None
        process = subprocess.Popen(
            program.command,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops in order.
            start_new_session=True,
            preexec_fn=lambda: _die_with_parent(program.orphaned),
            **account,
        )
        self._running.append((program, process))
        if output:
            output.close()
        else:
            threading.Thread(target=self._relay, args=(program.name, process), daemon=True).start()
        return process

    def pids(self) -> list[int]:
        """The process ids of everything started, which are also those of their groups."""
        return [process.pid for _, process in self._running]

    def ended(self) -> tuple[str, int] | None:
        """Name and exit code of a program that ended by itself, if any did."""
        for program, process in self._running:
            if process.poll() is not None:
                return program.name, process.returncode
        return None

    def stop(self) -> None:
        """Stop everything, last started first; whoever does not stop in time is killed with its group."""
        for program, process in reversed(self._running):
            if process.poll() is None:
                process.send_signal(program.stop)
                _wait(process, STOP_SECONDS)
            kill_group(process.pid)
        self._running.clear()

    def _relay(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self._say(name, line.decode("utf-8", errors="replace").rstrip())


def _die_with_parent(signal_number: int) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number))


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def kill_group(pid: int) -> None:
    """Kill what is left of the group; nothing to do is no error."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
