"""Checking the trail and keeping what was found: a row to look at, and an entry that says so for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from audit import proofs
from audit.identifiers import new_id
from audit.models import Verification
from audit.services import record
from audit.verifying.checking import Trusted
from audit.verifying.engine import Check, run
from audit.verifying.report import Report
from portal.accounts.access import Actor, Permission
from portal.env import env_path


class Event(StrEnum):
    """Names of the acts of this room in the trail."""

    VERIFIED = "trail.verified"


def check_trail(
    *, since: datetime | None = None, processes: int = 0, look: Callable[[float], None] = lambda part: None
) -> Report:
    """The report of a full check, of which nothing is kept yet. `DatabaseError` where the trail cannot be read.

    `processes` 0: as many as there are processors, or one for a small trail. `look` is told the part (0..1) done.
    """
    connection.ensure_connection()
    info = connection.connection.info
    conninfo = make_conninfo(info.dsn, **({"password": info.password} if info.password else {}))
    with connection.wrap_database_errors:
        return run(Check(conninfo, _trusted(), _last_signed(), since, processes), look=look)


@transaction.atomic
def record_verification(*, actor: Actor, report: Report, since: datetime | None, now: datetime) -> Verification:
    """Keep what a check found, whatever it found."""
    actor.need(Permission.TRAIL_VERIFY)
    said = report.said()
    kept = Verification.objects.create(
        id=new_id(),
        at=now,
        verdict=report.verdict,
        entries=report.entries,
        size=report.size,
        seconds=report.seconds,
        since=since,
        details=said,
    )
    names = ("verdict", "since", "entries", "size", "waiting", "checkpoints", "anchors", "contradicted")
    details = {"verification": str(kept.id), **{name: said[name] for name in names}}
    record(actor=actor, event=Event.VERIFIED, details=details)
    return kept


def _trusted() -> Trusted:
    authorities = {}
    name = urlsplit(settings.TSA_URL).hostname
    if name and settings.TSA_CERTIFICATE_FILE:
        authorities[name] = Path(settings.TSA_CERTIFICATE_FILE).read_text(encoding="ascii")
    return Trusted(proofs.log_signer().vkey, list(settings.WITNESSES.values()), authorities)


def _last_signed() -> Path:
    """Where the sealer keeps it, if it runs on this machine."""
    return env_path("TRAIL_DIR", settings.VAR_DIR / "trail") / "last_signed"
