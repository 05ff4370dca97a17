"""The trail as a table, for those who count: Parquet with the hashed bytes, and CSV for a spreadsheet.

Both hold what is sealed below one checkpoint, whose size and root they name, so that two exports can be compared. What
was committed in the last seconds and waits to be sealed is left out, and counted.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from audit import proofs
from audit.exports import queries
from audit.models import Checkpoint, Entry
from audit.records import Part, timestamp
from portal.errors import Conflict

ROWS_OF_GROUP = 128 * 1024
# A group is held in memory until it is written.
BYTES_OF_GROUP = 64 * 1024 * 1024
# Spreadsheets take what begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
DISCLOSED_COLUMNS = ("subject", "inputs", "output")
_COPIED = (
    *("type", "system", "version", "release", "status", "mode", "label", "score_ppm", "latency_us", "actor"),
    *("request_id", "object"),
)
CSV_COLUMNS = (
    *("id", "at", "system", "version", "release", "status", "mode", "label", "score", "latency_us", "actor"),
    *("request_id", "features", "artifact_sha256", "error", "leaf_index", "leaf_hash"),
)
Step = Callable[[float], None]


@dataclass(frozen=True)
class Wanted:
    """Which entries, and whether with what people sent and were answered."""

    system: str
    since: datetime
    until: datetime
    disclose: bool

    @property
    def redaction(self) -> str:
        """What is left out, in a word for programs."""
        return queries.DISCLOSED if self.disclose else queries.REDACTED


class Table:
    """The rows of an export in the order of their ids, some thousand at a time, under the newest checkpoint."""

    def __init__(self, wanted: Wanted, step: Step, *, only_decisions: bool) -> None:
        self.wanted, self.head = wanted, _newest()
        self.facts = self._facts()
        self.rows = self.unsealed = 0
        self._step, self._only_decisions = step, only_decisions

    def chunks(self) -> Iterator[list[dict[str, Any]]]:
        """Each row holds every column that any format has."""
        wanted = self.wanted
        end = min(wanted.until, timezone.now())
        for entries in queries.entries_between(
            wanted.system, wanted.since, wanted.until, only_decisions=self._only_decisions
        ):
            places = queries.leaves_of(entries)
            kept = [entry for entry in entries if places.get(entry.id, self.head.size) < self.head.size]
            self.unsealed += len(entries) - len(kept)
            self.rows += len(kept)
            disclosed = _disclosed(kept) if wanted.disclose else {}
            yield [{**_row(entry, places[entry.id]), **disclosed.get(entry.id, {})} for entry in kept]
            self._step((entries[-1].at - wanted.since) / (end - wanted.since))

    def result(self) -> dict[str, Any]:
        """What the job keeps of it."""
        names = ("size", "root", "key_id")
        return {"rows": self.rows, "unsealed": self.unsealed, **{name: self.facts[name] for name in names}}

    def _facts(self) -> dict[str, Any]:
        """What the file says of itself."""
        return {
            "origin": settings.LOG_ORIGIN,
            "size": self.head.size,
            "root": self.head.root_hex,
            "key_id": proofs.log_signer().key_id.hex(),
            "checkpoint": proofs.note_of(self.head),
            "system": self.wanted.system,
            "since": timestamp(self.wanted.since),
            "until": timestamp(self.wanted.until),
            "redaction": self.wanted.redaction,
        }


def write_parquet(target: Path, wanted: Wanted, step: Step) -> dict[str, Any]:
    """Every entry of the system, decisions and acts, with its hashed bytes; zstd, groups of at most 128 Ki rows.

    Gives rows, unsealed, size, root and key_id. `Conflict` while nothing is sealed.
    """
    import pyarrow as pa  # here, since only exports need it
    import pyarrow.parquet as pq

    table = Table(wanted, step, only_decisions=False)
    schema = _schema(wanted.disclose, table.facts)
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in table.chunks():
            waiting.append(pa.RecordBatch.from_pylist(rows, schema=schema))
            number, size = sum(batch.num_rows for batch in waiting), sum(batch.nbytes for batch in waiting)
            if number + queries.CHUNK > ROWS_OF_GROUP or size > BYTES_OF_GROUP:
                writer.write_table(pa.Table.from_batches(waiting, schema), row_group_size=ROWS_OF_GROUP)
                waiting.clear()
        writer.write_table(pa.Table.from_batches(waiting, schema), row_group_size=ROWS_OF_GROUP)
        writer.add_key_value_metadata({"rows": str(table.rows), "unsealed": str(table.unsealed)})
    return table.result()


def write_csv(target: Path, wanted: Wanted, step: Step) -> dict[str, Any]:
    """The system's decisions as `decisions.csv` in a zip, beside a `manifest.json` that says of which log they are.

    Text that a spreadsheet would take for a formula begins with an apostrophe. Gives the same as `write_parquet`.
    """
    table, digest = Table(wanted, step, only_decisions=True), hashlib.sha256()
    columns = (*CSV_COLUMNS, *(DISCLOSED_COLUMNS if wanted.disclose else ()))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("decisions.csv", "w", force_zip64=True) as sink:
            for lines in _csv_chunks(columns, table):
                digest.update(lines)
                sink.write(lines)
        files = {"decisions.csv": digest.hexdigest()}
        manifest = {**table.facts, "rows": table.rows, "unsealed": table.unsealed, "files": files}
        archive.writestr("manifest.json", json.dumps(manifest, indent=1) + "\n")
    return table.result()


def cell(value: Any) -> Any:
    """The value as a spreadsheet may have it: text that it would take for a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _csv_chunks(columns: Sequence[str], table: Table) -> Iterator[bytes]:
    yield _csv_lines([columns])
    for rows in table.chunks():
        yield _csv_lines([[cell(_for_csv(row).get(name)) for name in columns] for row in rows])


def _csv_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode("utf-8")


def _for_csv(row: dict[str, Any]) -> dict[str, Any]:
    facts = json.loads(row["entry"])
    score = None if row["score_ppm"] is None else row["score_ppm"] / 1_000_000
    more = {"at": timestamp(row["at"]), "score": score, "leaf_hash": row["leaf_hash"].hex()}
    return {**row, **more, "artifact_sha256": facts.get("artifact_sha256"), "error": facts.get("error")}


def _newest() -> Checkpoint:
    head = proofs.newest_checkpoint()
    if head is None:
        raise Conflict("Nothing has been sealed yet. Ask again in a few seconds.", code="nothing_sealed")
    return head


def _row(entry: Entry, place: int) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "at": entry.at,
        **{name: getattr(entry, name) for name in _COPIED},
        "features": None if entry.features is None else _json(entry.features),
        "leaf_index": place,
        "leaf_hash": bytes(entry.leaf_hash),
        "entry": bytes(entry.entry),
    }


def _disclosed(entries: Sequence[Entry]) -> dict[Any, dict[str, Any]]:
    opened = queries.opened(entries, [Part.INPUTS, Part.OUTPUT])
    return {identifier: _texts(parts) for identifier, parts in opened.contents.items()}


def _texts(parts: dict[Part, bytes]) -> dict[str, Any]:
    sent = json.loads(parts.get(Part.INPUTS, b"{}"))
    output = parts.get(Part.OUTPUT)
    return {
        "subject": sent.get("subject"),
        "inputs": _json(sent["inputs"]) if "inputs" in sent else None,
        "output": output.decode("utf-8") if output is not None else None,
    }


def _schema(disclose: bool, facts: dict[str, Any]) -> Any:
    import pyarrow as pa

    integers = {"version": pa.int32(), "release": pa.int32(), "score_ppm": pa.int32(), "latency_us": pa.int32()}
    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
        *(pa.field(name, integers.get(name, pa.string())) for name in _COPIED),
        pa.field("features", pa.string()),
        pa.field("leaf_index", pa.int64(), nullable=False),
        pa.field("leaf_hash", pa.binary(32), nullable=False),
        pa.field("entry", pa.binary(), nullable=False),
        *(pa.field(name, pa.string()) for name in (DISCLOSED_COLUMNS if disclose else ())),
    ]
    return pa.schema(fields, metadata={name: str(value) for name, value in facts.items()})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
