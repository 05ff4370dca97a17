"""What a process gives up before it opens a stranger's file: memory, time, files, network, programs.

Layers that the kernel does not offer are left out and not named in the answer, so that a reader of the
evidence sees which were active. Linux only, as are seccomp and Landlock; limits work on every Unix.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_DIE_WITH_PARENT, _NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 1, 38, 22, 2
_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | 1  # EPERM
_JUMP_EQUAL, _LOAD, _RETURN = 0x15, 0x20, 0x06

# socket, connect, bind, fork, vfork, execve, kill, ptrace, mount, unshare, setns, keyctl, perf_event_open,
# process_vm_readv/writev, bpf, execveat, userfaultfd, io_uring_setup, pidfd_open. Not clone: threads need it.
_DENIED = {
    "x86_64": (
        0xC000003E,
        (41, 42, 49, 57, 58, 59, 62, 101, 165, 272, 308, 250, 298, 310, 311, 321, 322, 323, 425, 434),
    ),
    "aarch64": (
        0xC00000B7,
        (198, 203, 200, 221, 129, 117, 40, 97, 268, 219, 241, 270, 271, 280, 281, 282, 425, 434),
    ),
}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
# Every right of Landlock's first version; of them, execute, read file and read directory.
_ALL_ACCESS, _READ = (1 << 13) - 1, 0b1101


def confine(memory_bytes: int, cpu_s: int, answer: int, files: int, readable: Sequence[str] = ()) -> list[str]:
    """Give up for good what reading a model does not need; return the layers that are now active.

    `readable` are folders that may be read besides the program's own.
    """
    _limit(memory_bytes, cpu_s, answer, files)
    layers = ["rlimits"]
    if sys.platform != "linux":
        return layers
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        layers += ["landlock"] if _landlock(libc, [*_readable(), *readable]) else []
        layers += ["seccomp"] if _seccomp(libc) else []
    return layers


def die_with_parent() -> None:
    """Be killed when whoever waits for the answer is: a lost worker must not leave its sandboxes behind. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def _limit(memory_bytes: int, cpu_s: int, answer: int, files: int) -> None:
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: answer,
        resource.RLIMIT_NOFILE: files,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in _DENIED:
        return False
    architecture, denied = _DENIED[machine]
    program = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _DENY),
        (_LOAD, 0, 0, 0),
    ]
    for position, number in enumerate(denied):
        # Forward to the last instruction, over the rest of the numbers and the one that allows.
        program.append((_JUMP_EQUAL, len(denied) - position, 0, number))
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, header, 0, 0) == 0)


def _landlock(libc: ctypes.CDLL, readable: Sequence[str]) -> bool:
    """Leave only these folders readable: the portal's secrets and data lie elsewhere."""
    attributes = struct.pack("Q", _ALL_ACCESS)
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    for folder in readable:
        handle = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        libc.syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", _READ, handle), 0)
        os.close(handle)
    done = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return bool(done)


def _readable() -> list[str]:
    code = Path(__file__).resolve().parent
    paths = {
        sys.prefix,
        sys.base_prefix,
        str(code),
        "/usr",
        "/lib",
        "/lib64",
        # Of /proc only what is our own: the portal's environment holds secrets.
        f"/proc/{os.getpid()}",
        "/sys/devices/system/cpu",
    }
    return sorted(path for path in paths if os.path.isdir(path))
