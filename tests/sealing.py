"""Sealing as the sealer does it, at once: for tests that need proofs, on a database whose commits are commits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg
from django.conf import settings

from audit import proofs
from audit.models import Checkpoint
from audit.sealing.last_signed import LastSigned
from audit.sealing.publishing import publish
from audit.sealing.tree import seal_batch
from portal.database import SEALER_ROLE
from portal.embedded.paths import run_dir


def seal(database: str, folder: Path) -> Checkpoint:
    """Seal all that waits in the database and sign it; `last_signed` is kept in the folder."""
    host = str(run_dir(settings.VAR_DIR))
    kept, signer = LastSigned(folder), proofs.log_signer()
    with psycopg.connect(host=host, dbname=database, user=SEALER_ROLE, autocommit=True) as session:
        publish(session, kept, signer, datetime.now(UTC))
        while seal_batch(session, 10_000):
            publish(session, kept, signer, datetime.now(UTC))
    newest = proofs.newest_checkpoint()
    assert newest is not None
    return newest
