"""Reading the log: where an entry stands, the proof that it does, tiles and bundles, and who signs what."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from audit.identifiers import time_of
from audit.log.cosignatures import parse_cosigner_vkey
from audit.log.notes import NoteInvalid, Signer, signer_from_secret
from audit.log.proofs import write_proof
from audit.log.receipts import receipt_key_name
from audit.log.tiles import TILE_WIDTH, EntriesRef, TileRef, inclusion_proof, parse_path
from audit.models import Anchor, Asked, Checkpoint, Entry, Leaf, Pending, Sealer, Tile, Tree, Verification
from portal.env import Misconfigured
from portal.errors import Hidden
from portal.vault import secret

HASH_BYTES = 32
# A sealer says every second or two that it is there; what it is behind is noticed after a minute, its promise.
SILENT_AFTER = timedelta(seconds=30)
LATE_AFTER = timedelta(seconds=60)


class NotSealed(Hidden):
    """The entry waits for the next checkpoint; some seconds later there is a proof."""

    code = "not_sealed"


class Gone(Hidden):
    """Entries that a retention drop has taken away."""

    code = "dropped_by_retention"


@dataclass(frozen=True)
class SealedPlace:
    """An entry's leaf, and the first checkpoint that covers it (None for the moment before it is signed)."""

    index: int
    checkpoint: Checkpoint | None


@dataclass(frozen=True)
class State:
    """How the sealing goes: the sealer's own words, and what waits."""

    sealer: Sealer
    size: int
    newest: Checkpoint | None
    oldest_waiting: datetime | None
    # Why the timestamp authority gave none when it was last asked.
    no_stamp: str = ""

    def problems(self, now: datetime) -> list[str]:
        """Why records are not being sealed as they should; empty when they are."""
        if self.sealer.problem:
            return [f"The sealer: {self.sealer.problem}"]
        if self.sealer.beat_at is None or now - self.sealer.beat_at > SILENT_AFTER:
            return ["The sealer does not run."]
        if self.oldest_waiting is not None and now - self.oldest_waiting > LATE_AFTER:
            return ["Records wait to be sealed for more than a minute."]
        return []


@dataclass(frozen=True)
class Witness:
    """A configured witness, the last checkpoint that it cosigned, and what came of asking it last."""

    name: str
    url: str
    last: Anchor | None
    asked: Asked | None

    @property
    def is_here(self) -> bool:
        """True for one on this machine: whoever holds the machine holds its memory and key, too."""
        return urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")


def state() -> State:
    """The log as it stands, in a few look-ups by key."""
    oldest = Pending.objects.order_by("id").values_list("id", flat=True).first()
    return State(
        sealer=Sealer.objects.get(),
        size=Tree.objects.get().size,
        newest=newest_checkpoint(),
        oldest_waiting=time_of(oldest) if oldest else None,
        no_stamp=Asked.objects.filter(kind=Anchor.Kind.RFC3161).values_list("problem", flat=True).first() or "",
    )


def health() -> str:
    """Why the log is not as it should be, for `/healthz`; empty when it is, or when the database does not answer."""
    try:
        return " ".join(state().problems(timezone.now()))
    except DatabaseError:
        return ""


class LogMetrics(Collector):
    """How far the log has grown and how far sealing is behind, as Prometheus gauges. Seconds and entries."""

    def describe(self) -> list[Metric]:
        """Nothing: the names must not cost a query at start."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges; none while the database does not answer."""
        try:
            now, found = timezone.now(), state()
        except DatabaseError:
            return
        waits = (now - found.oldest_waiting).total_seconds() if found.oldest_waiting else 0
        yield GaugeMetricFamily("trail_tree_size", "Entries in the tree", value=found.size)
        yield GaugeMetricFamily("trail_oldest_unsealed_seconds", "Age of the oldest unsealed entry", value=waits)
        if found.newest is not None:
            age = (now - found.newest.at).total_seconds()
            yield GaugeMetricFamily("trail_checkpoint_age_seconds", "Age of the newest checkpoint", value=age)


def newest_checkpoint() -> Checkpoint | None:
    """The newest signed tree head; None before the first."""
    return Checkpoint.objects.order_by("-size").first()


def checkpoints() -> QuerySet[Checkpoint]:
    """All signed tree heads, newest first."""
    return Checkpoint.objects.order_by("-size")


def place_of(entry: uuid.UUID) -> SealedPlace | None:
    """Where the entry stands; None while it waits."""
    index = Leaf.objects.filter(pk=entry).values_list("leaf_index", flat=True).first()
    if index is None:
        return None
    return SealedPlace(index, Checkpoint.objects.filter(size__gt=index).order_by("size").first())


def proof_of(entry: uuid.UUID) -> str:
    """The entry's proof as a C2SP tlog-proof file. `NotSealed` while no checkpoint covers it.

    Of the checkpoints that cover it the newest that a witness cosigned, or else the newest.
    """
    place = place_of(entry)
    covering = Checkpoint.objects.filter(size__gt=place.index).order_by("-size") if place else Checkpoint.objects.none()
    cosigned = Anchor.objects.filter(kind=Anchor.Kind.WITNESS).order_by("-size").values_list("size", flat=True).first()
    head = covering.filter(size=cosigned).first() or covering.first()
    if place is None or head is None:
        raise NotSealed("This waits for the next checkpoint. Ask again in a few seconds.")
    return write_proof(place.index, inclusion_proof(place.index, head.size, tile), note_of(head))


def note_of(head: Checkpoint) -> str:
    """The signed note, with the lines of the witnesses that cosigned it."""
    lines = Anchor.objects.filter(size=head.size, kind=Anchor.Kind.WITNESS).order_by("name")
    return head.note + "".join(bytes(line.evidence).decode() for line in lines)


def tile(level: int, n: int) -> bytes:
    """The hashes of a tile as far as it has grown; empty where there is none."""
    row = Tile.objects.filter(level=level, n=n).values_list("data", flat=True).first()
    return b"" if row is None else bytes(row)


def served(path: str) -> bytes:
    """What is at `tile/…`: hashes, or entries as a bundle. `Hidden` for what is not there, or not signed yet."""
    try:
        wanted = parse_path(path)
    except ValueError:
        raise Hidden from None
    head = newest_checkpoint()
    size = head.size if head else 0
    level = wanted.level if isinstance(wanted, TileRef) else 0
    if level > 7 or wanted.n * TILE_WIDTH + wanted.width > size >> (8 * level):
        raise Hidden
    if isinstance(wanted, EntriesRef):
        return _bundle(wanted)
    return tile(wanted.level, wanted.n)[: wanted.width * HASH_BYTES]


def stamps() -> QuerySet[Anchor]:
    """What a timestamp authority stamped, newest first."""
    return Anchor.objects.filter(kind=Anchor.Kind.RFC3161).order_by("-size")


def verifications() -> QuerySet[Verification]:
    """The full checks of the trail, newest first."""
    return Verification.objects.order_by("-at")


def verdict() -> str:
    """What the last full check of the trail found; empty before the first."""
    return verifications().values_list("verdict", flat=True).first() or ""


def doubt(now: datetime) -> str:
    """Why the record is not known to be whole, in a sentence; empty when nothing speaks against it."""
    if verdict() == Verification.Verdict.CONTRADICTED:
        return "The last full check found that the record was changed."
    if contradiction():
        return "A witness contradicts the record."
    return " ".join(state().problems(now))


def check_configured() -> None:
    """`Misconfigured` where a witness is not given as an address and its verifier key, or two have one name."""
    names = set()
    for url, vkey in settings.WITNESSES.items():
        try:
            name = parse_cosigner_vkey(vkey).name
        except NoteInvalid as error:
            raise Misconfigured(f"WITNESSES: after the address {url!r} stands its verifier key; {error}.") from None
        if not url.startswith(("https://", "http://")) or name in names:
            raise Misconfigured(f"WITNESSES: {url!r} is no http address, or {name} is named twice.")
        names.add(name)


def log_signer() -> Signer:
    """The log's name and key; the portal signs nothing with it."""
    return _signer("LOG_KEY", settings.LOG_ORIGIN)


def receipt_signer() -> Signer:
    """The gateways' name and key."""
    return _signer("RECEIPT_KEY", receipt_key_name(settings.LOG_ORIGIN))


def witnesses() -> list[Witness]:
    """The configured witnesses."""
    signed = Anchor.objects.filter(kind=Anchor.Kind.WITNESS).order_by("-size")
    names = {url: parse_cosigner_vkey(vkey).name for url, vkey in settings.WITNESSES.items()}
    asked = {answer.name: answer for answer in Asked.objects.filter(kind=Anchor.Kind.WITNESS)}
    return [Witness(name, url, signed.filter(name=name).first(), asked.get(name)) for url, name in names.items()]


def contradiction() -> Entry | None:
    """The last time that a witness contradicted this log; None where it has cosigned since, or never did."""
    told = Entry.objects.filter(type="witness.contradicted").order_by("-id").first()
    if told is None:
        return None
    cosigned = Anchor.objects.filter(kind=Anchor.Kind.WITNESS, name=told.object, at__gt=told.at)
    return None if cosigned.exists() else told


def vkeys() -> str:
    """The verifier keys of the log, of the gateways' receipts and of the witnesses, each with a comment."""
    parts = [
        ("# The log: it signs the checkpoints.", log_signer().vkey),
        ("# The gateways: they sign the receipts.", receipt_signer().vkey),
        *(("# A witness: it cosigns checkpoints.", vkey) for vkey in settings.WITNESSES.values()),
    ]
    return "".join(f"{comment}\n{vkey}\n" for comment, vkey in parts)


def _bundle(wanted: EntriesRef) -> bytes:
    first = wanted.n * TILE_WIDTH
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.entry from audit_leaf l join audit_entry e on e.id = l.entry_id"
            " where l.leaf_index >= %s and l.leaf_index < %s order by l.leaf_index",
            [first, first + wanted.width],
        )
        entries = [bytes(row[0]) for row in cursor.fetchall()]
    if len(entries) < wanted.width:
        raise Gone("These entries were dropped at the end of their retention; their hashes stand in the tiles.")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _signer(name: str, key_name: str) -> Signer:
    return signer_from_secret(key_name, secret(name, settings.VAR_DIR))
