"""Versions kept prepared: as many as memory allows, the least used first to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from explain.isolated.shelf import Refused, Shelf, bytes_of
from registry import store

from . import artifacts
from .artifacts import version

GENEROUS = 10**9


def test_a_version_is_prepared_once(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, GENEROUS)
    about = version(tmp_path, "onnx", artifacts.steady())
    first = shelf.ready(about, 30.0)
    assert shelf.ready(dict(about), 30.0) is first
    other = shelf.ready(version(tmp_path, "onnx", artifacts.steady(), rows=250), 30.0)
    assert other is not first and len(shelf.kept) == 2


def test_what_does_not_fit_goes_the_least_used_first(tmp_path: Path) -> None:
    abouts = [version(tmp_path, "onnx", artifacts.steady(), rows=rows) for rows in (200, 250, 300)]
    shelf = Shelf(tmp_path, GENEROUS)
    first, second, _ = [shelf.ready(about, 30.0) for about in abouts]
    shelf.limit = shelf.weight - 1
    assert shelf.ready(abouts[0], 30.0) is first
    assert len(shelf.kept) == 2 and shelf.weight <= shelf.limit
    assert shelf.ready(abouts[1], 30.0) is not second
    shelf.limit = 0
    assert shelf.ready(abouts[2], 30.0).prepared.whole and len(shelf.kept) == 1


def test_the_weight_grows_with_model_and_background(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, GENEROUS)
    small = shelf.ready(version(tmp_path, "onnx", artifacts.steady(), rows=200), 30.0)
    large = shelf.ready(version(tmp_path, "onnx", artifacts.slow(3), rows=400), 30.0)
    assert bytes_of(small.prepared) == 200 * 3 * 8
    assert large.weight > small.weight + 4 * 4 * artifacts.WIDTH**2


def test_a_version_that_could_not_be_prepared_whole_is_not_kept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, GENEROUS)
    about = version(tmp_path, "onnx", artifacts.slow(40), rows=1_000)
    pace = shelf.ready(about, 60.0).prepared.subject.pace
    shelf.kept.clear()
    ready = shelf.ready(about, pace.seconds_for(600))
    assert not ready.prepared.whole and not shelf.kept


GONE = [("artifact_sha256", "artifact_missing"), ("background_sha256", "background_missing")]


@pytest.mark.parametrize("part,code", GONE)
def test_files_that_are_gone_or_altered_are_told(tmp_path: Path, part: str, code: str) -> None:
    about = version(tmp_path, "onnx", artifacts.steady())
    file = store.path_of(tmp_path, about[part])
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Refused, match="no longer hashes") as altered:
        Shelf(tmp_path, GENEROUS).ready(about, 30.0)
    file.unlink()
    with pytest.raises(Refused, match="is missing") as gone:
        Shelf(tmp_path, GENEROUS).ready(about, 30.0)
    assert altered.value.code == gone.value.code == code
