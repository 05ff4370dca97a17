"""What is live, who ratified it, and what the gateways say."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .systems import System, Version


class Strategy(models.TextChoices):
    """How a release takes traffic."""

    DIRECT = "direct", "Direct"
    BLUE_GREEN = "blue_green", "Blue-green"
    CANARY = "canary", "Canary"
    SHADOW = "shadow", "Shadow"


class Release(models.Model):
    """Which version is live from now on. The newest release of a system is the production pointer. PII: staff names."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="releases")
    is_rollback = models.BooleanField(default=False)
    # Of a version that nobody had approved yet; `Ratification` says when somebody did.
    is_break_glass = models.BooleanField(default=False, db_default=False)
    strategy = models.CharField(max_length=16, choices=Strategy.choices, default=Strategy.DIRECT.value)
    candidate = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="candidacies")
    weight_bp = models.PositiveIntegerField(default=0)
    reason = models.TextField()
    released_by = models.CharField(max_length=160)
    released_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            # Compare-and-set: of two people who release after the same release, one gets the number.
            models.UniqueConstraint(fields=["system", "number"], name="release_number_unique"),
            models.CheckConstraint(name="release_weight_in_range", condition=Q(weight_bp__lte=10_000)),
        ]

    def __str__(self) -> str:
        return f"release {self.number} of {self.system.slug}"


class Ratification(models.Model):
    """The approval, after the fact, of a version that went live without one. PII: staff names."""

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="ratification")
    ratified_by = models.CharField(max_length=160)
    reason = models.TextField()
    ratified_at = models.DateTimeField()


class GatewayReport(models.Model):
    """What one gateway process says that it serves and keeps loaded; written by the gateway itself, about every second.

    PII: none.
    """

    instance = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=160)
    address = models.CharField(max_length=160)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)
    # {"mortgage": {"release": 4, "version": 2, "artifact_sha256": "…"}}
    serves = models.JSONField(default=dict)
    # {"mortgage": {"1": "", "3": "the smoke prediction failed"}}: loaded versions, each with what is wrong with it.
    warm = models.JSONField(default=dict)


class RollbackReadiness(models.Model):
    """Whether a rollback of the system would work, as the last check found it. PII: none."""

    system = models.OneToOneField(System, on_delete=models.PROTECT, related_name="readiness")
    is_armed = models.BooleanField()
    target = models.PositiveIntegerField(null=True)
    problems = models.JSONField(default=list)
    checked_at = models.DateTimeField()
    changed_at = models.DateTimeField()
