"""The last signed checkpoint, kept outside the database: what tells that the database was set back."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.sealing.errors import Waiting

NAME = "last_signed"
_LOCK_SECONDS = 2.0


class LastSigned:
    """`<folder>/last_signed`, a signed note. OSError is the disk's answer to each reading and writing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._lock = folder / "lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other sealer of this machine compares or writes meanwhile; `Waiting` when one does not let go."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock.open("a") as lock:
            until = time.monotonic() + _LOCK_SECONDS
            while not _locked(lock.fileno()):
                if time.monotonic() > until:
                    raise Waiting(f"Another sealer on this machine holds {self._lock} and does not go on.")
                time.sleep(0.05)
            yield

    def read(self) -> str | None:
        """The note; None where there is no file."""
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, note: str) -> None:
        """Replace the note, on disk for certain; after a failure or a crash the old one stands."""
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def mark(self) -> tuple[int, int] | None:
        """Something that is another once the file was replaced."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
