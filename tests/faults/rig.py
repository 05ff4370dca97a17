"""PostgreSQL, gateway and sealer as processes that may be killed at any moment, and callers who never give up."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from audit.canonical import leaf_hash
from audit.log.checkpoints import parse_checkpoint
from audit.log.merkle import EMPTY_ROOT
from audit.log.notes import open_note, parse_vkey, signer_from_secret
from audit.log.receipts import read_receipt
from audit.log.tiles import append, edge_of
from portal.embedded import postgres
from portal.vault import log_origin, secret
from tests.bench.gateway_bench import INPUTS, TOKEN, register, wait_for
from tests.bench.results import ROOT

SYSTEM = "xgboost"


@dataclass
class Acknowledged:
    """One decision as a caller was answered."""

    key: str
    decision_id: str
    receipt: str


@dataclass
class Callers:
    """Callers who send until they are answered, each request again under the same key after a failure."""

    url: str
    number: int = 6
    answered: list[Acknowledged] = field(default_factory=list)
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Callers:
        self._threads = [threading.Thread(target=self._call) for _ in range(self.number)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self._stop.is_set():
                key = uuid.uuid4().hex
                # A request that was begun is answered before the caller goes, so that its outcome is known.
                while not self._try(client, key):
                    time.sleep(0.05)

    def _try(self, client: httpx.Client, key: str) -> bool:
        headers = {"authorization": f"Bearer {TOKEN}", "idempotency-key": key}
        body = {"subject": f"applicant-{key[:6]}", "inputs": INPUTS}
        try:
            answer = client.post(f"{self.url}/v1/systems/{SYSTEM}/decide", json=body, headers=headers)
        except httpx.TransportError:
            self.refused += 1
            return False
        if answer.status_code != 200:
            self.refused += 1
            return False
        said = answer.json()
        self.answered.append(Acknowledged(key, said["decision_id"], said["receipt"]))
        return True


class Rig:
    """The parts, on a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "VAR_DIR": str(folder), "LOG_LEVEL": "CRITICAL", "OMP_NUM_THREADS": "1"}
        self.environment.pop("DATABASE_URL", None)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._postgres: subprocess.Popen[bytes] | None = None
        self.gateway: subprocess.Popen[bytes] | None = None
        self.sealers: list[subprocess.Popen[bytes]] = []
        self.notes: set[str] = set()

    def build(self) -> None:
        """A migrated database with one model live."""
        postgres.create(self.folder)
        self.start_postgres()
        postgres.create_database(self.folder)
        migrate = [sys.executable, "manage.py", "migrate"]
        subprocess.run(migrate, cwd=ROOT, env=self.environment, check=True, capture_output=True)
        register(self.folder, [SYSTEM])

    def start_postgres(self) -> None:
        """Start it, recovering if it was killed."""
        who = postgres._as_account()
        self._postgres = subprocess.Popen(
            postgres.command(self.folder), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who
        )
        postgres.wait_until_ready(self.folder)

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster and all its children at once."""
        assert self._postgres is not None
        family = psutil.Process(self._postgres.pid)
        for process in [family, *family.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._postgres.wait()

    def start_gateway(self) -> None:
        """Start it and wait until it is ready."""
        more = {"GATEWAY_PORT": str(self.port), "ARTIFACT_DIR": str(self.folder / "artifacts")}
        command = [sys.executable, "-m", "registry.gateway"]
        self.gateway = subprocess.Popen(command, cwd=ROOT, env={**self.environment, **more})
        wait_for(f"{self.url}/healthz")

    def kill_gateway(self) -> None:
        """SIGKILL."""
        assert self.gateway is not None
        self.gateway.kill()
        self.gateway.wait()

    def start_sealer(self) -> subprocess.Popen[bytes]:
        """One more sealer."""
        sealer = subprocess.Popen([sys.executable, "-m", "audit.sealing"], cwd=ROOT, env=self.environment)
        self.sealers.append(sealer)
        return sealer

    def kill_sealers(self) -> None:
        """SIGKILL to all."""
        for sealer in self.sealers:
            if sealer.poll() is None:
                sealer.send_signal(signal.SIGCONT)
                sealer.kill()
            sealer.wait()
        self.sealers.clear()

    def stop(self) -> None:
        """End everything."""
        self.kill_sealers()
        if self.gateway is not None and self.gateway.poll() is None:
            self.kill_gateway()
        if self._postgres is not None and self._postgres.poll() is None:
            self.kill_postgres()

    def owner(self) -> psycopg.Connection:
        """A session as the owner."""
        return postgres.owner_connection(self.folder)

    def keep_notes(self) -> None:
        """Remember every checkpoint that was ever published, outside the database."""
        with self.owner() as owner:
            self.notes |= {row[0] for row in owner.execute("select note from audit_checkpoint")}
        kept = self.folder / "trail" / "last_signed"
        if kept.exists():
            self.notes.add(kept.read_text(encoding="utf-8"))

    def problem(self) -> str:
        """What the sealer says is wrong."""
        with self.owner() as owner:
            return owner.execute("select problem from audit_sealer").fetchone()[0]

    def wait_until_sealed(self, seconds: float = 60) -> float:
        """Seconds until nothing waits; fails after the given time."""
        began = time.monotonic()
        while True:
            with self.owner() as owner:
                row = owner.execute(
                    "select not exists (select from audit_pending),"
                    " (select size from audit_tree) = coalesce((select max(size) from audit_checkpoint), 0)"
                ).fetchone()
            if all(row):
                return time.monotonic() - began
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not sealed after {seconds} s: {self.problem()}")
            time.sleep(0.1)


def verdict(rig: Rig, answered: list[Acknowledged]) -> dict[str, Any]:
    """The oracle: nothing acknowledged is lost, each has one leaf, indices are dense, every checkpoint stays true."""
    rig.keep_notes()
    with rig.owner() as owner:
        leaves = owner.execute(
            "select l.leaf_index, e.id::text, e.entry from audit_leaf l join audit_entry e on e.id = l.entry_id"
            " order by l.leaf_index"
        ).fetchall()
        entries = owner.execute("select count(*) from audit_entry").fetchone()[0]
    hashes = {identifier: leaf_hash(entry) for _, identifier, entry in leaves}
    roots = roots_of([leaf_hash(entry) for _, _, entry in leaves])
    receipts = parse_vkey(signer_from_secret(f"{log_origin()}/gateway", _secret(rig, "RECEIPT_KEY")).vkey)
    log = parse_vkey(signer_from_secret(log_origin(), _secret(rig, "LOG_KEY")).vkey)
    keys, ids = {item.key for item in answered}, {item.decision_id for item in answered}
    lost = 0
    for given in answered:
        promised = read_receipt(given.receipt, receipts)
        lost += hashes.get(given.decision_id) != promised.leaf
    heads = [parse_checkpoint(open_note(note, [log]).text) for note in rig.notes]
    return {
        "acknowledged": len(answered),
        "lost": lost,
        "once each": len(ids) == len(keys) == len(answered),
        "dense": [row[0] for row in leaves] == list(range(len(leaves))) and len(leaves) == entries == len(hashes),
        "checkpoints": len(heads),
        "true": all(roots.get(head.size) == head.root for head in heads),
    }


def roots_of(leaves: list[bytes]) -> dict[int, bytes]:
    """The root at every size, from the leaves alone."""
    roots, size, tiles = {0: EMPTY_ROOT}, 0, {}
    for leaf in leaves:
        growth = append(size, {place: tiles[place] for place in edge_of(size)}, [leaf])
        tiles |= growth.tiles
        size, roots[growth.size] = growth.size, growth.root
    return roots


@contextmanager
def rig() -> Iterator[Rig]:
    """A rig that runs: PostgreSQL, gateway and one sealer."""
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        made = Rig(Path(folder))
        try:
            made.build()
            made.start_gateway()
            made.start_sealer()
            made.wait_until_sealed()
            yield made
        finally:
            made.stop()


def check(rig: Rig) -> dict[str, Any]:
    """What `verify_trail` says."""
    command = [sys.executable, "manage.py", "verify_trail", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=rig.environment, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _secret(rig: Rig, name: str) -> str:
    return secret(name, rig.folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
