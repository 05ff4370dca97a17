"""Sealing as the sealer does it, at once: for tests that need proofs, on a database whose commits are commits."""

from __future__ import annotations

from pathlib import Path

import psycopg
from django.conf import settings

from audit import proofs
from audit.log.notes import parse_vkey
from audit.models import Checkpoint
from audit.sealing.last_signed import LastSigned
from audit.sealing.sealer import Sealer
from portal.database import SEALER_ROLE
from portal.embedded.paths import run_dir


def seal(database: str, folder: Path) -> Checkpoint:
    """Seal all that waits in the database and sign it; `last_signed` is kept in the folder."""
    host = str(run_dir(settings.VAR_DIR))
    signer = proofs.log_signer()
    with psycopg.connect(host=host, dbname=database, user=SEALER_ROLE, autocommit=True) as session:
        sealer = Sealer(session, signer, LastSigned(folder, parse_vkey(signer.vkey)))
        while sealer.seal():
            sealer.publish()
    newest = proofs.newest_checkpoint()
    assert newest is not None
    return newest
