"""Dossiers as they were frozen for signing: what they say, who has to sign, who did; kept for ten years."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .dossier import Regulation
from .systems import System, Version

SHA256 = "^[0-9a-f]{64}$"


class FrozenState(models.TextChoices):
    """Where a frozen dossier stands."""

    PROPOSED = "proposed", "Waits for signatures"
    COMPLETE = "complete", "Signed"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class FrozenDossier(models.Model):
    """A dossier as it stood at one moment, for named people to sign; only how it ended is ever added.

    The content lies in the store under its digest, and so does the PDF once everybody has signed. PII: staff names.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="frozen_dossiers")
    number = models.PositiveIntegerField()
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="frozen_dossiers")
    regulation = models.ForeignKey(Regulation, on_delete=models.PROTECT, related_name="+")
    content_sha256 = models.CharField(max_length=64)
    content_bytes = models.PositiveIntegerField()
    # [{"item", "ref", "title", "state"}]: mandatory points that are missing, stale, or evidence that nobody judged.
    gaps = models.JSONField()
    # Why it is signed in spite of them.
    reason = models.TextField(blank=True)
    # [{"person": "user:clara", "role": "compliance"}]
    signatories = models.JSONField()
    proposed_by = models.CharField(max_length=160)
    proposed_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=FrozenState.choices, default=FrozenState.PROPOSED.value)
    ended_by = models.CharField(max_length=160, null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    # The entry in the trail that says so.
    proposal_entry = models.UUIDField()
    end_entry = models.UUIDField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            # Compare-and-set: of two people who freeze in one moment, one gets the number.
            models.UniqueConstraint(fields=["system", "number"], name="frozen_number_unique"),
            models.UniqueConstraint(
                fields=["system"], condition=Q(state=FrozenState.PROPOSED.value), name="frozen_one_proposal"
            ),
            models.CheckConstraint(name="frozen_state_known", condition=Q(state__in=FrozenState.values)),
            models.CheckConstraint(name="frozen_content_named", condition=Q(content_sha256__regex=SHA256)),
            models.CheckConstraint(name="frozen_gaps_have_reason", condition=Q(gaps=[]) | ~Q(reason="")),
            models.CheckConstraint(name="frozen_somebody_signs", condition=~Q(signatories=[])),
            models.CheckConstraint(
                name="frozen_ended_whole",
                condition=Q(
                    state="proposed", ended_by=None, ended_at=None, end_entry=None, end_reason="", pdf_sha256=""
                )
                | Q(ended_by__isnull=False, ended_at__isnull=False, end_entry__isnull=False)
                & (
                    Q(state="complete", pdf_sha256__regex=SHA256)
                    | (Q(state__in=["declined", "withdrawn"], pdf_sha256="") & ~Q(end_reason=""))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"dossier {self.number} of {self.system.slug}"

    @property
    def is_open(self) -> bool:
        """True while signatures are missing."""
        return self.state == FrozenState.PROPOSED


class DossierSignature(models.Model):
    """One named person's signature on the digest of a frozen dossier; added, never changed. PII: staff names."""

    dossier = models.ForeignKey(FrozenDossier, on_delete=models.PROTECT, related_name="signatures")
    person = models.CharField(max_length=160)
    role = models.CharField(max_length=16)
    statement = models.TextField()
    content_sha256 = models.CharField(max_length=64)
    signed_at = models.DateTimeField()
    entry_id = models.UUIDField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["dossier", "person"], name="signature_once_each")]
