"""A month's way out: archived, read back, announced, sealed, dropped; and every rule that stands against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.utils import timezone

import audit.services as trail
from audit import records
from audit.canonical import leaf_hash
from audit.erasure import services as erasing
from audit.identifiers import new_id
from audit.keys import keyring
from audit.log.merkle import verify_inclusion
from audit.log.tiles import inclusion_proof
from audit.models import Archive, Entry, Leaf, Tile, Tree
from audit.proofs import newest_checkpoint
from audit.queries import facts_of, inputs_of
from audit.retention import archive as archives
from audit.retention import policies, queries, services
from audit.retention.archive import ArchiveFailed, Root, folder_of, read_back, write_archive
from audit.services import Event
from audit.verifying.services import check_trail
from portal.errors import Conflict
from tests import factories
from tests.audit.log.trees import tree_hash
from tests.sealing import seal

from .conftest import RETENTION, decided_in, keep, month_ago, officer

MONTH = month_ago(9)
WORK: dict[str, Any] = {"actor": RETENTION, "now": timezone.now, "say": lambda line: None}


def tile(level: int, n: int) -> bytes:
    return bytes(Tile.objects.get(level=level, n=n).data)


@pytest.fixture
def month(sealed: Callable[[], Any]) -> date:
    """Three decisions and an act nine months ago, sealed; the system's maximum has passed, the data is unreadable."""
    for day in (1, 2, 20):
        decided_in(MONTH, day, subject=f"applicant-{day}")
    act_in(MONTH)
    factories.decided()
    keep(6)
    policies.expire_month(month=MONTH, system="mortgage", **WORK)
    sealed()
    return MONTH


def act_in(month: date) -> None:
    """An act of that month with its reason."""
    moment = queries.start_of(month).timestamp() * 1000 + 3 * 86_400_000
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr(records, "new_id", lambda: new_id(int(moment)))
        draft = records.act_draft(
            type="version.approved",
            actor="user:lead",
            keyring=keyring(),
            system="mortgage",
            version=1,
            text="The gates held.",
        )
        trail.append([draft])


def failed_in(month: date, system: str = "mortgage") -> Entry:
    """A request of which nothing personal was kept."""
    return decided_in(month, 22, system=system, subject=None, inputs=None, output=None, status=records.Status.FAILED)


def drop() -> int:
    return policies.drop_month(month=MONTH, **WORK)


@pytest.fixture
def announced(month: date, sealed: Callable[[], Any]) -> Archive:
    """Archived, announced and sealed: only the drop itself is left."""
    made = policies.archive_month(month=month, **WORK)
    manifest, _ = read_back(folder_of(month))
    leaves = {"leaves_root": manifest["leaves_root"], "leaf_ranges": manifest["leaf_ranges"]}
    found = services.announce_drop(actor=RETENTION, archive=made, leaves=leaves, now=timezone.now())
    sealed()
    return found


def test_an_archive_proves_itself(month: date) -> None:
    made = policies.archive_month(month=month, **WORK)
    folder = folder_of(month)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (made.rows, manifest["rows"], made.verified_at is not None) == (4, 4, True)
    assert [file["name"][-6:] + str(file["rows"]) for file in manifest["files"]]
    assert manifest["systems"] == {"mortgage": 4} and manifest["month"] == f"{month:%Y-%m}"
    rows = [row for file in manifest["files"] for row in pq.read_table(folder / file["name"]).to_pylist()]
    entries = list(queries.entries_of(month))
    assert [row["entry"] for row in rows] == [bytes(entry.entry) for entry in entries]
    assert [row["leaf_hash"] for row in rows] == [leaf_hash(row["entry"]) for row in rows]
    assert manifest["leaves_root"] == tree_hash([row["leaf_hash"] for row in rows]).hex()
    covered = {index for first, last in manifest["leaf_ranges"] for index in range(first, last + 1)}
    leaves = Leaf.objects.filter(pk__in=[entry.id for entry in entries])
    assert covered == set(leaves.values_list("leaf_index", flat=True))
    words = [row for row in rows if row["text"] is not None]
    assert [row["text"] for row in words] == [b"The gates held."] and words[0]["type"] == "version.approved"
    assert manifest["checkpoint"]["note"] == newest_checkpoint().note
    assert all((folder / file["name"]).stat().st_mode & 0o777 == 0o600 for file in manifest["files"])


def test_the_root_over_a_stream_is_that_of_the_whole() -> None:
    leaves = [leaf_hash(bytes([number % 251, number // 251])) for number in range(600)]
    for sizes in ([600], [1, 255, 1, 300, 43], [0, 7] * 5):
        root, taken = Root(), 0
        for size in sizes:
            root.add(leaves[taken : taken + size])
            taken += size
        assert root.root == tree_hash(leaves[:taken]) and root.size == taken


def test_what_is_not_sealed_is_not_archived(committed: str) -> None:
    decided_in(MONTH)
    with pytest.raises(ArchiveFailed, match="Nothing is sealed yet"):
        write_archive(MONTH)


def test_one_entry_that_waits_stops_the_archive(month: date) -> None:
    late = decided_in(month, 25)
    with pytest.raises(ArchiveFailed, match=f"{late.id} is not sealed yet"):
        policies.archive_month(month=month, **WORK)
    assert not folder_of(month).exists() and not Archive.objects.exists()


@pytest.mark.parametrize("harm", ["byte", "entry", "gone", "order", "words", "tree"])
def test_a_changed_archive_is_found_out(month: date, harm: str, owner: psycopg.Connection) -> None:
    policies.archive_month(month=month, **WORK)
    folder = folder_of(month)
    manifest = json.loads((folder / "manifest.json").read_text())
    files = [folder / file["name"] for file in manifest["files"]]
    if harm == "byte":
        raw = bytearray(files[0].read_bytes())
        raw[len(raw) // 2] ^= 1
        files[0].write_bytes(raw)
    elif harm == "tree":
        owner.execute("alter table audit_tile disable trigger all")
        owner.execute("update audit_tile set data = set_byte(data, 0, 255 - get_byte(data, 0)) where level = 0")
    else:
        rewrite(files, manifest, harm)
        (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArchiveFailed):
        read_back(folder)


def rewrite(files: list[Path], manifest: dict[str, Any], harm: str) -> None:
    """As somebody would who can also write the manifest."""
    number = next(
        number for number, file in enumerate(files)
        if harm != "words" or any(row["text"] for row in pq.read_table(file).to_pylist())
    )  # fmt: skip
    table = pq.read_table(files[number])
    rows = table.to_pylist()
    if harm == "entry":
        rows[0]["entry"] = rows[0]["entry"].replace(b"mortgage", b"mortgagf")
        rows[0]["leaf_hash"] = leaf_hash(rows[0]["entry"])
    elif harm == "gone":
        rows = []
    elif harm == "order":
        rows = rows * 2
    else:
        rows[0]["text"] = b"The gates failed."
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), files[number])
    manifest["files"][number] |= {"rows": len(rows), **archives._digest(files[number])}


def test_a_month_is_dropped_and_every_other_proof_still_holds(
    month: date, sealed: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, owner: psycopg.Connection
) -> None:
    kept = Entry.objects.filter(type="decision").order_by("-id").first()
    assert kept is not None
    gone = list(queries.entries_of(month))
    size = Tree.objects.get().size
    real = queries.is_sealed
    monkeypatch.setattr(policies.queries, "is_sealed", lambda entry: bool(sealed()) and real(entry))
    policies.archive_month(month=month, **WORK)
    assert drop() == 4
    shelf = Archive.objects.get()
    announced = Entry.objects.get(pk=shelf.drop_entry)
    details = facts_of(announced)["details"]
    assert details["manifest_sha256"] == bytes(shelf.manifest_sha256).hex() and details["rows"] == 4
    assert details["policy"] == {"mortgage": {"months": 6, "set_by": "user:compliance"}}
    assert shelf.dropped_at is not None and not queries.entries_of(month).exists()
    for parent in ("entry", "payload", "key", "leaf"):
        name = f"audit_{parent}_{month:%Y_%m}"
        assert owner.execute("select to_regclass(%s)", [name]).fetchone() == (None,)
    assert Tree.objects.get().size > size
    checkpoint = newest_checkpoint()
    leaf, root = Leaf.objects.get(pk=kept.id).leaf_index, bytes(checkpoint.root)
    proof = inclusion_proof(leaf, checkpoint.size, tile)
    assert verify_inclusion(index=leaf, size=checkpoint.size, leaf=bytes(kept.leaf_hash), proof=proof, root=root)
    manifest, _ = read_back(folder_of(month))
    index = manifest["leaf_ranges"][0][0]
    row = pq.read_table(folder_of(month) / manifest["files"][0]["name"]).to_pylist()[0]
    assert row["leaf_index"] == index and gone[0].id.bytes == row["id"]
    proof = inclusion_proof(index, checkpoint.size, tile)
    facts = {"index": index, "size": checkpoint.size, "leaf": row["leaf_hash"], "proof": proof}
    assert verify_inclusion(**facts, root=root), "what was dropped is proven by its archive"
    with pytest.raises(Conflict):
        drop()
    assert inputs_of(kept.id) is not None
    # The test's writer wrote today what bears the ids of that month: the gap in its chain is of the test's making.
    wrong = [found.what for found in check_trail(processes=1).contradictions]
    assert len(wrong) == 1 and "numbers 3 to 6 are missing" in wrong[0]


def hold() -> None:
    erasing.place_hold(actor=officer(), system="mortgage", reason="A court.", now=timezone.now())


@pytest.mark.parametrize(
    "change,words",
    [
        (hold, "a legal hold is on a system of that month"),
        (lambda: keep(None), "keeps its entries longer"),
        (lambda: keep(24), "keeps its entries longer"),
        (lambda: failed_in(MONTH, "loans"), "keeps its entries longer"),
        (lambda: decided_in(MONTH, 22), "can still be read"),
        (lambda: failed_in(MONTH), "does not hold every"),
    ],
)
def test_the_database_refuses_a_drop(announced: Archive, change: Callable[[], Any], words: str) -> None:
    change()
    with pytest.raises(Conflict, match=words):
        services.drop_month(month=MONTH)
    assert queries.entries_of(MONTH).count() >= 4 and Archive.objects.get().dropped_at is None


def test_an_announcement_that_is_not_sealed_drops_nothing(month: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "SEAL_SECONDS", 0.0)
    policies.archive_month(month=month, **WORK)
    with pytest.raises(Conflict, match="not sealed yet"):
        drop()
    with pytest.raises(Conflict, match="announces the drop is not sealed"):
        services.drop_month(month=month)


@pytest.mark.parametrize("which", ["none", "another"])
def test_a_drop_needs_its_own_announcement(
    month: date, sealed: Callable[[], Any], owner: psycopg.Connection, which: str
) -> None:
    policies.archive_month(month=month, **WORK)
    words = "not announced"
    if which == "another":
        with transaction.atomic():
            entry = trail.record(actor=officer(), event=Event.DECISION_READ)
        owner.execute("update audit_archive set drop_entry = %s", [entry])
        sealed()
        words = "announces the drop is not sealed"
    with pytest.raises(Conflict, match=words):
        services.drop_month(month=month)


def test_a_young_month_is_never_dropped(committed: str, sealed: Callable[[], Any], owner: psycopg.Connection) -> None:
    young = month_ago(3)
    decided_in(young)
    keep(6)
    sealed()
    made = policies.archive_month(month=young, **WORK)
    services.announce_drop(actor=RETENTION, archive=made, leaves={}, now=timezone.now())
    sealed()
    with pytest.raises(Conflict, match="younger than six months"):
        services.drop_month(month=young)


def test_somebody_who_reads_is_not_waited_for(announced: Archive, server: Path, committed: str) -> None:
    from portal.embedded.paths import run_dir

    with psycopg.connect(host=str(run_dir(server)), dbname=committed, user="countersign_gateway") as gateway:
        gateway.execute("select count(*) from audit_entry")
        with pytest.raises(services.Busy):
            services.drop_month(month=MONTH)
        gateway.rollback()
    assert services.drop_month(month=MONTH) == 4


def test_the_daily_work_archives_and_drops_what_is_due(
    sealed: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit.retention import tasks

    decided_in(MONTH)
    decided_in(MONTH, system="loans", subject="x")
    keep(6)
    sealed()
    real = queries.is_sealed
    monkeypatch.setattr(policies.queries, "is_sealed", lambda entry: bool(sealed()) and real(entry))
    tasks.keep_to_policies()
    assert not Archive.objects.exists(), "another system keeps that month"
    keep(7, "loans")
    tasks.keep_to_policies()
    assert Archive.objects.get().dropped_at is not None and not queries.entries_of(MONTH).exists()


def test_the_command_says_what_it_did_and_why_not(
    month: date, committed: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{month:%Y-%m}"
    call_command("archive_month", name)
    assert "4 entries in" in capsys.readouterr().out
    hold()
    monkeypatch.setattr(policies, "SEAL_SECONDS", 0.0)
    with pytest.raises(CommandError, match="not sealed yet"):
        call_command("archive_month", name, "--drop")
    seal(committed, tmp_path)
    with pytest.raises(CommandError, match="legal hold"):
        call_command("archive_month", name, "--drop")
    for wrong in ("2026", "2026-13", "last month"):
        with pytest.raises(CommandError, match="is no month"):
            call_command("archive_month", wrong)
    with pytest.raises(CommandError, match="month that is over"):
        call_command("archive_month", f"{timezone.now():%Y-%m}")


def test_there_is_no_default_partition(owner: psycopg.Connection) -> None:
    found = owner.execute("select count(*) from pg_partitioned_table where partdefid <> 0").fetchone()
    assert found == (0,)


def test_connections_are_the_apps(committed: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("select current_user")
        assert cursor.fetchone() == ("countersign_app",)
