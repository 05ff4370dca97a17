"""A real witness and a real timestamp authority vouch for the log; one that contradicts it is heard."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from audit import anchoring, proofs
from audit.log.cosignatures import parse_cosigner_vkey
from audit.log.notes import split_note
from audit.models import Anchor, Asked, Entry
from audit.queries import text_of
from audit.witnessing.timestamps import check_timestamp
from tests import factories
from tests.sealing import seal

from .witnessing.logs import Running
from .witnessing.test_timestamps import Authority


@pytest.fixture
def witness(tmp_path: Path, committed: str, settings):
    """A witness that knows this log, configured."""
    running = Running(tmp_path / "witness", proofs.log_signer().vkey).start()
    settings.WITNESSES = {running.url: running.verifier.vkey}
    yield running
    running.kill()


def test_the_newest_checkpoint_is_cosigned_once(witness: Running, committed: str, tmp_path: Path, settings) -> None:
    assert anchoring.ask_witnesses(now=timezone.now()) == 0
    for _ in range(2):
        factories.decided()
        head = seal(committed, tmp_path / "trail")
        assert anchoring.ask_witnesses(now=timezone.now()) == 1
        assert anchoring.ask_witnesses(now=timezone.now()) == 0
    anchor = Anchor.objects.get(size=head.size)
    verifier = parse_cosigner_vkey(witness.verifier.vkey)
    assert verifier.verify_line(bytes(anchor.evidence).decode(), split_note(head.note)[0]) == int(anchor.at.timestamp())
    assert witness.latest(settings.LOG_ORIGIN).size == head.size


def test_a_witness_that_is_away_is_told_and_asked_again(
    witness: Running, committed: str, tmp_path: Path, client_of
) -> None:
    factories.decided()
    seal(committed, tmp_path / "trail")
    witness.kill()
    assert anchoring.ask_witnesses(now=timezone.now()) == 0
    assert not Entry.objects.filter(type="witness.contradicted").exists()
    assert "could not be asked" in Asked.objects.get(kind="witness").problem
    assert "could not be asked" in client_of(factories.person("auditor")).get("/trail/integrity/").text
    witness.start()
    assert anchoring.ask_witnesses(now=timezone.now()) == 1
    assert Asked.objects.get(kind="witness").problem == ""


def test_a_fork_is_told_in_the_trail_once(
    witness: Running, committed: str, tmp_path: Path, owner, client_of
) -> None:
    for _ in range(3):
        factories.decided()
    seal(committed, tmp_path / "trail")
    assert anchoring.ask_witnesses(now=timezone.now()) == 1
    # Another history of the same log, made by whoever holds the database and the key.
    for table in ("audit_tile", "audit_tree", "audit_checkpoint", "audit_leaf"):
        owner.execute(f"alter table {table} disable trigger all")
    owner.execute("delete from audit_leaf")
    owner.execute("delete from audit_tile")
    owner.execute("delete from audit_checkpoint")
    owner.execute("delete from audit_anchor")
    owner.execute("update audit_tree set size = 0, root = sha256('')")
    owner.execute("insert into audit_pending select id, leaf_hash from audit_entry where type = 'decision'")
    for _ in range(5):
        factories.decided()
    seal(committed, tmp_path / "another")
    for _ in range(2):
        assert anchoring.ask_witnesses(now=timezone.now()) == 0
    act = Entry.objects.get(type="witness.contradicted")
    assert act.object == witness.verifier.name and "422" in text_of(act.id)
    page = client_of(factories.person("auditor")).get("/trail/integrity/").text
    assert "A witness contradicts the record" in page and "The record is whole" not in page


def test_an_authority_stamps_the_signed_note(committed: str, tmp_path: Path, settings) -> None:
    assert not anchoring.ask_authority(now=timezone.now())
    (tmp_path / "tsa").mkdir()
    authority = Authority(tmp_path / "tsa")
    chain = tmp_path / "chain.pem"
    chain.write_bytes((tmp_path / "tsa" / "tsa.pem").read_bytes() + (tmp_path / "tsa" / "ca.pem").read_bytes())
    factories.decided()
    seal(committed, tmp_path / "trail")
    with authority.serving() as url:
        settings.TSA_URL, settings.TSA_CERTIFICATE_FILE = url, str(chain)
        assert anchoring.ask_authority(now=timezone.now()) and not anchoring.ask_authority(now=timezone.now())
    anchor, head = Anchor.objects.get(kind="rfc3161"), proofs.newest_checkpoint()
    assert check_timestamp(bytes(anchor.evidence), certificates=authority.certificates, text=head.note) == anchor.at


def test_an_authority_that_is_away_does_no_harm(committed: str, tmp_path: Path, settings) -> None:
    factories.decided()
    seal(committed, tmp_path / "trail")
    settings.TSA_URL, settings.TSA_CERTIFICATE_FILE = "http://127.0.0.1:9/tsa", str(tmp_path / "none.pem")
    assert not anchoring.ask_authority(now=timezone.now())
    asked = Asked.objects.get(kind="rfc3161")
    assert asked.name == "127.0.0.1" and "none.pem" in asked.problem
