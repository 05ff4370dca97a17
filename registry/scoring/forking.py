"""Starts confined programs by forking them from a process that has the libraries: 0.1 s instead of 2 s."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# What the libraries may take to be imported on a busy machine (s).
START_S = 60.0
STOP_S = 5.0


class NotStarted(Exception):
    """The program was asked for and never ran: its fork server was lost before."""


class Program:
    """A confined program that was asked for. Its exit status is as of `Popen`: negative for a signal."""

    def __init__(self, channel: socket.socket) -> None:
        self.returncode: int | None = None
        self._pid: int | None = None
        self._channel = channel

    @property
    def pid(self) -> int:
        """The process id; waits until there is a process. `NotStarted` where there was none."""
        if self._pid is None and self.returncode is None:
            self._hears(START_S)
        if self._pid is None:
            raise NotStarted
        return self._pid

    def poll(self) -> int | None:
        """The exit status; None while it runs or is about to."""
        while self.returncode is None and self._hears(0.0):
            pass
        return self.returncode

    def wait(self, seconds: float) -> int | None:
        """The exit status; None where it still runs so long after it was started. `NotStarted` where it never was."""
        if self.pid and self.returncode is None:
            self._hears(seconds)
        return self.returncode

    def end(self) -> None:
        """Kill it and whatever it started; returns when it is gone."""
        if self.returncode is None:
            with contextlib.suppress(OSError):
                self._channel.shutdown(socket.SHUT_WR)
        while self.returncode is None and self._hears(START_S):
            pass
        self._channel.close()

    def _hears(self, seconds: float) -> bool:
        """Whether the server said in time what comes next: the process id, then the status."""
        self._channel.settimeout(seconds)
        try:
            line = _line(self._channel)
        except (TimeoutError, BlockingIOError):
            return False
        if not line:
            # The kernel kills a program whose server is gone.
            self.returncode = -signal.SIGKILL
        elif self._pid is None:
            self._pid = int(line)
        else:
            self.returncode = int(line)
        return True


class ForkServer:
    """Started when first needed, again when it was lost, and never used across a fork. Mostly one for each process.

    Programs of the same server share its hash seed and its addresses; those of two servers share nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the one that was started last."""
        return None if self._process is None else self._process.pid

    def start(self, program: str, format_name: str, stdin: int, stdout: int) -> Program:
        """Have a module's `main` run with these two files and a format's libraries; does not wait for it."""
        asked = json.dumps({"program": program, "format": format_name}).encode()
        ours, theirs = socket.socketpair()
        descriptors = [theirs.fileno(), stdin, stdout]
        with theirs, self._lock:
            try:
                # One message at a time: none is glued to the next, since descriptors come with each.
                socket.send_fds(self._inbox or self._launched(), [asked], descriptors)
            except OSError:
                self.stop()
                socket.send_fds(self._launched(), [asked], descriptors)
        return Program(ours)

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and with it every program that it started."""
        if self._inbox is None or self._process is None:
            return
        self._inbox.close()
        self._inbox = None
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """In a forked child: the server is the parent's, and must see it die."""
        if self._inbox is not None:
            self._inbox.close()
        self._inbox, self._lock = None, threading.Lock()

    def _launched(self) -> socket.socket:
        self._inbox, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-m", "registry.scoring.forkserver"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(),
                cwd=PROJECT,
                start_new_session=True,
            )
        return self._inbox


def environment() -> dict[str, str]:
    """What a confined program gets: nothing of ours but the path, as the environment of a portal holds secrets."""
    single = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "ARROW", "POLARS_MAX")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "MALLOC_ARENA_MAX": "2",
        "CUDA_VISIBLE_DEVICES": "",
        "NUMBA_DISABLE_JIT": "1",
        # A fork takes no threads along; pyarrow's allocator would start one.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        **{f"{name}_NUM_THREADS": "1" for name in single},
    }


def _line(channel: socket.socket) -> bytes:
    """The next line, without its end; empty where there is none any more. Lines are short: no half of one is sent."""
    line = b""
    while not line.endswith(b"\n"):
        byte = channel.recv(1)
        if not byte:
            return b""
        line += byte
    return line[:-1]


server = ForkServer()
atexit.register(server.stop)
os.register_at_fork(after_in_child=server.forget)
