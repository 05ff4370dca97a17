"""A trail of any size, made row by row as the product would have written it, for what must be quick at ten millions.

Entries, payloads and keys come from `audit.records`, chained by `audit.chain`; they are sealed here as the sealer
seals, in the order of their ids. An entry has about 900 bytes, its two payloads about 300 each.
"""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import psycopg

from audit.chain import first_place, link
from audit.encryption import Keyring
from audit.identifiers import new_id
from audit.log.checkpoints import Checkpoint, sign_checkpoint
from audit.log.notes import Signer
from audit.log.tiles import append, edge_of
from audit.records import DecisionFacts, Mode, Record, Status, decision_draft
from audit.writing import COLUMNS, entry_row, key_rows, payload_rows

SLICE = 65_536
_WRITERS = 4
_STRANGER = Signer("localhost/trail", bytes(32))
_INPUTS = {
    **{"pirat": 0.22, "hirat": 0.2, "lvrat": 0.95, "chist": 5, "mhist": 2, "phist": "no", "unemp": 3.9},
    **{"selfemp": "no", "insurance": "no", "condomin": "yes", "single": "no", "hschool": "yes"},
}
_FEATURES = {name: str(_INPUTS[name]) for name in ("unemp", "chist", "insurance")}


def records(first: int, number: int, since_ms: int, step_ms: float, data_key: str) -> Iterator[Record]:
    """The decisions with these numbers, by four writers in turn; each slice begins new epochs."""
    ring = Keyring([data_key])
    places = [first_place(f"bench/{writer}") for writer in range(_WRITERS)]
    for row in range(first, first + number):
        score = (row % 1000) / 1000
        facts = DecisionFacts(
            system=f"system-{row % 3}",
            status=Status.ANSWERED,
            mode=Mode.LIVE,
            caller="service:loan-desk",
            latency_us=1_000 + row % 900,
            version=1 + row % 4,
            release=1 + row % 7,
            artifact_sha256=f"{row % 4:064x}",
            subject=f"applicant-{row // 2}",
            inputs={**_INPUTS, "pirat": (row % 301) / 100},
            features=_FEATURES,
            output={"label": "deny" if score >= 0.5 else "grant", "score": score, "threshold": 0.5},
            request_id=f"request-{row}",
        )
        made = decision_draft(facts, subject_key="bench", keyring=ring, id=new_id(since_ms + round(row * step_ms)))
        [record], places[row % _WRITERS] = link([made], places[row % _WRITERS])
        yield record


def fill(
    conninfo: str,
    rows: int,
    *,
    since: datetime,
    until: datetime,
    data_key: str,
    processes: int = 2,
    signer: Signer = _STRANGER,
) -> None:
    """Write and seal so many decisions between the moments into an empty trail, as the owner of the tables."""
    since_ms = round(since.timestamp() * 1000)
    step_ms = (until - since).total_seconds() * 1000 / rows
    with psycopg.connect(conninfo, autocommit=True) as connection:
        month = since
        while month < until + timedelta(days=31):
            connection.execute("select audit_make_partitions(0, %s)", [month])
            month += timedelta(days=27)
    span = (since_ms, step_ms, data_key)
    slices = [(conninfo, first, min(SLICE, rows - first), *span) for first in range(0, rows, SLICE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        leaves = pool.map(_write, *zip(*slices, strict=True))
        with psycopg.connect(conninfo) as connection:
            seal(connection, (leaf for some in leaves for leaf in _split(some)), signer)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum analyze")


def seal(connection: psycopg.Connection, leaves: Iterator[bytes], signer: Signer, batch: int = SLICE) -> None:
    """Grow the tree by these leaf hashes and sign a checkpoint after each batch; the leaf rows are the caller's."""
    size, tiles = 0, {}
    while some := [leaf for _, leaf in zip(range(batch), leaves, strict=False)]:
        growth = append(size, {place: tiles[place] for place in edge_of(size)}, some)
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into audit_tile (level, n, data) values (%s, %s, %s)"
                " on conflict (level, n) do update set data = excluded.data",
                [(level, n, data) for (level, n), data in growth.tiles.items()],
            )
            cursor.execute("update audit_tree set size = %s, root = %s", [growth.size, growth.root])
            note = sign_checkpoint(Checkpoint(signer.name, growth.size, growth.root), signer)
            cursor.execute(
                "insert into audit_checkpoint (size, root, note, at) values (%s, %s, %s, now())",
                [growth.size, growth.root, note],
            )
        connection.commit()
        size, tiles = growth.size, {place: data for place, data in growth.tiles.items() if len(data) < 8192}


def _write(conninfo: str, first: int, number: int, since_ms: int, step_ms: float, data_key: str) -> bytes:
    made = sorted(records(first, number, since_ms, step_ms, data_key), key=lambda record: record.id)
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        _copy(cursor, f"audit_entry (id, leaf_hash, entry, {', '.join(COLUMNS)})", map(entry_row, made))
        _copy(cursor, "audit_payload (entry_id, part, stored)", payload_rows(made))
        _copy(cursor, "audit_key (entry_id, token, kek, wrapped)", key_rows(made))
        _copy(cursor, "audit_leaf (entry_id, leaf_index)", ((r.id, first + n) for n, r in enumerate(made)))
    return b"".join(record.leaf for record in made)


def _copy(cursor: psycopg.Cursor, target: str, rows: Any) -> None:
    with cursor.copy(f"copy {target} from stdin") as copy:
        for row in rows:
            copy.write_row(row)


def _split(leaves: bytes) -> Sequence[bytes]:
    return [leaves[at : at + 32] for at in range(0, len(leaves), 32)]


def main() -> None:
    """Fill an empty, migrated database, such as that of `manage.py up` with a `VAR_DIR` of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("conninfo", help="libpq connection string, as the owner of the tables")
    parser.add_argument("rows", type=int)
    parser.add_argument("--days", type=int, default=60, help="spread over so many days until now")
    parser.add_argument("--data-key", default=uuid.uuid4().hex)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    until = datetime.now(UTC)
    began = time.monotonic()
    span = {"since": until - timedelta(days=asked.days), "until": until}
    fill(asked.conninfo, asked.rows, **span, data_key=asked.data_key, processes=asked.processes)
    print(f"{asked.rows} rows in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
