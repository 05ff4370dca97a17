"""The tables of the trail. Rows are only ever added; the database refuses everything else."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from audit.identifiers import time_of
from audit.records import DECISION


class Entry(models.Model):
    """One record of the trail: the hashed bytes, and columns to search by, each also inside the bytes.

    Systems, versions and releases are values, not foreign keys: the trail outlives what it speaks of.
    PII: none in itself; the payloads hold it.
    """

    id = models.UUIDField(primary_key=True)
    # The database's clock, as a second opinion; what counts is the time inside the entry.
    recorded_at = models.DateTimeField(editable=False)
    type = models.CharField(max_length=64)
    system = models.CharField(max_length=64, null=True)
    version = models.IntegerField(null=True)
    release = models.IntegerField(null=True)
    status = models.CharField(max_length=16, null=True)
    mode = models.CharField(max_length=16, null=True)
    label = models.CharField(max_length=64, null=True)
    score_ppm = models.IntegerField(null=True)
    latency_us = models.IntegerField(null=True)
    actor = models.CharField(max_length=160)
    request_id = models.CharField(max_length=128, null=True)
    object = models.CharField(max_length=160, null=True)
    # Inputs that the version's schema marks as not personal, as text: what the entry says of them, to search by.
    features = models.JSONField(null=True)
    leaf_hash = models.BinaryField(max_length=32)
    entry = models.BinaryField()

    # Why the answer is withheld from the person who looks, in words (`audit.withholding`); empty where it is not.
    withheld = ""

    class Meta:
        managed = False
        db_table = "audit_entry"

    @property
    def at(self):
        """The moment of the decision or act, to the millisecond."""
        return time_of(self.id)

    @property
    def is_decision(self) -> bool:
        """True for a decision, False for an act."""
        return self.type == DECISION

    @property
    def decision_id(self) -> uuid.UUID | None:
        """The decision that an act is about, where it is about one."""
        try:
            return uuid.UUID(self.object) if self.object else None
        except ValueError:
            return None

    @property
    def score(self) -> float | None:
        """The score to a millionth, for lists; the recorded one is in the payload."""
        return None if self.score_ppm is None else self.score_ppm / 1_000_000


class Payload(models.Model):
    """The stored bytes of one part of an entry, encrypted. PII: yes, whatever the caller sent."""

    pk = models.CompositePrimaryKey("entry_id", "part")
    entry_id = models.UUIDField()
    part = models.SmallIntegerField()
    stored = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_payload"


class Key(models.Model):
    """The key of one entry's payloads, wrapped, filed under its subject's keyed token; erasure empties the row.

    PII: pseudonymous.
    """

    entry_id = models.UUIDField(primary_key=True)
    token = models.BinaryField(max_length=16, null=True)
    # Which key-encryption key wrapped it.
    kek = models.BinaryField(max_length=4, null=True)
    wrapped = models.BinaryField(max_length=60, null=True)
    erased_on = models.DateField(null=True)

    class Meta:
        managed = False
        db_table = "audit_key"


class IdempotencyKey(models.Model):
    """A caller's key for one request, so that a repeat finds its answer. PII: none (keyed hash)."""

    pk = models.CompositePrimaryKey("caller", "key_mac")
    caller = models.CharField(max_length=160)
    key_mac = models.BinaryField(max_length=32)
    fingerprint = models.BinaryField(max_length=32)
    entry_id = models.UUIDField()
    expires_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "audit_idempotency"


class Leaf(models.Model):
    """Where a sealed entry stands in the tree. PII: none."""

    entry_id = models.UUIDField(primary_key=True)
    leaf_index = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "audit_leaf"


class Pending(models.Model):
    """An entry that waits to be sealed; the sealer takes the row away. PII: none."""

    id = models.UUIDField(primary_key=True)
    leaf_hash = models.BinaryField(max_length=32)

    class Meta:
        managed = False
        db_table = "audit_pending"


class Tile(models.Model):
    """Up to 256 hashes of one level of the tree, 32 bytes each; it only grows (C2SP tlog-tiles). PII: none."""

    pk = models.CompositePrimaryKey("level", "n")
    level = models.SmallIntegerField()
    n = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_tile"


class Tree(models.Model):
    """The one row that says how far the tree has grown. PII: none."""

    one = models.BooleanField(primary_key=True, default=True)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)

    class Meta:
        managed = False
        db_table = "audit_tree"


class Checkpoint(models.Model):
    """A signed tree head, as it was published. PII: none."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "audit_checkpoint"

    @property
    def root_hex(self) -> str:
        """The root as people read it."""
        return bytes(self.root).hex()


class Anchor(models.Model):
    """What somebody else said of a checkpoint: a witness' cosignature line, or an RFC 3161 token. PII: none."""

    class Kind(models.TextChoices):
        WITNESS = "witness"
        RFC3161 = "rfc3161"

    id = models.BigAutoField(primary_key=True)
    size = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=160)
    at = models.DateTimeField()
    evidence = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_anchor"


class Asked(models.Model):
    """When a witness or an authority was last asked to vouch, and why it did not; empty where it did. PII: none."""

    pk = models.CompositePrimaryKey("kind", "name")
    kind = models.CharField(max_length=16, choices=Anchor.Kind)
    name = models.CharField(max_length=160)
    at = models.DateTimeField()
    problem = models.TextField()

    class Meta:
        managed = False
        db_table = "audit_asked"


class Sealer(models.Model):
    """What the sealer says of itself: when it last looked, and why it has stopped sealing. PII: none."""

    one = models.BooleanField(primary_key=True, default=True)
    beat_at = models.DateTimeField(null=True)
    problem = models.TextField()

    class Meta:
        managed = False
        db_table = "audit_sealer"


class Writer(models.Model):
    """A writer of the portal: the number and the leaf that its next entry names as its predecessor. PII: none."""

    name = models.CharField(max_length=64, primary_key=True)
    epoch = models.UUIDField()
    next_seq = models.BigIntegerField()
    head = models.BinaryField(max_length=32, null=True)

    class Meta:
        managed = False
        db_table = "audit_writer"


class Erasure(models.Model):
    """A subject's erasure: asked for by one person, decided by another. PII: pseudonymous, and the reasons' words."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        CONFIRMED = "confirmed"
        DECLINED = "declined"

    id = models.UUIDField(primary_key=True)
    system = models.CharField(max_length=64)
    token = models.BinaryField(max_length=16)
    reason = models.TextField()
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State)
    decided_by = models.CharField(max_length=160, null=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(default="")
    override_reason = models.TextField(default="")
    entries = models.IntegerField(default=0)
    # When the key-encryption keys that could still open a backup were destroyed.
    effective_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "audit_erasure"


class Hold(models.Model):
    """A legal hold on a system, or on one subject of it: nothing under it is erased or dropped. PII: pseudonymous."""

    id = models.UUIDField(primary_key=True)
    system = models.CharField(max_length=64)
    token = models.BinaryField(max_length=16, null=True)
    reason = models.TextField()
    placed_by = models.CharField(max_length=160)
    placed_at = models.DateTimeField()
    lifted_by = models.CharField(max_length=160, null=True)
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(default="")

    class Meta:
        managed = False
        db_table = "audit_hold"


class Retention(models.Model):
    """For how many months a system's decisions are kept at most; None keeps them. PII: none."""

    system = models.CharField(max_length=64, primary_key=True)
    months = models.IntegerField(null=True)
    set_by = models.CharField(max_length=160)
    set_at = models.DateTimeField()
    # The last month whose decisions have lost their personal data.
    emptied_through = models.DateField(null=True)

    class Meta:
        managed = False
        db_table = "audit_retention"


class Archive(models.Model):
    """A closed month, exported and read back; dropped once that is sealed. PII: none."""

    month = models.DateField(primary_key=True)
    rows = models.BigIntegerField()
    first_id = models.UUIDField(null=True)
    last_id = models.UUIDField(null=True)
    folder = models.TextField()
    manifest_sha256 = models.BinaryField(max_length=32)
    exported_at = models.DateTimeField()
    verified_at = models.DateTimeField()
    drop_entry = models.UUIDField(null=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "audit_archive"


class Job(models.Model):
    """A long piece of work that a person asked for: an export or a search. PII: a search's parameters and hits."""

    class Kind(models.TextChoices):
        EXPORT = "export"
        SEARCH = "search"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind)
    asked_by = models.CharField(max_length=160)
    asked_at = models.DateTimeField()
    parameters = models.JSONField()
    purpose = models.TextField(default="")
    state = models.CharField(max_length=16, choices=State)
    progress = models.FloatField(default=0)
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    error = models.TextField(default="")

    class Meta:
        managed = False
        db_table = "audit_job"

    @property
    def is_finished(self) -> bool:
        """True when nothing more will happen to it."""
        return self.finished_at is not None

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since it was asked for, or until it ended."""
        return round(((self.finished_at or timezone.now()) - self.asked_at).total_seconds() * 1000)


class Verification(models.Model):
    """The result of one full check of the trail. PII: none."""

    class Verdict(models.TextChoices):
        VERIFIED = "verified"
        CONTRADICTED = "contradicted"
        NOT_CHECKED = "not_checked"

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    verdict = models.CharField(max_length=16, choices=Verdict)
    entries = models.BigIntegerField()
    size = models.BigIntegerField()
    seconds = models.FloatField()
    since = models.DateTimeField(null=True)
    details = models.JSONField()

    class Meta:
        managed = False
        db_table = "audit_verification"


class Counted(models.Model):
    """How many requests a gateway answered in one hour, counted apart from the trail. PII: none."""

    pk = models.CompositePrimaryKey("gateway", "epoch", "hour", "system", "version", "status")
    gateway = models.CharField(max_length=64)
    epoch = models.UUIDField()
    hour = models.DateTimeField()
    system = models.CharField(max_length=64)
    # 0 where no version was reached.
    version = models.IntegerField()
    status = models.CharField(max_length=16)
    requests = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "audit_counted"


class Half(models.Model):
    """A request or a response that was reported without the other half so far. PII: yes, encrypted."""

    id = models.UUIDField(primary_key=True)
    source = models.TextField()
    event_id = models.TextField()
    half = models.CharField(max_length=8)
    system = models.CharField(max_length=64)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    caller = models.CharField(max_length=160)
    kek = models.BinaryField(max_length=4)
    wrapped = models.BinaryField(max_length=60)
    stored = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_half"


class Report(models.Model):
    """A decision reported from elsewhere, by hash of system and request id: a repeat finds it. PII: none."""

    key = models.BinaryField(max_length=16, primary_key=True)
    fingerprint = models.BinaryField(max_length=16)
    entry_id = models.UUIDField()

    class Meta:
        managed = False
        db_table = "audit_report"
