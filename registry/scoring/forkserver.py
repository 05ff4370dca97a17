"""The process that confined programs are forked from: it imports libraries once, and never sees an artifact or a job.

    asked at 0   {"program", "format"} as JSON, with three descriptors: the channel, the program's input, its output
    channel      says the process id, then the exit status, a line each; closing it ends the program

One thread, and nothing is ever computed here: after a prediction with two threads a forked child would hang (measured).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
from typing import NoReturn

import numpy as np

from .confined import LIBRARIES, import_first
from .confinement import die_with_parent

# After so long without a program there are no copies of the libraries in memory any more (s).
IDLE_S = 300.0
INBOX, MOST_FILES = 0, 4096

# Process id to channel.
Running = dict[int, int]


def main() -> None:
    """Serve until whoever started this is gone, or has asked for nothing for long; no program outlives it."""
    inbox = socket.socket(fileno=INBOX)
    bell, ringer = os.pipe()
    for end in (bell, ringer):
        os.set_blocking(end, False)
    # Without a handler no signal would be written there.
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    running: Running = {}
    while ready := select.select([INBOX, bell, *running.values()], [], [], None if running else IDLE_S)[0]:
        if bell in ready:
            os.read(bell, 4096)
        for pid, channel in list(running.items()):
            if channel in ready:
                _kill(pid)
            _collect(running, pid, 0 if channel in ready else os.WNOHANG)
        if INBOX in ready:
            message, descriptors, _, _ = socket.recv_fds(inbox, 4096, 3)
            if not message:
                break
            _begin(running, json.loads(message), *descriptors)
    for pid in list(running):
        _kill(pid)


def _begin(running: Running, asked: dict[str, str], channel: int, stdin: int, stdout: int) -> None:
    # What cannot be imported fails in the program, where it is somebody's outcome.
    with contextlib.suppress(Exception):
        _import(asked["program"], asked["format"])
    pid = os.fork()
    if pid == 0:
        _become(asked["program"], stdin, stdout)
    os.close(stdin)
    os.close(stdout)
    running[pid] = channel
    _say(channel, pid)


def _import(program: str, format_name: str) -> None:
    before = len(sys.modules)
    importlib.import_module(program)
    if format_name in LIBRARIES:
        import_first(format_name)
    if len(sys.modules) > before:
        # What is here now stays: no collection in a child need touch, and so copy, its pages.
        gc.collect()
        gc.freeze()


def _become(program: str, stdin: int, stdout: int) -> NoReturn:
    """Be that program, with its two files and no other, as if started anew."""
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent()
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.closerange(3, MOST_FILES)
        # Else every program would draw the same numbers.
        random.seed()
        np.random.seed()
        importlib.import_module(program).main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


def _collect(running: Running, pid: int, options: int) -> None:
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | options) is None:
        return
    # A captured program may have started others. Its number is nobody else's until it is waited for.
    _kill(pid)
    _, status = os.waitpid(pid, 0)
    channel = running.pop(pid)
    _say(channel, os.waitstatus_to_exitcode(status))
    os.close(channel)


def _kill(pid: int) -> None:
    """The program and its group; it may not have made its group yet, and either may be gone."""
    for kill in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _say(channel: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(channel, b"%d\n" % number)


if __name__ == "__main__":
    main()
