"""Proofs, tiles and keys as a stranger gets them, checked with nothing but what was served."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from audit import proofs
from audit.log.checkpoints import open_checkpoint
from audit.log.cosignatures import cosigner_from_secret
from audit.log.notes import parse_vkey, split_note
from audit.log.proofs import check_proof
from audit.log.tiles import root_at
from audit.models import Anchor, Entry, Leaf
from portal.env import Misconfigured
from tests import factories
from tests.sealing import seal


@pytest.fixture
def entry(committed: str, tmp_path: Path) -> Entry:
    """One sealed decision among others."""
    made = [factories.decided() for _ in range(5)]
    seal(committed, tmp_path)
    return made[2]


def log_key():
    return parse_vkey(proofs.log_signer().vkey)


def test_a_decisions_proof_holds_for_the_served_bytes(entry: Entry, api) -> None:
    reader = api("read")
    proof = reader.get(f"/api/v1/decisions/{entry.id}/proof/")
    assert proof.headers["content-type"] == "text/plain; charset=utf-8"
    assert f'filename="{entry.id}.tlog-proof"' in proof.headers["content-disposition"]
    served = reader.get(f"/api/v1/decisions/{entry.id}/entry/").content
    proven = check_proof(proof.text, leaf=hashlib.sha256(b"\x00" + served).digest(), log=log_key())
    assert proven.index == Leaf.objects.get(pk=entry.id).leaf_index
    leaf = reader.get(f"/api/v1/decisions/{entry.id}/").json()["leaf"]
    assert leaf == {"index": proven.index, "hash": bytes(entry.leaf_hash).hex()}


def test_what_waits_has_no_proof_yet_and_is_told_so(committed: str, api) -> None:
    waiting = factories.decided()
    answer = api("read").get(f"/api/v1/decisions/{waiting.id}/proof/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_sealed")
    assert api("read").get(f"/api/v1/decisions/{waiting.id}/").json()["leaf"]["index"] is None


def test_tiles_and_bundles_make_the_signed_root(entry: Entry, api) -> None:
    reader = api("read")
    head = open_checkpoint(reader.get("/log/checkpoint").text, log_key())
    assert head.size == Leaf.objects.count() < 256
    tile = reader.get(f"/log/tile/0/000.p/{head.size}")
    assert tile.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert root_at(head.size, lambda level, n: tile.content) == head.root
    bundle, hashes = reader.get(f"/log/tile/entries/000.p/{head.size}").content, []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        hashes.append(hashlib.sha256(b"\x00" + bundle[2 : 2 + length]).digest())
        bundle = bundle[2 + length :]
    assert b"".join(hashes) == tile.content
    # A smaller part of it is served for ever, too.
    assert reader.get("/log/tile/0/000.p/2").content == tile.content[:64]


def test_what_is_not_signed_or_not_written_so_is_not_served(entry: Entry, api) -> None:
    reader = api("read")
    size = Leaf.objects.count()
    for path in ("0/000", f"0/000.p/{size + 1}", "0/001.p/1", "1/000.p/1", "0/0", "9/000", "entries/000", "x"):
        assert reader.get(f"/log/tile/{path}").status_code == 404, path


def test_the_log_is_for_readers(entry: Entry, api, client_of) -> None:
    paths = ("/log/checkpoint", "/log/vkeys", "/log/tile/0/000.p/1")
    allowed = [api("read"), client_of(factories.person("auditor")), client_of(factories.person("compliance"))]
    for path in paths:
        assert {reader.get(path).status_code for reader in allowed} == {200}
        assert api("decide").get(path).status_code == client_of(factories.person("lead")).get(path).status_code == 404


def test_the_keys_that_are_served_are_those_that_sign(entry: Entry, api) -> None:
    lines = [line for line in api("read").get("/log/vkeys").text.splitlines() if not line.startswith("#")]
    assert lines == [proofs.log_signer().vkey, proofs.receipt_signer().vkey]


def test_a_cosigned_checkpoint_is_preferred_and_carries_its_cosignature(
    committed: str, tmp_path: Path, api, settings
) -> None:
    witness = cosigner_from_secret("witness", "secret")
    settings.WITNESSES = {"https://witness.example/": witness.vkey}
    entry = factories.decided()
    head = seal(committed, tmp_path)
    line = witness.cosign(split_note(head.note)[0], 1_800_000_000)
    Anchor.objects.create(size=head.size, kind="witness", name="witness", at=entry.at, evidence=line.encode())
    factories.decided()
    seal(committed, tmp_path)
    text = api("read").get(f"/api/v1/decisions/{entry.id}/proof/").text
    proven = check_proof(text, leaf=bytes(entry.leaf_hash), log=log_key(), witnesses=[witness.verifier])
    assert (proven.checkpoint.size, proven.cosigned) == (head.size, {"witness": 1_800_000_000})


@pytest.mark.parametrize(
    "witnesses",
    [
        {"https://witness.example/": ""},
        {"https://witness.example/": "witness+00000000+AAAA"},
        {"witness.example": cosigner_from_secret("witness", "secret").vkey},
        dict.fromkeys(("https://a.example/", "https://b.example/"), cosigner_from_secret("witness", "secret").vkey),
    ],
)
def test_witnesses_that_cannot_be_asked_stop_the_start(settings, witnesses: dict[str, str]) -> None:
    settings.WITNESSES = witnesses
    with pytest.raises(Misconfigured, match="WITNESSES: "):
        proofs.check_configured()
