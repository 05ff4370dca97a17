"""What is sealed, what is signed, and what stops the sealer for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import errors

from audit.canonical import leaf_hash
from audit.identifiers import new_id
from audit.log.checkpoints import Checkpoint, sign_checkpoint
from audit.log.merkle import EMPTY_ROOT
from audit.log.notes import signer_from_secret
from audit.log.tiles import append
from audit.models import Entry, Leaf
from audit.sealing.errors import Halted, Waiting
from audit.sealing.publishing import adoptable, publish
from audit.sealing.tree import seal_batch
from tests import factories

from .conftest import Log

TREE = ("audit_tree", "audit_tile", "audit_checkpoint", "audit_leaf")


def signed(log: Log, *, behind: timedelta = timedelta(0)) -> Checkpoint:
    """Sign what is committed."""
    with log.sealing() as session:
        return publish(session, log.last_signed, log.config.signer, datetime.now(UTC) - behind)


def sealed(log: Log) -> Checkpoint:
    """Seal and sign everything."""
    signed(log)
    with log.sealing() as session:
        while seal_batch(session, log.config.batch):
            publish(session, log.last_signed, log.config.signer, datetime.now(UTC))
    return log.opened(log.note())


def by_hand(log: Log, *statements: str) -> None:
    """What a superuser does with every trigger off."""
    with log.owner() as owner:
        for table in TREE:
            owner.execute(f"alter table {table} disable trigger all")
        for statement in statements:
            owner.execute(statement)


def test_every_entry_is_sealed_once_in_the_order_of_the_ids(committed: str, log_on) -> None:
    for _ in range(3):
        factories.decided()
    published = sealed(log_on(committed))
    leaves = list(Leaf.objects.order_by("leaf_index").values_list("leaf_index", "entry_id"))
    entries = {entry.id: bytes(entry.entry) for entry in Entry.objects.order_by("id")}
    assert leaves == list(enumerate(entries))
    assert (published.size, published.root) == (len(leaves), append(0, {}, [*map(leaf_hash, entries.values())]).root)


def test_the_empty_tree_is_signed_first_so_that_the_file_is_there_before_anything_can_be_lost(log: Log) -> None:
    assert signed(log) == Checkpoint(log.config.signer.name, 0, EMPTY_ROOT)
    log.enqueue(3)
    sealed(log)
    log.last_signed.path.unlink()
    by_hand(log, "delete from audit_checkpoint")
    with pytest.raises(Halted, match="is missing, so nobody here knows"):
        signed(log)


@pytest.mark.parametrize("steps", [[1, 1, 254, 1, 255, 257, 0, 700], [65_536, 1, 300]], ids=["small", "large"])
def test_batches_of_any_size_grow_one_tree(log: Log, steps: list[int]) -> None:
    for step in steps:
        log.enqueue(step)
        sealed(log)
    log.check(sum(steps))


def test_who_commits_late_gets_a_later_leaf(log: Log) -> None:
    early = new_id()
    with log.session("countersign_gateway") as slow, slow.transaction():
        slow.execute("insert into audit_pending values (%s, sha256(%b))", [early, early.bytes])
        log.enqueue(5)
        assert sealed(log).size == 5
    assert sealed(log).size == 6
    log.check(6)


def test_a_crash_between_commit_and_signature_or_before_publishing_leads_to_the_same_note(log: Log) -> None:
    signed(log)
    log.enqueue(10)
    with log.sealing() as session:
        seal_batch(session, 100)
    first = log.last_signed.read()
    signed(log)
    note = log.note()
    by_hand(log, "delete from audit_checkpoint where size = 10")
    signed(log)
    assert log.note() == note
    log.last_signed.write(first or "")
    signed(log)
    assert log.note() == note
    log.check(10)


def test_while_one_holds_the_tree_the_other_seals_nothing(log: Log) -> None:
    log.enqueue(1)
    with log.sealing() as one, log.sealing() as other, one.transaction():
        assert seal_batch(one, 100) == 1
        assert seal_batch(other, 100) == 0
    assert log.size() == 1


def test_two_that_take_turns_leave_no_gap(log: Log) -> None:
    signed(log)
    with log.sealing() as one, log.sealing() as other:
        for turn in range(12):
            log.enqueue(100)
            session = (one, other)[turn % 2]
            seal_batch(session, 70)
            publish(session, log.last_signed, log.config.signer, datetime.now(UTC))
    sealed(log)
    log.check(1200)


SET_BACK = "update audit_tree set size = 0, root = sha256('')"
HARMS = {
    "The database was set back": SET_BACK,
    "has another root": "update audit_tree set root = sha256('other')",
    "does not begin with": "update audit_tile set data = data || sha256('') where n = 1;"
    "update audit_tree set size = 301, root = sha256('other')",
    "do not hold the tree": "delete from audit_tile; update audit_tree set size = 400",
    "is not in the database": "delete from audit_tree",
    "is no checkpoint of": "update audit_checkpoint set note = replace(note, '300', '299') where size = 300",
}


@pytest.mark.parametrize("words", HARMS)
def test_what_contradicts_the_last_signature_is_never_signed(log: Log, words: str) -> None:
    log.enqueue(300)
    sealed(log)
    before = log.note()
    by_hand(log, *HARMS[words].split(";"))
    with pytest.raises(Halted, match=words):
        signed(log)
    assert log.note() == before


@pytest.mark.parametrize("level", [0, 1])
def test_a_changed_tile_at_the_edge_is_not_built_upon(log: Log, level: int) -> None:
    log.enqueue(300)
    sealed(log)
    changed = "set_byte(data, 0, get_byte(data, 0) # 1)"
    by_hand(
        log,
        f"update audit_tile set data = {changed} where level = {level} and n = (select max(n) from audit_tile"
        f" where level = {level})",
    )
    log.enqueue(1)
    with log.sealing() as session, pytest.raises(Halted, match="do not give its root"):
        seal_batch(session, 100)
    assert (log.size(), log.pending()) == (300, 1)


def test_an_entry_that_is_queued_twice_halts_and_is_named(log: Log) -> None:
    log.enqueue(3)
    with log.owner() as owner:
        twice = owner.execute("select id from audit_pending limit 1").fetchone()[0]
    sealed(log)
    with log.session("countersign_gateway") as writer:
        writer.execute("insert into audit_pending values (%s, sha256(''))", [twice])
    with log.sealing() as session, pytest.raises(Halted, match=r"refused the next leaves.*duplicate key"):
        seal_batch(session, 100)
    assert log.size() == 3


def test_what_another_machine_signed_counts_too(log: Log) -> None:
    """The file may be older than the newest checkpoint (a standby's): then both must be the tree's beginning."""
    log.enqueue(5)
    sealed(log)
    other = sign_checkpoint(Checkpoint(log.config.signer.name, 6, EMPTY_ROOT), log.config.signer)
    with log.owner() as owner:
        owner.execute("insert into audit_checkpoint values (6, sha256(''), %s, now())", [other])
    with pytest.raises(Halted, match="a tree of 5 entries, and 6 were signed"):
        signed(log)


def test_another_key_or_a_damaged_file_is_no_reason_to_sign(log: Log) -> None:
    log.enqueue(1)
    sealed(log)
    other = signer_from_secret(log.config.signer.name, "another key")
    with log.sealing() as session, pytest.raises(Halted, match="signed with this LOG_KEY"):
        publish(session, log.last_signed, other, datetime.now(UTC))
    log.last_signed.path.write_bytes(b"\xff half a note")
    with pytest.raises(Halted, match="If the file itself is damaged, remove it"):
        signed(log)


def test_a_clock_that_was_set_back_signs_nothing_until_it_has_caught_up(log: Log) -> None:
    log.enqueue(1)
    sealed(log)
    log.enqueue(1)
    with log.sealing() as session:
        assert seal_batch(session, 100) == 1
    with pytest.raises(Waiting, match="The clock is 3600 s behind"):
        signed(log, behind=timedelta(hours=1))
    assert signed(log).size == 2


def test_a_file_that_cannot_be_written_publishes_nothing(log: Log) -> None:
    signed(log)
    log.enqueue(1)
    before = log.last_signed.read()
    with log.sealing() as session:
        seal_batch(session, 100)
    log.last_signed.path.with_suffix(".new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        signed(log)
    with log.owner() as owner:
        assert owner.execute("select max(size) from audit_checkpoint").fetchone() == (0,)
    assert log.last_signed.read() == before
    log.last_signed.path.with_suffix(".new").rmdir()
    assert signed(log).size == 1


def test_only_a_lost_file_is_adopted_and_only_where_the_tree_goes_on(log: Log) -> None:
    log.enqueue(2)
    sealed(log)
    with log.sealing() as session:
        with pytest.raises(Halted, match="it decides, and is not replaced"):
            adoptable(session, log.last_signed, log.config.signer)
        note = log.note()
        log.last_signed.path.unlink()
        assert adoptable(session, log.last_signed, log.config.signer) == note
        by_hand(log, "update audit_tree set root = sha256('other')")
        with pytest.raises(Halted, match="has another root"):
            adoptable(session, log.last_signed, log.config.signer)


def test_a_checkpoint_of_the_same_size_in_the_database_is_not_written_over(log: Log) -> None:
    log.enqueue(2)
    sealed(log)
    log.enqueue(1)
    with log.sealing() as session:
        seal_batch(session, 100)
    forged = sign_checkpoint(Checkpoint(log.config.signer.name, 3, EMPTY_ROOT), log.config.signer)
    with log.owner() as owner:
        owner.execute("insert into audit_checkpoint values (3, sha256(''), %s, now())", [forged])
    with pytest.raises(Halted, match="has another root"):
        signed(log)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from audit_entry",
        "select * from audit_payload",
        "select * from audit_key",
        "update audit_leaf set leaf_index = 0",
        "delete from audit_checkpoint",
        "insert into audit_pending values (gen_random_uuid(), sha256(''))",
        "delete from audit_tile",
    ],
)
def test_the_sealers_role_can_do_nothing_else(log: Log, statement: str) -> None:
    with log.session() as session, pytest.raises(errors.InsufficientPrivilege):
        session.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_tile set data = sha256('other')",
        "delete from audit_tile",
        "truncate audit_tile",
        "update audit_tree set size = size - 1",
        "delete from audit_tree",
        "update audit_checkpoint set note = ''",
        "delete from audit_checkpoint",
        "delete from audit_leaf",
    ],
)
def test_the_owner_is_stopped_from_a_slip(log: Log, statement: str) -> None:
    log.enqueue(1)
    sealed(log)
    with log.owner() as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(statement)
