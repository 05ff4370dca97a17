"""Months that retention dropped: which leaves have no entry any more, by the word of entries that are still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import psycopg

from audit.identifiers import first_id_at
from audit.verifying.report import NotProvable, Report

DROP = "retention.drop"
# As in `engine`: an id is made somewhat before its entry's place in the chain.
_SLACK = timedelta(minutes=5)


@dataclass
class Dropped:
    """The dropped months, and how many of their leaves were found without an entry."""

    months: list[tuple[str, str]] = field(default_factory=list)  # ids from some minutes before to some after
    ranges: list[tuple[int, int]] = field(default_factory=list)
    rows: int = 0
    missing: int = 0

    def touches(self, low: str, high: str) -> bool:
        """Whether a dropped month reaches into the ids from `low` to `high`."""
        return any(low < end and high > start for start, end in self.months)

    def unexplained(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Of the leaves `low`..`high`, those that are in no dropped month."""
        for start, end in sorted(self.ranges):
            if end < low or start > high:
                continue
            if start > low:
                yield low, start - 1
            self.missing += min(end, high) - max(start, low) + 1
            low = end + 1
        if low <= high:
            yield low, high

    def compare(self, report: Report) -> None:
        """The dropped months must be as many leaves as were found without an entry."""
        if self.missing != self.rows:
            what = f"retention dropped {self.rows} entries, and {self.missing} leaves of those months have no entry"
            report.contradict(None, what)


def dropped_months(connection: psycopg.Connection, report: Report) -> Dropped:
    """What `audit_archive` says was dropped, as far as an entry of the trail says the same; the rest contradicts."""
    dropped = Dropped()
    rows = connection.execute(
        "select a.month, a.rows, a.manifest_sha256, a.folder, a.dropped_at, e.type, e.entry from audit_archive a"
        " left join audit_entry e on e.id = a.drop_entry where a.dropped_at is not null order by a.month"
    ).fetchall()
    for month, number, manifest, folder, dropped_at, kind, entry in rows:
        said = _details(entry) if kind == DROP else {}
        if (said.get("month"), said.get("rows"), said.get("manifest_sha256")) != (
            f"{month:%Y-%m}",
            number,
            manifest.hex(),
        ):
            report.contradict(None, f"the month {month:%Y-%m} was dropped, and no entry of the trail announced that")
            continue
        dropped.rows += number
        dropped.ranges += [(low, high) for low, high in said["leaf_ranges"]]
        dropped.months.append((str(first_id_at(_start(month) - _SLACK)), str(first_id_at(_end(month) + _SLACK))))
        what = f"what the {number} entries of {month:%Y-%m} say"
        why = f"dropped by retention on {dropped_at:%Y-%m-%d}; their hashes are in the tree, they are in {folder}"
        report.not_provable.append(NotProvable(what, why))
    return dropped


def _details(entry: bytes) -> dict[str, Any]:
    try:
        return orjson.loads(entry)["details"]
    except (ValueError, KeyError, TypeError):
        return {}


def _start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def _end(month: date) -> datetime:
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
