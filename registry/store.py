"""The content-addressed store of artifacts and samples: a file is named by the SHA-256 of its bytes. No Django."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


class StoreError(Exception):
    """What was asked for cannot be used; the message says why."""


class ArtifactMissing(StoreError):
    """There is no file of that digest."""


class ArtifactAltered(StoreError):
    """The file's bytes no longer hash to its name."""


def path_of(root: Path, sha256: str) -> Path:
    """Where the file of that digest lies, whether or not it exists."""
    return root / sha256[:2] / sha256[2:]


def put(root: Path, data: bytes) -> str:
    """Store the bytes and return their SHA-256 in hex; storing the same bytes twice changes nothing.

    The file appears whole or not at all: written beside, synced to disk, then renamed.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    target = path_of(root, sha256)
    if target.exists():
        return sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o444)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    return sha256


def read(root: Path, sha256: str) -> bytes:
    """The bytes, hashed anew: `ArtifactMissing` or `ArtifactAltered` rather than anything that is not them."""
    try:
        data = path_of(root, sha256).read_bytes()
    except FileNotFoundError:
        raise _missing(sha256) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _altered(sha256)
    return data


def verified(root: Path, sha256: str) -> Path:
    """The path of a file whose bytes were hashed anew, not held; `ArtifactMissing` or `ArtifactAltered`."""
    path = path_of(root, sha256)
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise _missing(sha256) from None
    if found != sha256:
        raise _altered(sha256)
    return path


def _missing(sha256: str) -> ArtifactMissing:
    return ArtifactMissing(f"the file {sha256[:12]}… is missing from the store")


def _altered(sha256: str) -> ArtifactAltered:
    return ArtifactAltered(f"the file {sha256[:12]}… no longer hashes to its name")


def _sync_folder(folder: Path) -> None:
    """Make the rename durable too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
