"""The rotation of the data key: a new key-encryption key, every entry's key wrapped anew, the old one destroyed.

Only then is an erasure effective in backups too: they hold the erased keys, wrapped by the old data key.

Every step can be cut off at any point and done again. The secret's two files tell how far it is (no previous key,
previous equal to current, previous beside a new one), and a marker outside the database remembers what is to be
recorded at the end. At no moment is a key missing that a row needs: the old one stays until no row names it.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from audit.durable import destroy, write_durably
from audit.encryption import Keyring, Unreadable, Wrapped, kek_id
from audit.erasure import services
from audit.identifiers import first_id_at, time_of
from portal.accounts.access import Actor
from portal.database import is_embedded
from portal.env import env_secret
from portal.vault import DATA_KEY, DATA_KEY_PREVIOUS, data_keys, secret, secrets_dir

# A process reads the keys again after 20 s at most; what it wrapped just before is committed within as long again.
READ_AGAIN_SECONDS = 20.0
SETTLE_SECONDS = 2 * READ_AGAIN_SECONDS
# How long a process may go on with the old key, or a transaction stay open, before the command gives up.
PATIENCE_SECONDS = 600.0
BATCH = 5_000
# Tables with wrapped keys, and the column to which a key is bound.
TABLES = (("audit_key", "entry_id"), ("audit_half", "id"))
_LOCK = 7041777

# Transactions that have written keys and are not over. By locks: others' sessions hide what they do.
_WRITING = """
select coalesce(array_agg(distinct virtualtransaction), '{}') from pg_locks
where relation in ('audit_key'::regclass, 'audit_half'::regclass) and mode = 'RowExclusiveLock' and granted
  and database = (select oid from pg_database where datname = current_database()) and pid <> pg_backend_pid()
"""

Say = Callable[[str], None]


class CannotRotate(Exception):
    """The rotation stops where it is, with nothing lost; the message says what to do before it is run again."""


@dataclass(frozen=True)
class Marker:
    """What a rotation under way has to remember: both keys by id, when the new one came, how many keys it wrapped."""

    old: str
    new: str
    # Data erased before then was never wrapped by the new key.
    since: str
    seen_at: float
    keys: int = 0


def rotate_data_key(*, actor: Actor, say: Say, now: Callable[[], datetime], settle: float = SETTLE_SECONDS) -> Marker:
    """Rotate, or go on where it was cut off; what was done. `CannotRotate` says what has to happen first."""
    with connections["owner"].cursor() as owner:
        owner.execute("select pg_try_advisory_lock(%s)", [_LOCK])
        if not owner.fetchone()[0]:
            raise CannotRotate("The data key is being rotated already.")
        try:
            return _rotate(actor, say, now, settle)
        finally:
            owner.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _rotate(actor: Actor, say: Say, now: Callable[[], datetime], settle: float) -> Marker:
    marker = _read_marker()
    if marker is None:
        marker = _begin(say)
    keys = {kek_id(key).hex(): key for key in data_keys(settings.VAR_DIR)}
    if marker.new not in keys:
        raise CannotRotate(f"The data key {marker.new} is not among those given; {DATA_KEY} must be the new one.")
    if marker.old in keys:
        _wait_until_settled(marker, say, settle)
        marker = _rewrap_all(marker, Keyring([keys[marker.new], keys[marker.old]]), say)
        if not _is_kept_here():
            say(f"No key is under {marker.old} any more. Destroy it everywhere ({DATA_KEY_PREVIOUS}, its file, its")
            say("entry in your key store), then run this again: it records the rotation.")
            return marker
    if _is_needed(marker.old, *(table for table, _ in TABLES)):
        raise CannotRotate(f"Keys are still wrapped by {marker.old}, and it is gone: give it as {DATA_KEY_PREVIOUS}.")
    if _is_kept_here() and _previous_file().exists():
        destroy(_previous_file())
        say(f"The old data key {marker.old} is destroyed.")
    since = datetime.fromisoformat(marker.since)
    erasures = services.record_rotation(
        actor=actor, old=marker.old, new=marker.new, keys=marker.keys, since=since, now=now()
    )
    _marker_file().unlink()
    say(f"Rotated to {marker.new}: {marker.keys} keys wrapped anew, {erasures} erasures effective.")
    return marker


def _begin(say: Say) -> Marker:
    if _is_kept_here():
        _switch(say)
        current = secret(DATA_KEY, settings.VAR_DIR)
        old = _previous_file().read_text(encoding="utf-8").strip()
        since = datetime.fromtimestamp(_current_file().stat().st_mtime, UTC)
    else:
        keys = data_keys(settings.VAR_DIR)
        if len(keys) == 1:
            raise CannotRotate(
                f"Give every process the new key as {DATA_KEY} and the present one as {DATA_KEY_PREVIOUS}; those that"
                " read them from files see it within 20 seconds, the others must be started anew. Then run this."
            )
        current, old = keys
        since = _first_under(kek_id(current))
    if kek_id(current) == kek_id(old):
        raise CannotRotate(f"{DATA_KEY} and {DATA_KEY_PREVIOUS} are the same key, or share an id: make another one.")
    marker = Marker(kek_id(old).hex(), kek_id(current).hex(), since.isoformat(), time.time())
    write_durably(_marker_file(), json.dumps(asdict(marker)))
    return marker


def _switch(say: Say) -> None:
    """The old key kept beside the new one, whatever an earlier run got done of it."""
    current = secret(DATA_KEY, settings.VAR_DIR)
    previous = _previous_file()
    if not previous.exists():
        write_durably(previous, current)
    if previous.read_text(encoding="utf-8").strip() != current:
        return
    new = secrets.token_urlsafe(48)
    while kek_id(new) == kek_id(current):
        new = secrets.token_urlsafe(48)
    write_durably(_current_file(), new)
    say(f"The new data key is {kek_id(new).hex()}; {kek_id(current).hex()} stays until no row needs it.")


def _wait_until_settled(marker: Marker, say: Say, settle: float) -> None:
    """Return when no process wraps with the old key, and all that was wrapped with it is committed or gone."""
    wait = marker.seen_at + settle - time.time()
    if wait > 0:
        say(f"Waiting {wait:.0f} s until every process has read the new key.")
        time.sleep(wait)
    deadline = time.monotonic() + PATIENCE_SECONDS
    open_ones = _one(_WRITING)
    while set(open_ones) & set(_one(_WRITING)):
        _be_patient(deadline, "A transaction from before is still open; end it (pg_stat_activity), and run this again.")
    late = first_id_at(datetime.fromtimestamp(marker.seen_at + settle, UTC))
    while _exists_after(late, marker.old):
        late = first_id_at(datetime.now(UTC))
        say(f"A process still wraps with {marker.old}.")
        words = f"A process goes on with {marker.old}: start it anew, and run this again."
        _be_patient(deadline, words, max(settle, 1.0))


def _rewrap_all(marker: Marker, ring: Keyring, say: Say) -> Marker:
    for table, column in TABLES:
        # Another pass for what was committed behind the first one; ids only grow, so it finds little.
        while _is_needed(marker.old, table):
            marker = _rewrap(table, column, marker, ring, say)
    return marker


def _rewrap(table: str, column: str, marker: Marker, ring: Keyring, say: Say) -> Marker:
    started, done, last = time.monotonic(), 0, uuid.UUID(int=0)
    old, new = bytes.fromhex(marker.old), bytes.fromhex(marker.new)
    with connections["owner"].cursor() as owner:
        while True:
            owner.execute(
                f"select {column}, wrapped from {table} where {column} > %s and kek = %s order by {column} limit %s",
                [last, old, BATCH],
            )
            rows = owner.fetchall()
            if not rows:
                return marker
            ids, wrapped = [row[0] for row in rows], _wrapped_anew(rows, old, ring)
            last = ids[-1]
            # What was erased in between stays erased: its row no longer names the old key. The range keeps the
            # planner to the rows' own partition.
            owner.execute(
                f"update {table} t set kek = %s, wrapped = n.wrapped"
                " from unnest(%s::uuid[], %s::bytea[]) n (id, wrapped)"
                f" where t.{column} = n.id and t.{column} between %s and %s and t.kek = %s",
                [new, ids, wrapped, ids[0], last, old],
            )
            done += len(rows)
            marker = replace(marker, keys=marker.keys + owner.rowcount)
            write_durably(_marker_file(), json.dumps(asdict(marker)))
            rate = done / (time.monotonic() - started)
            say(f"{table}: {done} keys wrapped anew, {rate:.0f}/s, up to {time_of(last)}")


def _wrapped_anew(rows: Sequence[tuple], old: bytes, ring: Keyring) -> list[bytes]:
    try:
        return [ring.wrap(ring.unwrap(Wrapped(old, bytes(kept)), row), row).wrapped for row, kept in rows]
    except Unreadable as error:
        raise CannotRotate(
            f"The key of {error} does not open: the row was changed. Restore it from a backup first, since the old"
            " data key, which opens the backup, would be gone afterwards."
        ) from None


def _is_needed(kek: str, *tables: str) -> bool:
    """Whether a row still names the key."""
    return any(_one(f"select exists (select from {name} where kek = %s)", bytes.fromhex(kek)) for name in tables)


def _exists_after(identifier: uuid.UUID, kek: str) -> bool:
    statement = "select exists (select from audit_key where entry_id > %s and kek = %s)"
    return _one(statement, identifier, bytes.fromhex(kek))


def _first_under(kek: bytes) -> datetime:
    """When the new key came into use, as far as the rows tell; keys given by an operator bear no date."""
    found = _one("select (select entry_id from audit_key where kek = %s order by entry_id limit 1)", kek)
    return time_of(found) if found else datetime.now(UTC)


def _one(statement: str, *parameters: object) -> Any:
    with connections["owner"].cursor() as owner:
        owner.execute(statement, parameters)
        return owner.fetchone()[0]


def _be_patient(deadline: float, words: str, seconds: float = 1.0) -> None:
    if time.monotonic() > deadline:
        raise CannotRotate(words)
    time.sleep(seconds)


def _is_kept_here() -> bool:
    """Whether the data key is one that we made and keep ourselves, so that we may also replace it."""
    return is_embedded() and not env_secret(DATA_KEY)


def _current_file() -> Path:
    return secrets_dir(settings.VAR_DIR) / DATA_KEY.lower()


def _previous_file() -> Path:
    return secrets_dir(settings.VAR_DIR) / DATA_KEY_PREVIOUS.lower()


def _marker_file() -> Path:
    return settings.VAR_DIR / "trail" / "rotation.json"


def _read_marker() -> Marker | None:
    file = _marker_file()
    return Marker(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
