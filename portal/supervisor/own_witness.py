"""The demo's own witness. It runs beside the log it witnesses, so it proves little: it shows how a real one is used."""

from __future__ import annotations

import socket
import sys

from django.conf import settings

from audit.log.cosignatures import cosigner_from_secret
from audit.log.notes import signer_from_secret
from portal.env import kept_secret
from portal.supervisor.processes import Program
from portal.vault import log_origin, secret

NAME = "localhost/witness-of-the-demo"


def introduced() -> Program:
    """The witness as a program, on a free port; from then on the portal knows it (`VAR_DIR/witnesses`)."""
    folder = settings.VAR_DIR / "witness"
    vkey = cosigner_from_secret(NAME, kept_secret("WITNESS_KEY", folder)).vkey
    port = _free_port()
    settings.WITNESSES_FILE.write_text(f"http://127.0.0.1:{port}/ {vkey}\n", encoding="utf-8")
    environment = {
        "WITNESS_DIR": str(folder),
        "WITNESS_NAME": NAME,
        "WITNESS_PORT": str(port),
        "WITNESS_LOGS": signer_from_secret(log_origin(), secret("LOG_KEY", settings.VAR_DIR)).vkey,
    }
    return Program("witness", [sys.executable, "-m", "audit.witnessing"], environment)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
