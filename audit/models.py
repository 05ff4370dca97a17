"""The tables of the trail. Rows are only ever added; the database refuses everything else."""

from __future__ import annotations

from django.db import models

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
    leaf_hash = models.BinaryField(max_length=32)
    entry = models.BinaryField()

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
    def score(self) -> float | None:
        """The score to a millionth, for lists; the recorded one is in the payload."""
        return None if self.score_ppm is None else self.score_ppm / 1_000_000


class Payload(models.Model):
    """The stored bytes of one part of an entry. PII: yes, whatever the caller sent."""

    pk = models.CompositePrimaryKey("entry_id", "part")
    entry_id = models.UUIDField()
    part = models.SmallIntegerField()
    key_id = models.UUIDField(null=True)
    stored = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_payload"


class Subject(models.Model):
    """Which entries are about a subject, by keyed token. PII: pseudonymous."""

    pk = models.CompositePrimaryKey("token", "entry_id")
    token = models.BinaryField(max_length=16)
    entry_id = models.UUIDField()

    class Meta:
        managed = False
        db_table = "audit_subject"


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
