"""The bundle, and the program in it that checks it: alone, off line, and whatever somebody did to the files."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import transaction

import audit.services as trail
from audit import proofs
from audit.exports.bundle import write_bundle
from audit.keys import keyring
from audit.log.checkpoints import Checkpoint, sign_checkpoint
from audit.log.cosignatures import Cosigner
from audit.log.notes import Signer
from audit.models import Anchor
from audit.records import DecisionFacts, Mode, Status, decision_draft
from tests import factories
from tests.sealing import seal

WITNESS = Cosigner("witness.example/w", bytes(32))


@pytest.fixture
def sealed(committed: str, tmp_path: Path, settings: Any) -> str:
    """Decisions and acts of one system, cosigned half way, and one more that waits."""
    settings.WITNESSES = {"http://localhost": WITNESS.vkey}
    factories.released(1)
    factories.decided()
    factories.refused()
    half = seal(committed, tmp_path / "trail")
    line = WITNESS.cosign(half.note[: half.note.index("\n\n") + 1], 1_700_000_000)
    facts = {"size": half.size, "kind": "witness", "name": WITNESS.name, "at": datetime.now(UTC)}
    Anchor.objects.create(**facts, evidence=line.encode())
    facts = DecisionFacts(
        system=factories.SYSTEM,
        status=Status.ANSWERED,
        mode=Mode.LIVE,
        caller="service:loan-desk",
        latency_us=1_900,
        version=1,
        release=1,
        subject="applicant-17",
        inputs=factories.DENIED,
        output={"label": "deny", "score": 0.75, "threshold": 0.5},
    )
    drafts = [decision_draft(facts, subject_key=settings.SUBJECT_KEY, keyring=keyring()) for _ in range(300)]
    with transaction.atomic():
        trail.append(drafts)
    seal(committed, tmp_path / "trail")
    factories.decided()
    return committed


Make = Callable[..., Path]


@pytest.fixture
def make(sealed: str, tmp_path: Path) -> Make:
    """Writes a bundle and gives its folder."""

    def bundle(name: str = "bundle", disclose: bool = True) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        now = datetime.now(UTC)
        span = {"since": now - timedelta(days=1), "until": now + timedelta(minutes=1)}
        write_bundle(folder, system=factories.SYSTEM, **span, actor_label="user:ava", disclose=disclose)
        return folder

    return bundle


def check(bundle: Path, *arguments: str, program: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Exit code and result of the bundle's own program, which knows nothing of ours."""
    command = [sys.executable, "-I", str(program or bundle / "verify.py"), str(bundle), "--json", *arguments]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def named(bundle: Path) -> None:
    """Whoever edits a file can edit the manifest as well."""
    file = bundle / "manifest.json"
    manifest = json.loads(file.read_text())
    names = [name for name in manifest["files"] if (bundle / name).exists()]
    manifest["files"] = {name: hashlib.sha256((bundle / name).read_bytes()).hexdigest() for name in names}
    file.write_text(json.dumps(manifest))


def test_a_whole_bundle_is_verified_and_says_what_it_took_on_trust(make: Make, tmp_path: Path) -> None:
    bundle = make()
    code, said = check(bundle)
    assert (code, said["verdict"], said["not_provable"], said["contradictions"]) == (0, "verified", [], []), said
    assert said["bundle"]["rows"] > 300 and "the log's key" in said["trusted"][0]
    shown = "\n".join(said["verified"])
    assert "entries are leaves of the tree" in shown and "witness.example/w cosigned size" in shown
    assert "payloads say what the log committed to" in shown and "1 earlier checkpoints" in shown
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["unsealed"] == 1 and manifest["redaction"] == "none" and manifest["exported_by"] == "user:ava"
    code, said = check(bundle, "--vkey", proofs.log_signer().vkey, "--vkey", WITNESS.vkey)
    assert (code, said["trusted"]) == (0, [])
    packed = tmp_path / "bundle.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(bundle.rglob("*")):
            archive.write(file, str(file.relative_to(bundle)))
    assert check(packed, program=bundle / "verify.py")[0] == 0
    words = subprocess.run([sys.executable, "-I", bundle / "verify.py"], capture_output=True, text=True, cwd="/")
    assert words.stdout.startswith("VERIFIED\n") and "Taken on trust:" in words.stdout


def test_without_the_right_to_the_data_there_is_none_in_it(make: Make) -> None:
    bundle = make(disclose=False)
    code, said = check(bundle)
    assert code == 0 and "no personal data is in this bundle" in "\n".join(said["verified"])
    everything = b"".join(file.read_bytes() for file in bundle.rglob("*") if file.is_file())
    assert b"applicant-17" not in everything and not (bundle / "payloads.jsonl").exists()
    assert b"applicant-17" in (make("open") / "payloads.jsonl").read_bytes()


def test_erased_data_is_no_contradiction(make: Make, sealed: str, server: Path) -> None:
    from portal.embedded import postgres

    with postgres.owner_connection(server, sealed) as owner:
        owner.execute("update audit_key set token = null, kek = null, wrapped = null, erased_on = now()::date")
    code, said = check(make())
    assert code == 0 and "0 payloads say" in "\n".join(said["verified"])


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        file = bundle / name
        before = file.read_bytes()
        file.write_bytes(change(before))
        assert file.read_bytes() != before

    return apply


def swap(first: int, second: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[first], lines[second] = lines[second], lines[first]
        return b"".join(lines)

    return change


def payload(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        lines = data.splitlines()
        said = json.loads(lines[-1])
        change(said)
        return b"\n".join([*lines[:-1], json.dumps(said).encode()]) + b"\n"

    return apply


def forged(data: bytes) -> bytes:
    note = data.decode()
    signer = Signer(note.split("\n")[0], b"\x07" * 32)
    return sign_checkpoint(Checkpoint(signer.name, int(note.split("\n")[1]), bytes(32)), signer).encode()


EDITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a byte of an entry": (edit("entries.jsonl", lambda data: data.replace(b"loan-desk", b"loan-dusk", 1)), "as leaf "),
    "an entry taken out": (edit("entries.jsonl", lambda data: data[data.index(b"\n") + 1 :]), "as leaf "),
    "an entry twice": (edit("entries.jsonl", lambda data: data[: data.index(b"\n") + 1] + data), "twice"),
    "two entries swapped": (edit("entries.jsonl", swap(3, 4)), "not in order"),
    "an entry of another kind": (edit("entries.jsonl", lambda data: b"[1]\n" + data), "entry 1 is no entry"),
    "two indices swapped": (edit("indices.txt", swap(3, 4)), "as leaf "),
    "an index too many": (edit("indices.txt", lambda data: data + b"1\n"), "more lines"),
    "a leaf that the tree has not": (
        edit("indices.txt", lambda data: b"9999\n" + data[data.index(b"\n") + 1 :]),
        "of a tree",
    ),
    "a tile": (edit("tile/0/000", lambda data: bytes(32) + data[32:]), "does not hash to what the tile above"),
    "a short tile": (edit("tile/0/000", lambda data: data[32:]), "does not hold 256 hashes"),
    "the tile above": (edit("tile/1/000.p/1", lambda data: bytes(32)), "the tiles make the root"),
    "the checkpoint's root": (
        edit("checkpoint", lambda data: data.replace(b"\n3", b"\n2", 1)),
        "not signed by the log",
    ),
    "another's checkpoint": (edit("checkpoint", forged), "is not signed by the log's key"),
    "a cosignature": (
        edit(
            "checkpoints.txt", lambda data: data[:-12] + (b"AAAA" if data[-12:-8] != b"AAAA" else b"BBBB") + data[-8:]
        ),
        "the cosignature of witness.example/w",
    ),
    "an earlier checkpoint": (edit("checkpoints.txt", forged), "is not signed by the log"),
    "what was said": (
        edit("payloads.jsonl", payload(lambda said: said.update(text=said["text"].replace("0", "1")))),
        "something else than the log committed to",
    ),
    "what was stored": (
        edit("payloads.jsonl", payload(lambda said: said.update(stored=base64.b64encode(b"x").decode()))),
        "is not what was stored",
    ),
    "a payload of nobody": (
        edit("payloads.jsonl", payload(lambda said: said.update(entry="nobody"))),
        "belongs to no entry",
    ),
    "the number of entries": (
        edit("manifest.json", lambda data: data.replace(b'"rows": ', b'"rows": 1')),
        "the manifest says",
    ),
    "the system": (edit("manifest.json", lambda data: data.replace(b'"mortgage"', b'"other"')), "not of 'other'"),
    "the time": (
        edit("manifest.json", lambda data: data.replace(b'"since": "20', b'"since": "30')),
        "is not of the time",
    ),
}


@pytest.fixture
def whole(make: Make) -> Path:
    return make()


def test_each_edit_is_contradicted(whole: Path, tmp_path: Path) -> None:
    """Once with the manifest left as it was, and once by somebody who knows that it names the files."""
    for name, (apply, what) in EDITS.items():
        bundle = tmp_path / "edited"
        shutil.copytree(whole, bundle)
        apply(bundle)
        if (bundle / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes():
            code, said = check(bundle)
            assert code == 1 and "its SHA-256 differs" in said["contradictions"][0], name
            named(bundle)
        code, said = check(bundle)
        assert code == 1 and what in "\n".join(said["contradictions"]), (name, said)
        shutil.rmtree(bundle)


def test_what_is_missing_is_not_provable(whole: Path, tmp_path: Path) -> None:
    for name in ("tile/0/000", "tile/1/000.p/1", "entries.jsonl", "checkpoint", "payloads.jsonl"):
        bundle = tmp_path / "incomplete"
        shutil.copytree(whole, bundle)
        (bundle / name).unlink()
        code, said = check(bundle)
        assert code == 2 and f"{name} is not in the bundle" in "\n".join(said["not_provable"])
        named(bundle)
        code, said = check(bundle)
        assert code in (1, 2) and name in "\n".join([*said["not_provable"], *said["contradictions"]])
        shutil.rmtree(bundle)


def test_a_checkpoint_that_somebody_kept(make: Make, sealed: str, tmp_path: Path) -> None:
    early = tmp_path / "early"
    early.write_text(proofs.checkpoints().order_by("size")[1].note)
    bundle = make()
    code, said = check(bundle, "--checkpoint", str(early))
    assert code == 0 and "is of the same history" in said["verified"][-1]
    signer, head = proofs.log_signer(), proofs.newest_checkpoint()
    fork = tmp_path / "fork"
    fork.write_text(sign_checkpoint(Checkpoint(signer.name, head.size, bytes(32)), signer))
    code, said = check(bundle, "--checkpoint", str(fork))
    [found] = said["contradictions"]
    assert code == 1 and found.startswith("TWO HISTORIES") and fork.read_text() in found and head.note in found
    later = tmp_path / "later"
    later.write_text(sign_checkpoint(Checkpoint(signer.name, head.size + 5, bytes(32)), signer))
    code, said = check(bundle, "--checkpoint", str(later))
    assert code == 2 and "was signed after this bundle was made" in said["not_provable"][0]
    stranger = Signer(signer.name, b"\x09" * 32)
    fork.write_text(sign_checkpoint(Checkpoint(signer.name, head.size, bytes(32)), stranger))
    code, said = check(bundle, "--checkpoint", str(fork))
    assert code == 2 and "says nothing of this log" in said["not_provable"][0]
    code, said = check(bundle, "--vkey", stranger.vkey)
    assert code == 1 and "is not signed by the log's key" in said["contradictions"][0]


def test_a_timestamp_is_tied_to_its_checkpoint(make: Make) -> None:
    head = proofs.newest_checkpoint()
    facts = {"size": head.size, "kind": "rfc3161", "name": "tsa.example", "at": datetime.now(UTC)}
    imprint = hashlib.sha256(head.note.encode()).digest()
    Anchor.objects.create(**facts, evidence=b"0" + imprint)
    bundle = make()
    code, said = check(bundle)
    assert code == 0 and any("openssl ts -verify" in line for line in said["unchecked"])
    (bundle / f"anchors/{head.size}.tsa.example.tsr").write_bytes(b"0" + bytes(32))
    named(bundle)
    code, said = check(bundle)
    assert code == 1 and "is not of the checkpoint of size" in said["contradictions"][0]


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_hostile_bundle_proves_nothing_and_does_no_harm(whole: Path, tmp_path: Path) -> None:
    program = whole / "verify.py"
    broken: list[Path] = [tmp_path / "nowhere", tmp_path / "text"]
    broken[1].write_text("no zip")
    for name in ("../outside", "/etc/passwd", "a/../../b", "c:\\d", "a\\b"):
        broken.append(zipped(tmp_path / f"{len(broken)}.zip", {name: b"x", "manifest.json": b"{}"}))
    broken.append(zipped(tmp_path / "bomb.zip", {"manifest.json": bytes(600 << 20)}))
    for manifest in (b"", b"[]", b"{}", b"[" * 100_000, b'{"format": "countersign-bundle/v1", "files": {"a": 1}}'):
        broken.append(zipped(tmp_path / f"{len(broken)}.zip", {"manifest.json": manifest}))
    odd = {"format": "countersign-bundle/v1", "files": {"../../etc/passwd": "x"}, "checkpoint": {}, "rows": 1}
    broken.append(zipped(tmp_path / "odd.zip", {"manifest.json": json.dumps(odd).encode()}))
    half = (whole / "manifest.json").read_bytes()
    broken.append(zipped(tmp_path / "alone.zip", {"manifest.json": half}))
    for each in broken:
        code, said = check(each, program=program)
        assert code in (1, 2) and said["verdict"] != "verified" and (said["not_provable"] or said["contradictions"]), (
            each
        )
    link = tmp_path / "linked"
    shutil.copytree(whole, link)
    (link / "entries.jsonl").unlink()
    (link / "entries.jsonl").symlink_to(whole / "entries.jsonl")
    code, said = check(link)
    assert code == 2 and "leads out of the bundle" in said["not_provable"][0]
    assert check(whole, "--vkey", "nonsense")[0] == 2
    assert check(whole, "--checkpoint", "/nowhere")[0] == 2


def test_a_damaged_zip_is_no_whole_one(whole: Path, tmp_path: Path) -> None:
    members = {str(file.relative_to(whole)): file.read_bytes() for file in whole.rglob("*") if file.is_file()}
    packed = zipped(tmp_path / "whole.zip", members)
    assert check(packed, program=whole / "verify.py")[0] == 0
    data = bytearray(packed.read_bytes())
    for place in range(200, len(data), len(data) // 20):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        packed.write_bytes(changed)
        code, said = check(packed, program=whole / "verify.py")
        assert code in (1, 2) or said["verdict"] == "verified"


def test_nothing_is_written_before_something_is_sealed(
    committed: str, tmp_path: Path, owner: psycopg.Connection
) -> None:
    from portal.errors import Conflict

    now = datetime.now(UTC)
    with pytest.raises(Conflict):
        write_bundle(tmp_path, system="x", since=now, until=now, actor_label="a", disclose=False)
