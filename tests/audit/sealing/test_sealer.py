"""What is sealed, what is signed, and what stops the sealer for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from audit.canonical import leaf_hash
from audit.log.checkpoints import open_checkpoint
from audit.log.notes import parse_vkey, signer_from_secret
from audit.log.tiles import append
from audit.models import Entry, Leaf
from audit.sealing.last_signed import LastSigned
from audit.sealing.sealer import Halted, NotYet, Sealer
from portal.embedded.paths import run_dir
from tests import factories

SIGNER = signer_from_secret("tests/trail", "log")
LOG = parse_vkey(SIGNER.vkey)


@pytest.fixture
def session(server: Path, committed: str) -> Iterator[psycopg.Connection]:
    """A session in the sealer's role."""
    with psycopg.connect(
        host=str(run_dir(server)), dbname=committed, user="countersign_sealer", autocommit=True
    ) as opened:
        yield opened


@pytest.fixture
def sealer(session: psycopg.Connection, tmp_path: Path) -> Sealer:
    return Sealer(session, SIGNER, LastSigned(tmp_path, LOG))


def sealed(sealer: Sealer) -> None:
    while sealer.seal():
        pass


def leaves_in_order() -> list[bytes]:
    entries = {entry.id: bytes(entry.entry) for entry in Entry.objects.all()}
    return [leaf_hash(entries[leaf.entry_id]) for leaf in Leaf.objects.order_by("leaf_index")]


def test_everything_waiting_is_sealed_once_in_the_order_of_its_ids(sealer: Sealer) -> None:
    for _ in range(3):
        factories.decided()
    sealed(sealer)
    published = sealer.publish()
    assert published is not None and published.size == Entry.objects.count()
    assert list(Leaf.objects.order_by("leaf_index").values_list("leaf_index", flat=True)) == list(range(published.size))
    assert list(Leaf.objects.order_by("leaf_index").values_list("entry_id", flat=True)) == sorted(
        Entry.objects.values_list("id", flat=True)
    )
    assert published.root == append(0, {}, leaves_in_order()).root


def test_what_is_published_is_signed_kept_and_never_signed_twice(sealer: Sealer, owner, tmp_path: Path) -> None:
    factories.decided()
    sealed(sealer)
    published = sealer.publish()
    note = owner.execute("select note from audit_checkpoint").fetchone()[0]
    assert open_checkpoint(note, LOG) == published
    assert (tmp_path / "last_signed").read_text() == note
    assert sealer.publish() is None


def test_a_crash_between_signing_and_publishing_leads_to_the_same_note(sealer: Sealer, owner, tmp_path: Path) -> None:
    factories.decided()
    sealed(sealer)
    sealer.publish()
    note = (tmp_path / "last_signed").read_text()
    owner.execute("alter table audit_checkpoint disable trigger all")
    owner.execute("delete from audit_checkpoint")
    sealer.publish()
    assert owner.execute("select note from audit_checkpoint").fetchone() == (note,)
    assert (tmp_path / "last_signed").read_text() == note


def test_two_sealers_share_the_work_and_leave_no_gap(sealer: Sealer, server: Path, committed: str, tmp_path) -> None:
    with psycopg.connect(
        host=str(run_dir(server)), dbname=committed, user="countersign_sealer", autocommit=True
    ) as other:
        second = Sealer(other, SIGNER, LastSigned(tmp_path, LOG))
        for turn in range(6):
            factories.decided()
            one = (sealer, second)[turn % 2]
            sealed(one)
            one.publish()
    assert list(Leaf.objects.order_by("leaf_index").values_list("leaf_index", flat=True)) == list(
        range(Entry.objects.count())
    )


def test_while_one_holds_the_tree_the_other_does_nothing(sealer: Sealer, server: Path, committed: str) -> None:
    factories.decided()
    with psycopg.connect(host=str(run_dir(server)), dbname=committed, user="countersign_sealer") as other:
        other.execute("select pg_try_advisory_xact_lock(4711)")
        other.execute("select size from audit_tree for update")
        assert sealer.seal() == 0
    assert sealer.seal() > 0


HARMS = {
    "the tree went back": "update audit_tree set size = 0, root = sha256('')",
    "the tree forked": "update audit_tree set root = sha256('other')",
    "another root": "update audit_tree set root = sha256('x') where size > 0",
    "not whole": "delete from audit_tile",
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_tree_that_contradicts_what_was_signed_halts(sealer: Sealer, owner, harm: str) -> None:
    factories.decided()
    sealed(sealer)
    sealer.publish()
    owner.execute("alter table audit_tree disable trigger all")
    owner.execute("alter table audit_tile disable trigger all")
    owner.execute(HARMS[harm])
    factories.decided()
    with pytest.raises(Halted):
        while True:
            sealed(sealer)
            sealer.publish()
            factories.decided()
    assert owner.execute("select count(*) from audit_checkpoint").fetchone() == (1,)


def test_a_changed_tile_under_a_signed_root_halts(sealer: Sealer, owner) -> None:
    factories.decided()
    sealed(sealer)
    sealer.publish()
    owner.execute("alter table audit_tile disable trigger all")
    owner.execute("update audit_tile set data = set_byte(data, 0, get_byte(data, 0) # 1)")
    factories.decided()
    with pytest.raises(Halted, match="do not make the tree's root"):
        sealer.seal()


def test_a_lost_file_halts_until_a_person_adopts_the_newest_checkpoint(sealer: Sealer, tmp_path: Path) -> None:
    factories.decided()
    sealed(sealer)
    first = sealer.publish()
    (tmp_path / "last_signed").unlink()
    factories.decided()
    sealed(sealer)
    with pytest.raises(Halted, match="adopt"):
        sealer.publish()
    assert sealer.adopt() == first
    assert sealer.publish().size == first.size + 1


def test_another_logs_file_halts(sealer: Sealer, tmp_path: Path) -> None:
    factories.decided()
    sealed(sealer)
    sealer.publish()
    (tmp_path / "last_signed").write_text("something else\n")
    with pytest.raises(Halted, match="no checkpoint of this log"):
        sealer.publish()


def test_a_clock_set_back_waits(session: psycopg.Connection, sealer: Sealer, tmp_path: Path) -> None:
    factories.decided()
    sealed(sealer)
    sealer.publish()
    factories.decided()
    late = Sealer(session, SIGNER, LastSigned(tmp_path, LOG), now=lambda: datetime.now(UTC) - timedelta(hours=1))
    sealed(late)
    with pytest.raises(NotYet, match="before the last checkpoint"):
        late.publish()
    assert sealer.publish() is not None


@pytest.mark.parametrize(
    "statement",
    [
        "select * from audit_entry",
        "select * from audit_payload",
        "update audit_leaf set leaf_index = 0",
        "delete from audit_checkpoint",
        "insert into audit_pending values (gen_random_uuid(), sha256(''))",
        "delete from audit_tile",
    ],
)
def test_the_sealers_role_can_do_nothing_else(session: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
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
def test_the_owner_is_stopped_from_a_slip(sealer: Sealer, owner, statement: str) -> None:
    factories.decided()
    sealed(sealer)
    sealer.publish()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(statement)
