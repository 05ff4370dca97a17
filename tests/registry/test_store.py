"""The store gives the bytes that hash to their name, or says why not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from registry import store


def test_bytes_come_back_by_their_digest(tmp_path: Path) -> None:
    digest = store.put(tmp_path, b"artifact")
    assert digest == hashlib.sha256(b"artifact").hexdigest() == store.put(tmp_path, b"artifact")
    assert store.read(tmp_path, digest) == b"artifact" == store.verified(tmp_path, digest).read_bytes()
    file = store.path_of(tmp_path, digest)
    assert file.stat().st_mode & 0o777 == 0o444
    assert [item for item in tmp_path.rglob("*") if item.is_file()] == [file]


def test_altered_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    digest = store.put(tmp_path, b"artifact")
    file = store.path_of(tmp_path, digest)
    file.chmod(0o644)
    file.write_bytes(b"artifice")
    for reading in (store.read, store.verified):
        with pytest.raises(store.ArtifactAltered):
            reading(tmp_path, digest)
    file.unlink()
    for reading in (store.read, store.verified):
        with pytest.raises(store.ArtifactMissing):
            reading(tmp_path, digest)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(tmp_path, b"artifact")
    assert not [item for item in tmp_path.rglob("*") if item.is_file()]
