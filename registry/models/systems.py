"""Systems and their versions."""

from __future__ import annotations

import json

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from registry.lifecycle import State
from registry.scoring.manifest import Manifest


class RiskClass(models.TextChoices):
    """The AI Act's classes, as far as a system may stand in one of them."""

    HIGH = "high", "High risk (Art. 6)"
    LIMITED = "limited", "Transparency duties (Art. 50)"
    MINIMAL = "minimal", "Minimal risk"


class System(models.Model):
    """An AI system: a purpose, an owner, a risk class. PII: the owner's name."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=160)
    purpose = models.TextField()
    owner = models.CharField(max_length=160)
    risk_class = models.CharField(max_length=16, choices=RiskClass.choices)
    annex_iii_point = models.CharField(max_length=16, null=True)
    created_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(name="system_risk_class_known", condition=Q(risk_class__in=RiskClass.values))
        ]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """One immutable trained model of a system; only `state` and `submitted_by` ever change. PII: none."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, default=State.DRAFT.value)
    # JSON as text, not jsonb: the order of the inputs is the order of the model's columns, and jsonb forgets it.
    manifest = models.TextField()
    artifact_format = models.CharField(max_length=16)
    artifact_sha256 = models.CharField(max_length=64)
    artifact_bytes = models.PositiveBigIntegerField()
    background_sha256 = models.CharField(max_length=64)
    background_rows = models.PositiveIntegerField()
    evaluation_sha256 = models.CharField(max_length=64, null=True)
    # Rows with the scores that the trainer's own environment gave them.
    golden_sha256 = models.CharField(max_length=64, null=True)
    registered_by = models.CharField(max_length=160)
    registered_at = models.DateTimeField()
    submitted_by = models.CharField(max_length=160, null=True)

    class Meta:
        ordering = ["system", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["system", "number"], name="version_number_unique"),
            # Two live versions of one system would be two production pointers.
            models.UniqueConstraint(
                fields=["system"], condition=Q(state=State.LIVE.value), name="version_one_live_per_system"
            ),
            models.CheckConstraint(
                name="version_state_known", condition=Q(state__in=[state.value for state in State])
            ),
            models.CheckConstraint(
                name="version_submitted_by_someone",
                condition=Q(state=State.DRAFT.value) | Q(submitted_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system.name} version {self.number}"

    @cached_property
    def spec(self) -> Manifest:
        """The manifest, parsed; it passed every check when the version was registered."""
        return Manifest.parse(json.loads(self.manifest))
