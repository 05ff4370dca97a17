"""Files that must survive a crash: written whole or not at all, and on disk when the call returns. Pure."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(file: Path, text: str) -> None:
    """The whole text or what was there before, whatever happens; mode 0600, its folder 0700 where it is made."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f".{file.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as writing:
        writing.write(text)
        writing.flush()
        os.fsync(writing.fileno())
    os.replace(beside, file)
    sync(file.parent)


def append_durably(file: Path, text: str) -> None:
    """Add whole lines; a line that a crash cut off before does not swallow the next one."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (b"\n" if torn else b"") + text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync(file.parent)


def destroy(file: Path) -> None:
    """Overwritten, then removed: the best that a file system offers (one that copies on write may keep the blocks)."""
    with file.open("r+b") as writing:
        writing.write(b"0" * file.stat().st_size)
        writing.flush()
        os.fsync(writing.fileno())
    os.unlink(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """A file's bytes, or a folder's names, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
