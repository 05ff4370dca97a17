"""The last checkpoint that was signed, kept outside the database: what a restored backup cannot take back.

One file, the signed note itself. It is replaced as a whole and forced to the disk before anything is published.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.log.checkpoints import Checkpoint, CheckpointInvalid, open_checkpoint
from audit.log.notes import NoteInvalid, NoteVerifier


class LastSignedUnreadable(Exception):
    """The file is there and holds no checkpoint that this log signed."""


class LastSigned:
    """The file `last_signed` in the trail's folder."""

    def __init__(self, folder: Path, log: NoteVerifier) -> None:
        self.path = folder / "last_signed"
        self._folder = folder
        self._log = log

    @contextmanager
    def held(self) -> Iterator[None]:
        """Reading and replacing under a lock: two sealers on one machine must not put it back. OSError when full."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "last_signed.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self) -> Checkpoint | None:
        """The checkpoint; None where none was ever kept. `LastSignedUnreadable` for anything else in the file."""
        try:
            note = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return open_checkpoint(note, self._log)
        except (NoteInvalid, CheckpointInvalid) as error:
            raise LastSignedUnreadable(f"{self.path} holds no checkpoint of this log: {error}") from error

    def write(self, note: str) -> None:
        """Replace it; on return it is on the disk. OSError leaves the one before in place."""
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
