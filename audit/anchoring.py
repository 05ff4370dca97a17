"""Others vouch for the log: witnesses cosign its newest checkpoint, a timestamp authority stamps it.

Sealing never waits for them. A witness that cannot be asked is tried again; one that contradicts us is an act in the
trail, since either the log was forked or somebody else's witness is wrong, and people must look.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from audit import proofs
from audit.log.cosignatures import parse_cosigner_vkey
from audit.log.tiles import consistency_proof
from audit.models import Anchor, Asked, Checkpoint, Entry
from audit.services import record
from audit.witnessing.client import WitnessAhead, WitnessContradicts, WitnessFailed, ask_witness
from audit.witnessing.timestamps import TimestampFailed, ask_timestamp, load_certificates
from portal.accounts.access import actor_for_process

ANCHORING = actor_for_process("anchoring")
TOLD_AGAIN_AFTER = timedelta(hours=1)
log = logging.getLogger(__name__)


class Event(StrEnum):
    """Names of the acts."""

    CONTRADICTED = "witness.contradicted"


def ask_witnesses(*, now: datetime) -> int:
    """Ask each configured witness for the newest checkpoint that it has not cosigned; how many cosigned."""
    head = proofs.newest_checkpoint()
    if head is None or head.size == 0:
        return 0
    return sum(_cosigned(url, vkey, head, now) for url, vkey in settings.WITNESSES.items())


def ask_authority(*, now: datetime) -> bool:
    """Have the newest checkpoint stamped (RFC 3161), if an authority is configured; whether it was."""
    head = proofs.newest_checkpoint()
    name = urlsplit(settings.TSA_URL).hostname or ""
    if head is None or not name or Anchor.objects.filter(size=head.size, kind=Anchor.Kind.RFC3161, name=name).exists():
        return False
    try:
        certificates = load_certificates(Path(settings.TSA_CERTIFICATE_FILE).read_bytes())
        stamp = ask_timestamp(url=settings.TSA_URL, certificates=certificates, text=head.note)
    except (TimestampFailed, OSError, ValueError) as error:
        log.error("No timestamp: %s", error)
        _note(Anchor.Kind.RFC3161, name, str(error), now)
        return False
    _note(Anchor.Kind.RFC3161, name, "", now)
    Anchor.objects.create(size=head.size, kind=Anchor.Kind.RFC3161, name=name, at=stamp.at, evidence=stamp.reply)
    return True


def _cosigned(url: str, vkey: str, head: Checkpoint, now: datetime) -> bool:
    name = parse_cosigner_vkey(vkey).name
    known = Anchor.objects.filter(kind=Anchor.Kind.WITNESS, name=name).order_by("-size").first()
    if known is not None and known.size >= head.size:
        return False
    try:
        given = ask_witness(
            url=url,
            vkey=vkey,
            note=head.note,
            prove=lambda size: consistency_proof(size, head.size, proofs.tile),
            known_size=known.size if known else 0,
        )
    except WitnessFailed as error:
        log.error("%s: %s", name, error)
        _note(Anchor.Kind.WITNESS, name, str(error), now)
        if isinstance(error, WitnessContradicts) or (isinstance(error, WitnessAhead) and not _signed(error.size)):
            _tell(name, str(error), now)
        return False
    at = datetime.fromtimestamp(given.seconds, UTC)
    evidence = given.line.encode()
    _note(Anchor.Kind.WITNESS, name, "", now)
    Anchor.objects.create(size=given.size, kind=Anchor.Kind.WITNESS, name=name, at=at, evidence=evidence)
    return True


def _note(kind: str, name: str, problem: str, now: datetime) -> None:
    """What came of asking, for people to see."""
    asked = Asked(kind=kind, name=name, at=now, problem=problem)
    Asked.objects.bulk_create(
        [asked], update_conflicts=True, unique_fields=["kind", "name"], update_fields=["at", "problem"]
    )


def _signed(size: int) -> bool:
    """Whether this log signed so large a tree: then somebody else only asked the witness first."""
    newest = proofs.newest_checkpoint()
    return newest is not None and newest.size >= size


def _tell(witness: str, words: str, now: datetime) -> None:
    last = Entry.objects.filter(type=Event.CONTRADICTED, object=witness).order_by("-id").first()
    if last is None or now - last.at > TOLD_AGAIN_AFTER:
        with transaction.atomic():
            record(actor=ANCHORING, event=Event.CONTRADICTED, object=witness, text=words)
