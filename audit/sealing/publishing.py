"""From the committed tree to a signed checkpoint: never one that contradicts an earlier one.

Signing follows the commit: a crash between them costs nothing, since one tree has one signature. What was signed
last is compared with a file outside the database, so a database that was set back is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import psycopg

from audit.log.checkpoints import Checkpoint, CheckpointInvalid, open_checkpoint, sign_checkpoint
from audit.log.merkle import EMPTY_ROOT, verify_consistency
from audit.log.notes import NoteInvalid, Signer
from audit.log.tiles import Read, TilesInvalid, consistency_proof, root_at
from audit.sealing.errors import Halted, Waiting
from audit.sealing.last_signed import LastSigned
from audit.sealing.tree import Head, head, tile_reader

_INSERT = "insert into audit_checkpoint (size, root, note, at) values (%s, %s, %s, %s) on conflict (size) do nothing"


def publish(
    connection: psycopg.Connection, last_signed: LastSigned, signer: Signer, now: datetime, *, any_clock: bool = False
) -> Checkpoint:
    """The signed checkpoint of the committed tree, kept in the file and then in the database.

    `Halted` where the tree does not go on from what was signed. `Waiting` while `now` is before the newest
    checkpoint's time, unless `any_clock`. OSError where the file cannot be read or written: then nothing is published.
    """
    with last_signed.held():
        # Read while no other sealer can sign, or a tree of a moment ago would look set back.
        tree = head(connection)
        kept = last_signed.read()
        signed = [_opened(note, place, signer) for note, place in _notes(kept, tree, last_signed)]
        if kept is None and (signed or tree.size):
            raise Halted(_MISSING.format(path=last_signed.path, size=tree.size))
        for earlier in signed:
            goes_on(earlier, tree, tile_reader(connection))
        checkpoint = Checkpoint(signer.name, tree.size, tree.root)
        note = sign_checkpoint(checkpoint, signer)
        if not any_clock and not kept == note == tree.note:
            _in_order(now, tree.at)
        if note != kept:
            last_signed.write(note)
        if note != tree.note:
            _insert(connection, checkpoint, note, now)
        return checkpoint


def adoptable(connection: psycopg.Connection, last_signed: LastSigned, signer: Signer) -> str:
    """The note of the newest checkpoint in the database, from which the tree was seen to go on.

    `Halted` where there is none, it is not this log's, the tree contradicts it, or a file is there that can be read.
    """
    kept, tree = last_signed.read(), head(connection)
    if kept is not None and _is_ours(kept, signer):
        raise Halted(f"{last_signed.path} is there and holds a signed checkpoint: it decides, and is not replaced.")
    if tree.note is None:
        raise Halted("The database holds no checkpoint to adopt. Begin a new log, under another LOG_ORIGIN.")
    goes_on(_opened(tree.note, _IN_DATABASE, signer), tree, tile_reader(connection))
    return tree.note


def goes_on(earlier: Checkpoint, tree: Head, read: Read) -> None:
    """`Halted` unless the tree begins with what the earlier checkpoint signed."""
    if tree.size < earlier.size:
        raise Halted(
            f"The database was set back: it holds a tree of {tree.size} entries, and {earlier.size} were signed. "
            f"Restore a database that holds them, or begin a new log under another LOG_ORIGIN."
        )
    if tree.size == earlier.size and tree.root != earlier.root:
        raise Halted(f"The tree of {tree.size} entries has another root than the one that was signed: it was forked.")
    if not _proves(earlier, tree, read):
        raise Halted(f"The tree of {tree.size} entries does not begin with the {earlier.size} that were signed.")


_IN_DATABASE = "The newest checkpoint in the database"
_MISSING = (
    "{path} is missing, so nobody here knows what was signed before the {size} entries in the database. Put the file "
    "back. If it is lost, compare the newest checkpoint with a witness or a printed report, then run: "
    "python -m audit.sealing adopt"
)


def _notes(kept: str | None, tree: Head, last_signed: LastSigned) -> Sequence[tuple[str, str]]:
    notes = [(kept, str(last_signed.path)), (tree.note, _IN_DATABASE)]
    return [(note, place) for note, place in notes if note is not None]


def _opened(note: str, place: str, signer: Signer) -> Checkpoint:
    try:
        return open_checkpoint(note, signer.verifier)
    except (NoteInvalid, CheckpointInvalid) as error:
        raise Halted(
            f"{place} is no checkpoint of {signer.name} signed with this LOG_KEY: {error}. "
            "Give the key and LOG_ORIGIN that the log began with. If the file itself is damaged, remove it."
        ) from None


def _is_ours(note: str, signer: Signer) -> bool:
    try:
        _opened(note, "", signer)
    except Halted:
        return False
    return True


def _proves(earlier: Checkpoint, tree: Head, read: Read) -> bool:
    try:
        if earlier.size == 0:
            return earlier.root == EMPTY_ROOT and root_at(tree.size, read) == tree.root
        proof = consistency_proof(earlier.size, tree.size, read)
    except TilesInvalid as error:
        raise Halted(f"The tiles do not hold the tree of {tree.size} entries: {error}. Restore them.") from None
    return verify_consistency(size1=earlier.size, size2=tree.size, root1=earlier.root, root2=tree.root, proof=proof)


def _in_order(now: datetime, newest: datetime | None) -> None:
    if newest is not None and now < newest:
        behind = (newest - now).total_seconds()
        raise Waiting(
            f"The clock is {behind:.0f} s behind the newest checkpoint, so none is signed until it has caught up. "
            "If the clock is right now and was wrong then, run: python -m audit.sealing accept-clock"
        )


def _insert(connection: psycopg.Connection, checkpoint: Checkpoint, note: str, now: datetime) -> None:
    connection.execute(_INSERT, [checkpoint.size, checkpoint.root, note, now])
    statement = "select root from audit_checkpoint where size = %s"
    row = connection.execute(statement, [checkpoint.size], binary=True).fetchone()
    if row is None or row[0] != checkpoint.root:
        raise Halted(f"The database holds another checkpoint of {checkpoint.size} entries: the log was forked.")
