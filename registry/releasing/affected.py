"""Every decision that a rollback's target would make otherwise, as lines of CSV for review."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from threading import BoundedSemaphore
from uuid import UUID

from portal.errors import Conflict
from registry.models import Release, Version
from registry.releasing.preview import population_of
from registry.releasing.rescoring import Flip, Tally, Target

COLUMNS = ("decision", "at", "label", "score", "label_then", "score_then", "towards")
# It goes through all decisions since the release, however many those are: one at a time, of the web's few threads.
_one = BoundedSemaphore(1)


class AffectedLines:
    """Chunks of CSV, a batch of decisions at a time, `without` those that the reader may not see yet; to be closed.

    `Conflict` while another list is being made, or when the target's artifact cannot be used.
    """

    def __init__(self, release: Release, target: Version, without: frozenset[UUID] = frozenset()) -> None:
        by = Target(target)
        if not _one.acquire(blocking=False):
            raise Conflict("Another list is being made at the moment. Try again in a minute.", code="busy")
        self._holds = True
        self._chunks = _chunks(release, by, without)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._chunks)

    def close(self) -> None:
        """Let the next one begin, whether or not this one came to its end."""
        if self._holds:
            self._holds = False
            self._chunks.close()
            _one.release()


def _chunks(release: Release, target: Target, without: frozenset[UUID]):
    yield _lines([COLUMNS])
    tally = Tally()
    for batch in population_of(release).batches():
        flips = target.decide_again(batch, tally)
        yield _lines(_row(flip) for flip in flips if flip.decision not in without)
        tally.flips.clear()


def _row(flip: Flip) -> list[str | float]:
    at = flip.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    labels = [_plain(label or "") for label in (flip.label, flip.label_then, flip.towards)]
    return [str(flip.decision), at, labels[0], flip.score, labels[1], flip.score_then, labels[2]]


def _plain(text: str) -> str:
    """A label that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
