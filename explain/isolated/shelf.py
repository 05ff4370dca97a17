"""Versions made ready for explaining, kept between jobs as far as memory allows."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from explain.methods import OutOfTime, Prepared, prepare
from registry import store
from registry.scoring import frames
from registry.scoring.formats import load
from registry.scoring.manifest import Manifest
from registry.scoring.problems import ArtifactRefused, SampleInvalid, ScoreInvalid
from registry.scoring.remote import Ask
from registry.scoring.samples import read_sample
from registry.scoring.schema import RowValidator, validator

MOST_KEPT = 16
# A loaded model takes about four times its file (measured on forests; sandbox.MEMORY_BYTES).
BYTES_PER_FILE_BYTE = 4


class Refused(Exception):
    """There can be no answer; `code` is for programs, the message for the person at the desk."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class Ready:
    """A version on the shelf; `weight` is about what it takes of memory, in bytes."""

    manifest: Manifest
    prepared: Prepared
    check: RowValidator
    weight: int


class Shelf:
    """The versions used last. What does not fit into `limit` bytes goes, the least used first; one always stays."""

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit
        # How a model is asked that is served elsewhere; of the job at hand.
        self.ask: Ask | None = None
        self.kept: OrderedDict[str, Ready] = OrderedDict()

    def ready(self, version: Mapping[str, Any], seconds: float) -> Ready:
        """The version, from memory or loaded anew by digest; `Refused` where that cannot be.

        One whose background could not be scored within `seconds` is not kept: next time there may be more. Nor is one
        that is served elsewhere: what answers there may be another model by then.
        """
        key = json.dumps(version, sort_keys=True)
        found = self.kept.pop(key, None) or self._load(version, seconds)
        if found.manifest.model.is_remote or not found.prepared.whole:
            return found
        self.kept[key] = found
        while len(self.kept) > 1 and (self.weight > self.limit or len(self.kept) > MOST_KEPT):
            self.kept.popitem(last=False)
        return found

    @property
    def weight(self) -> int:
        """About what all of them take, in bytes."""
        return sum(each.weight for each in self.kept.values())

    def _load(self, version: Mapping[str, Any], seconds: float) -> Ready:
        manifest = Manifest.parse(version["manifest"])
        data = self._read("artifact_missing", "The model that made this decision", version["artifact_sha256"])
        sample = self._read("background_missing", "The sample to compare with", version["background_sha256"])
        try:
            scorer = load(data, manifest, self.ask)
            background = read_sample(sample, manifest.inputs)
            prepared = prepare(
                manifest.inputs,
                scorer,
                background,
                frames,
                population=version["population"],
                background_sha256=version["background_sha256"],
                regression=not manifest.is_classifier,
                seconds=seconds,
            )
        except ArtifactRefused as error:
            words = f"The model that made this decision cannot be opened: {error.message}"
            raise Refused("artifact_missing", words) from error
        except SampleInvalid as error:
            raise Refused("background_missing", f"The sample to compare with cannot be read: {error}") from error
        except ScoreInvalid as error:
            words = f"The model does not answer about the people of its own comparison sample: {error}"
            if manifest.model.is_remote:
                words = f"The model is served elsewhere, and gave no scores now: {error}"
            raise Refused("no_score", f"{words}.") from error
        except OutOfTime as error:
            raise Refused("too_slow", f"The model is too slow to be explained within the minute: {error}.") from error
        except MemoryError as error:
            raise Refused("too_large", "The model needs more memory than an explanation may use.") from error
        weight = BYTES_PER_FILE_BYTE * len(data) + bytes_of(prepared)
        return Ready(manifest, prepared, validator(manifest.inputs), weight)

    def _read(self, code: str, what: str, digest: str) -> bytes:
        try:
            return store.read(self.root, digest)
        except store.StoreError as error:
            raise Refused(code, f"{what} cannot be loaded: {error}.") from error


def bytes_of(prepared: Prepared) -> int:
    """The arrays that were made for explaining: the coded background and, for trees, the table of leaves."""
    table = getattr(prepared.methods.exact, "table", None)
    parts = [] if table is None else [getattr(table, each.name) for each in fields(table)]
    conditions = [] if table is None else [getattr(table.conditions, each.name) for each in fields(table.conditions)]
    arrays = [part for part in (*parts, *conditions, prepared.subject.codes) if isinstance(part, np.ndarray)]
    return int(sum(array.nbytes for array in arrays))
