"""`verify_trail`: 0 for a whole trail, 1 for one that an owner has changed, 2 where it could not be checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from audit import proofs
from audit.log.checkpoints import Checkpoint, sign_checkpoint
from audit.models import Anchor, Entry, Leaf, Verification
from audit.verifying.engine import SLACK
from audit.writing import COLUMNS
from tests import factories
from tests.sealing import seal

from .conftest import verify

Tamper = Callable[..., None]
REHASH = "leaf_hash = sha256('\\x00'::bytea || {}::bytea), entry = {}::bytea"
FORGED = (
    "update audit_entry set entry = convert_to(replace(convert_from(entry, 'UTF8'), 'loan-desk', 'loan-dusk'), 'UTF8'),"
    " actor = 'service:loan-dusk' where id = THIS"
)
ENTRY_OF_LEAF = "(select entry_id from audit_leaf where leaf_index = {})"


def words(found: dict) -> str:
    return "\n".join(f"{item['entry']} {item['what']}" for item in found["contradictions"])


def test_a_whole_trail_is_verified(decision: Entry, folder: Path) -> None:
    number, size = Entry.objects.count(), Leaf.objects.count()
    code, result = verify()
    assert (code, result["verdict"], result["contradictions"]) == (0, "verified", []), result
    assert (result["entries"], result["size"], result["waiting"]) == (number, size, number - size)
    assert result["checkpoints"] == 3 and [item["why"] for item in result["not_provable"]] == [
        "they are in the tree some seconds after they were written"
    ]
    kept = Verification.objects.get()
    assert (kept.verdict, kept.entries, kept.size) == ("verified", number, size)
    said = json.loads(bytes(Entry.objects.get(type="trail.verified").entry))["details"]
    assert (said["verification"], said["verdict"]) == (str(kept.id), "verified")


def test_it_is_verified_from_a_moment_on_by_several_processes_and_in_words(decision: Entry) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    code, result = verify("--since", later)
    assert (code, result["entries"]) == (0, 0)
    code, result = verify("--since", decision.at.isoformat())
    assert code == 0 and result["not_provable"][-1]["why"] == "they were not looked at"
    code, result = verify("--processes", "2")
    assert (code, result["entries"]) == (0, Entry.objects.count() - 1)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_trail", stdout=out)
    assert out.getvalue().startswith("verified: ") and "not provable here: " in out.getvalue()


def test_from_a_moment_on_what_came_before_is_not_missed(decision: Entry) -> None:
    """Chains and leaves go on from entries of which only those of the last five minutes are read."""
    soon = datetime.now(UTC) + SLACK - timedelta(seconds=2)
    factories.decided()
    code, result = verify("--since", soon.isoformat())
    assert (code, result["contradictions"]) == (0, []) and 0 < result["entries"] < Entry.objects.count()


def test_an_erased_person_s_decisions_are_verified(decision: Entry, tamper: Tamper) -> None:
    tamper("update audit_key set token = null, kek = null, wrapped = null, erased_on = now()::date")
    assert verify()[0] == 0


@pytest.mark.parametrize(
    "statement,what",
    [
        ("update audit_entry set label = 'grant' where id = THIS", "the column label differs"),
        ("update audit_entry set actor = 'user:x' where id = THIS", "the column actor differs"),
        ("update audit_entry set score_ppm = null where id = THIS", "the column score_ppm differs"),
        ('update audit_entry set features = \'{"unemp": "3"}\' where id = THIS', "the column features differs"),
        ("update audit_entry set features = null where id = THIS", "the column features differs"),
        ("update audit_entry set entry = entry || ' ' where id = THIS", "do not hash to the leaf"),
        ("update audit_entry set leaf_hash = sha256('') where id = THIS", "do not hash to the leaf"),
        ("update audit_payload set stored = stored || 'x' where entry_id = THIS and part = 1", "inputs does not hash"),
        ("insert into audit_payload (entry_id, part, stored) values (THIS, 4, 'more')", "text is none that"),
        ("insert into audit_payload (entry_id, part, stored) values (THIS, 99, 'more')", "part 99 is none that"),
        ("delete from audit_payload where entry_id = THIS and part = 2", "the payload output is gone"),
        ("delete from audit_key where entry_id = THIS", "the key of its payloads is gone"),
        ("update audit_key set kek = null, wrapped = null where entry_id = THIS", "the key of its payloads is gone"),
        ("delete from audit_leaf where entry_id = THIS", "neither in the tree nor waiting"),
        ("insert into audit_pending select id, leaf_hash from audit_entry where id = THIS", "is in the tree already"),
        (f"{FORGED}; update audit_entry set {REHASH.format('entry', 'entry')} where id = THIS", "is not what the tree"),
        (f"update audit_entry set {REHASH.format(repr('x'), repr('x'))} where id = THIS", "are no entry"),
        (f"update audit_entry set {REHASH.format(repr('{}'), repr('{}'))} where id = THIS", "are no entry"),
        (f"update audit_entry set {REHASH.format(repr('[1]'), repr('[1]'))} where id = THIS", "are no entry"),
        (
            "update audit_entry set entry = o.entry, leaf_hash = o.leaf_hash from"
            " (select entry, leaf_hash from audit_entry where status = 'refused') o where id = THIS",
            "the bytes are those of",
        ),
        ("delete from audit_entry where id = THIS", "and its entry is gone"),
        ("delete from audit_entry where id = THIS; delete from audit_leaf where entry_id = THIS", "and no entry"),
    ],
)
def test_what_an_owner_changed_in_an_entry_is_found(decision: Entry, tamper: Tamper, statement: str, what: str) -> None:
    tamper(*statement.split("; "))
    code, result = verify()
    assert (code, result["verdict"]) == (1, "contradicted")
    assert any(item["entry"] == str(decision.id) and what in item["what"] for item in result["contradictions"]), result
    assert verify("--since", decision.at.isoformat())[0] == 1


@pytest.mark.parametrize(
    "statements,what",
    [
        (
            [
                "delete from audit_entry where id = THIS",
                "delete from audit_leaf where entry_id = THIS",
                "delete from audit_payload where entry_id = THIS",
            ],
            "no entry stands at leaf ",
        ),
        (["update audit_tree set size = size - 1"], "; its tiles make one"),
        (["update audit_tree set size = size - 1"], "was signed"),
        (["update audit_tree set root = sha256('')"], "the tree's root is"),
        (["update audit_tile set data = sha256('') || substring(data from 33) where level = 0"], "of size"),
        (["update audit_tile set data = substring(data from 33) where level = 0"], "tile 0 at level 0 holds"),
        (["delete from audit_tile"], "tile 0 at level 0 holds 0 hashes"),
        (["insert into audit_tile select 1, 0, data from audit_tile"], "tile 0 at level 1 is beyond"),
        (["insert into audit_tile select 0, 7, data from audit_tile"], "tile 7 at level 0 is beyond"),
        (
            ["update audit_checkpoint set root = sha256('') where size = (select max(size) from audit_checkpoint)"],
            "is signed for another size or root",
        ),
        (["update audit_checkpoint set note = replace(note, 'trail', 'trial')"], "is not signed by the log"),
        (
            ["update audit_checkpoint set size = size + 1 where size = (select max(size) from audit_checkpoint)"],
            "signed",
        ),
        (
            ["update audit_leaf set leaf_index = 1 where entry_id = THIS"],
            "claims leaf 1, which is another entry's as well",
        ),
        (["update audit_leaf set leaf_index = 99 where entry_id = THIS"], "an entry claims leaf 99"),
        (["delete from audit_pending"], "neither in the tree nor waiting"),
        (["update audit_pending set leaf_hash = sha256('')"], "waits to be sealed with another hash"),
        (["insert into audit_pending values (gen_random_uuid(), sha256(''))"], "waits to be sealed, and its entry"),
        (["truncate audit_entry_{month}"], "and its entry is gone"),
        (
            [
                "insert into audit_archive (month, rows, folder, manifest_sha256, exported_at, verified_at, dropped_at)"
                " values ('2020-01-01', 3, '', sha256(''), now(), now(), now())"
            ],
            "the month 2020-01 was dropped, and no entry of the trail announced that",
        ),
        (
            ["insert into audit_anchor (size, kind, name, at, evidence) values (1, 'witness', 'w', now(), 'x')"],
            "w vouch",
        ),
        (["update audit_writer set next_seq = next_seq + 1"], "; the last that is there is number"),
    ],
)
def test_what_an_owner_changed_in_the_tree_is_found(
    decision: Entry, tamper: Tamper, statements: list[str], what: str
) -> None:
    tamper(*(statement.replace("{month}", f"{decision.at:%Y_%m}") for statement in triggers_off(statements, decision)))
    code, result = verify()
    assert (code, result["verdict"]) == (1, "contradicted") and what in words(result), words(result)


def triggers_off(statements: list[str], decision: Entry) -> list[str]:
    month = f"audit_entry_{decision.at:%Y_%m}"
    return [f"alter table {month} disable trigger no_truncate", *statements]


def test_two_swapped_leaves_are_both_named(decision: Entry, tamper: Tamper) -> None:
    [first, second] = Leaf.objects.order_by("-leaf_index")[:2]
    tamper(
        f"update audit_leaf set leaf_index = {first.leaf_index} + {second.leaf_index} - leaf_index"
        f" where entry_id in ('{first.entry_id}', '{second.entry_id}')"
    )
    code, result = verify()
    found = {item["entry"]: item["what"] for item in result["contradictions"]}
    assert code == 1 and set(found) == {str(first.entry_id), str(second.entry_id)}
    assert "is not what the tree holds as leaf" in found[str(first.entry_id)]


def test_an_entry_taken_out_before_it_was_sealed_is_missed(decision: Entry, tamper: Tamper, committed: str) -> None:
    waits = Entry.objects.order_by("-id").first()
    factories.decided()
    names = (
        "audit_entry where id",
        "audit_pending where id",
        "audit_payload where entry_id",
        "audit_key where entry_id",
    )
    tamper(*(f"delete from {name} = '{waits.id}'" for name in names))
    code, result = verify()
    newest = Entry.objects.filter(type="decision").order_by("-id").first()
    [found] = result["contradictions"]
    assert code == 1 and found["entry"] == str(newest.id)
    assert "of writer portal/" in found["what"] and found["what"].endswith("is missing")


def test_the_last_entry_taken_out_is_missed_by_its_writer(decision: Entry, tamper: Tamper) -> None:
    waits = Entry.objects.order_by("-id").first()
    names = (
        "audit_entry where id",
        "audit_pending where id",
        "audit_payload where entry_id",
        "audit_key where entry_id",
    )
    tamper(*(f"delete from {name} = '{waits.id}'" for name in names))
    code, result = verify()
    assert code == 1 and "the last that is there is number" in words(result)


def test_an_entry_put_in_is_a_second_one_in_its_chain(decision: Entry, tamper: Tamper, committed: str, folder) -> None:
    """Even where it is given to the sealer, who cannot know."""
    copy, columns = f"{str(decision.id)[:-4]}ffff", ", ".join(COLUMNS)
    forged = f"convert_to(replace(convert_from(entry, 'UTF8'), THIS, '{copy}'), 'UTF8')"
    tamper(
        f"insert into audit_entry (id, {columns}, leaf_hash, entry) select '{copy}', {columns},"
        f" sha256('\\x00'::bytea || {forged}), {forged} from audit_entry where id = THIS",
        f"insert into audit_payload select '{copy}', part, stored from audit_payload where entry_id = THIS",
        f"insert into audit_pending select id, leaf_hash from audit_entry where id = '{copy}'",
    )
    seal(committed, folder)
    code, result = verify()
    assert code == 1 and "is a second number" in words(result), words(result)


def test_a_checkpoint_signed_over_another_tree_is_found(decision: Entry, tamper: Tamper) -> None:
    """The owner of the database has the log's key as well: only what others hold can contradict that."""
    head = proofs.newest_checkpoint()
    note = sign_checkpoint(Checkpoint(proofs.log_signer().name, head.size, bytes(32)), proofs.log_signer())
    tamper(f"update audit_checkpoint set root = '\\x{bytes(32).hex()}', note = '{note}' where size = {head.size}")
    code, result = verify()
    assert code == 1 and f"the checkpoint of size {head.size} contradicts the tree" in words(result)


@pytest.mark.parametrize("size", [1, 999])
def test_what_was_signed_last_must_be_in_the_tree(decision: Entry, folder: Path, size: int) -> None:
    signer = proofs.log_signer()
    (folder / "last_signed").write_text(sign_checkpoint(Checkpoint(signer.name, size, bytes(32)), signer))
    code, result = verify()
    assert code == 1 and "signed" in words(result)
    (folder / "last_signed").write_text("nothing")
    code, result = verify()
    assert code == 1 and "holds no checkpoint of this log" in words(result)
    (folder / "last_signed").unlink()
    code, result = verify()
    assert code == 0 and "last_signed is not here" in str(result["not_provable"])


def test_who_vouched_is_checked_where_its_key_is_known(decision: Entry, settings) -> None:
    from audit.log.cosignatures import cosigner_from_secret

    witness, head = cosigner_from_secret("example.org/witness", "secret"), proofs.newest_checkpoint()
    line = witness.cosign(head.note[: head.note.index("\n\n") + 1], 1_700_000_000)
    facts = {"size": head.size, "kind": "witness", "name": witness.name, "at": datetime.now(UTC)}
    anchor = Anchor.objects.create(**facts, evidence=line.encode())
    code, result = verify()
    assert code == 0 and "1 checkpoints by witness example.org/witness" in str(result["not_provable"])
    settings.WITNESSES = {"http://localhost": witness.vkey}
    code, result = verify()
    assert (code, result["anchors"]) == (0, 1) and "example.org/witness" not in str(result["not_provable"])
    with psycopg.connect(connection.connection.info.dsn, user="postgres", autocommit=True) as owner:
        owner.execute("update audit_anchor set evidence = %s", [line.replace("A", "B").encode()])
    code, result = verify()
    assert (code, anchor.id > 0) == (1, True) and "what example.org/witness said of the checkpoint" in words(result)


def test_what_could_not_be_checked_is_not_verified(decision: Entry) -> None:
    assert verify("--since", "yesterday")[0] == 2
    assert verify("--since", "2026-01-01T00:00:00")[0] == 2
    assert verify("--since", "2026-13-01T00:00:00Z")[0] == 2
    assert verify("--processes", "-1")[0] == 2
    connection.close()
    connection.settings_dict["NAME"] = "nowhere"
    code, result = verify()
    connection.close()
    assert (code, result["verdict"]) == (2, "not_checked") and "nowhere" in result["error"]
