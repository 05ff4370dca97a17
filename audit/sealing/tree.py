"""The tree in the database: one batch of waiting entries becomes its next leaves, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import errors

from audit.log import tiles
from audit.log.tiles import Growth, Read, TilesInvalid
from audit.sealing.errors import Halted

# Who does not get it leaves the round to the other sealer; what keeps two apart is the lock on the tree's row.
_ROUND = 7041777
# A standby that is waited for is kept; anything weaker than `on` loses leaves that were signed when the power fails.
# A sealer that was paused in its transaction loses the session, and with it the lock and the right to write.
_BEGIN = """
select pg_try_advisory_xact_lock(%s),
  set_config('synchronous_commit',
    case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, true),
  set_config('idle_in_transaction_session_timeout', '10s', true)
"""
_TREE = "select size, root from audit_tree where one"
# The queue is consumed, so it does not matter in which order transactions committed: who comes late gets a later leaf.
_TAKE = """
with oldest as (select id from audit_pending order by id limit %(most)s),
  taken as (delete from audit_pending using oldest where audit_pending.id = oldest.id
    returning audit_pending.id, leaf_hash),
  placed as (select id, leaf_hash, %(size)s::bigint - 1 + row_number() over (order by id) as leaf_index from taken),
  kept as (insert into audit_leaf (entry_id, leaf_index) select id, leaf_index from placed)
select leaf_hash from placed order by leaf_index
"""
_TILES = """
insert into audit_tile (level, n, data) select * from unnest(%b::int2[], %b::int8[], %b::bytea[])
on conflict (level, n) do update set data = excluded.data
"""
_GROWN = "update audit_tree set size = %s, root = %s where one"
_HEAD = """
select tree.size, tree.root, newest.note, newest.at from audit_tree tree
left join lateral (select note, at from audit_checkpoint order by size desc limit 1) newest on true where tree.one
"""


@dataclass(frozen=True)
class Head:
    """How far the tree has grown, and the newest checkpoint that the database knows."""

    size: int
    root: bytes
    note: str | None
    at: datetime | None


def has_pending(connection: psycopg.Connection) -> bool:
    """Whether an entry waits to be sealed."""
    row = connection.execute("select exists (select from audit_pending)").fetchone()
    return row is not None and bool(row[0])


def seal_batch(connection: psycopg.Connection, most: int) -> int:
    """Make up to `most` of the oldest waiting entries the tree's next leaves; how many were sealed.

    Committed when this returns. 0 where nothing waits, or where another sealer is at it. `Halted` where the tiles do
    not give the tree's root, or the database refuses what follows from them.
    """
    try:
        with connection.transaction():
            return _sealed(connection, most)
    except (errors.IntegrityError, errors.InsufficientPrivilege) as error:
        words = str(error).strip().splitlines()[0]
        raise Halted(f"The database refused the next leaves of the tree: {words}. Find out who wrote there.") from error


def head(connection: psycopg.Connection) -> Head:
    """The committed tree."""
    row = connection.execute(_HEAD, binary=True).fetchone()
    if row is None:
        raise Halted("The tree's row is not in the database. Restore the database.")
    return Head(*row)


def tile_reader(connection: psycopg.Connection) -> Read:
    """Reads tiles of the tree; a tile that is not there is empty."""

    def read(level: int, n: int) -> bytes:
        statement = "select data from audit_tile where level = %s and n = %s"
        row = connection.execute(statement, [level, n], binary=True).fetchone()
        return row[0] if row else b""

    return read


def _sealed(connection: psycopg.Connection, most: int) -> int:
    begun = connection.execute(_BEGIN, [_ROUND]).fetchone()
    if begun is None or not begun[0]:
        return 0
    tree = connection.execute(f"{_TREE} for update", binary=True).fetchone()
    if tree is None:
        raise Halted("The tree's row is not in the database. Restore the database.")
    size, root = tree
    edge = _edge(connection, size, root)
    taken = connection.execute(_TAKE, {"most": most, "size": size}, binary=True).fetchall()
    if taken:
        _grow(connection, tiles.append(size, edge, [leaf for (leaf,) in taken]))
    return len(taken)


def _edge(connection: psycopg.Connection, size: int, root: bytes) -> Mapping[tuple[int, int], bytes]:
    """The tiles from which the tree goes on, once they are seen to be this tree's."""
    read = tile_reader(connection)
    edge = {(level, n): read(level, n) for level, n in tiles.edge_of(size)}
    try:
        made = tiles.root_at(size, lambda level, n: edge.get((level, n), b""))
    except TilesInvalid as error:
        raise Halted(f"The tiles do not hold the tree of {size} entries: {error}. Restore the database.") from None
    if made != root:
        raise Halted(f"The tiles of the tree do not give its root at {size} entries: either was edited.")
    return edge


def _grow(connection: psycopg.Connection, growth: Growth) -> None:
    places = list(growth.tiles)
    columns = [[level for level, _ in places], [n for _, n in places], list(growth.tiles.values())]
    connection.execute(_TILES, columns)
    connection.execute(_GROWN, [growth.size, growth.root])
