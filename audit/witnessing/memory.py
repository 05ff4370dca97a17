"""What a witness remembers: for each log one file, the latest checkpoint that it cosigned.

Reading, comparing and replacing is one step under a lock that other threads and other processes on the folder
respect. The new file is on the disk before `replace` returns: a witness that forgot what it signed would sign a fork.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit.witnessing.protocol import origin_digest

LOCK_SECONDS = 5.0
_RETRY_SECONDS = 0.005


class MemoryUnavailable(RuntimeError):
    """The folder cannot be read, written or locked: nothing may be cosigned until it can."""


class Memory:
    """The folder of one witness. Whoever loses it must not go on with the witness's key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Held open: a folder that is taken away and made anew under us is not the one that remembers.
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._remembered: set[str] = set()

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)

    def latest(self, origin: str) -> str | None:
        """The note that was cosigned last for this log; None where none was. `MemoryUnavailable` if it got lost."""
        return self.latest_by_digest(origin_digest(origin))

    def latest_by_digest(self, digest: str) -> str | None:
        """The same, by `origin_digest`."""
        note = self._read(f"{digest}.checkpoint")
        if note is not None:
            self._remembered.add(digest)
        elif digest in self._remembered:
            raise MemoryUnavailable("the checkpoint that was cosigned last is gone")
        return note

    @contextmanager
    def locked(self, origin: str) -> Iterator[None]:
        """Nobody else reads and replaces the log's checkpoint meanwhile. The kernel lets go for a killed process."""
        with _told("locked"):
            name = f"{origin_digest(origin)}.lock"
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=self._folder)
        try:
            with _told("locked"):
                _lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def replace(self, origin: str, note: str) -> None:
        """Remember this note as the latest; only while `locked`. On the disk, or `MemoryUnavailable`."""
        self._write(f"{origin_digest(origin)}.checkpoint", note)
        self._remembered.add(origin_digest(origin))

    def keep_contradiction(self, origin: str, note: str) -> None:
        """Keep a checkpoint that contradicts the latest: with that one it proves a fork. The first is enough."""
        if self.contradiction(origin) is None:
            self._write(f"{origin_digest(origin)}.contradiction", note)

    def contradiction(self, origin: str) -> str | None:
        """A checkpoint that the log signed and that contradicts what was cosigned, where it ever sent one."""
        return self._read(f"{origin_digest(origin)}.contradiction")

    def _read(self, name: str) -> str | None:
        with _told("read"), suppress(FileNotFoundError):
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self._folder)
            with open(descriptor, encoding="utf-8") as file:
                return file.read()
        return None

    def _write(self, name: str, note: str) -> None:
        # Under one name: what a killed process left behind is written over, and never read.
        temporary = f"{name}.new"
        with _told("written"):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=self._folder)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(descriptor)
            os.replace(temporary, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            os.fsync(self._folder)


@contextmanager
def _told(verb: str) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise MemoryUnavailable(f"the witness's folder cannot be {verb}: {error}") from error


def _lock(descriptor: int) -> None:
    """Waits some seconds at most: the holder may be stopped in the middle."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise MemoryUnavailable("another process holds this log's checkpoint") from None
            time.sleep(_RETRY_SECONDS)
