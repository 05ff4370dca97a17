"""A log for the witness to watch, with a second history beside it; and witnesses as processes of their own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.log.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from audit.log.cosignatures import CosignatureVerifier, parse_cosigner_vkey
from audit.log.notes import Signer, signer_from_secret, split_note
from audit.log.tiles import append, consistency_proof, root_at
from audit.witnessing.protocol import ADD_CHECKPOINT, origin_digest, write_request
from tests.product import eventually, free_port

from ..log.trees import random_leaves

ROOT = Path(__file__).resolve().parents[3]
WITNESS_NAME = "witness.example/audit"
WITNESS_SECRET = "the witness's own"


class Log:
    """A signed log of random leaves, as long as the test wants it."""

    def __init__(self, name: str = "log.example/trail", *, length: int = 3000, seed: int = 1) -> None:
        self.signer: Signer = signer_from_secret(name, "the log's own")
        self.tiles = append(0, {}, random_leaves(length, seed)).tiles

    @property
    def origin(self) -> str:
        return self.signer.name

    def read(self, level: int, n: int) -> bytes:
        return self.tiles[level, n]

    def note(self, size: int) -> str:
        """The signed checkpoint of the first leaves."""
        return sign_checkpoint(Checkpoint(self.origin, size, root_at(size, self.read)), self.signer)

    def proof(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(old, new, self.read)

    def request(self, old: int, new: int, proof: Sequence[bytes] | None = None) -> bytes:
        """The body that asks a witness to go from one size to the next."""
        return write_request(old, self.proof(old, new) if proof is None else proof, self.note(new))


@dataclass(frozen=True)
class Reply:
    """An answer of a witness over HTTP."""

    status: int
    content_type: str
    text: str


class Running:
    """A witness in a process of its own."""

    def __init__(self, folder: Path, *vkeys: str, under: Sequence[str] = (), **more: str) -> None:
        self.port = free_port()
        self.folder = folder
        self._vkeys, self._under, self._more = vkeys, under, more
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def verifier(self) -> CosignatureVerifier:
        return parse_cosigner_vkey(self.get("/vkey").text.strip())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Running:
        own = {
            "WITNESS_DIR": str(self.folder),
            "WITNESS_PORT": str(self.port),
            "WITNESS_NAME": WITNESS_NAME,
            "WITNESS_KEY": WITNESS_SECRET,
            "WITNESS_LOGS": ",".join(self._vkeys),
            "LOG_LEVEL": "ERROR",
        }
        command = [*self._under, sys.executable, "-m", "audit.witnessing"]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own, **self._more})
        eventually(lambda: self._is_up(), 20)
        return self

    def kill(self) -> None:
        """As a power cut would: no handler runs."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """In order; gives the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)

    def add(self, body: bytes) -> Reply:
        return self._call("POST", ADD_CHECKPOINT, body)

    def get(self, path: str) -> Reply:
        return self._call("GET", path)

    def latest(self, origin: str) -> Checkpoint | None:
        """What it says it cosigned last."""
        reply = self.get(f"/{origin_digest(origin)}/checkpoint")
        return parse_checkpoint(split_note(reply.text)[0]) if reply.status == 200 else None

    def _call(self, method: str, path: str, body: bytes | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return Reply(response.status, response.headers["content-type"], response.read().decode())
        finally:
            connection.close()

    def _is_up(self) -> bool:
        assert self.process is not None and self.process.poll() is None, "the witness did not start"
        try:
            return self.get("/healthz").status in {200, 503}
        except OSError:
            return False
