"""The risk register of a system (AI Act Art. 9): risks, their revisions, and who accepted what is left of them.

What is kept here is added and never changed. A risk's state follows from its newest revision: closed by it, accepted
once somebody else than its author accepted exactly that revision, open otherwise. PII: staff names.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .systems import System, Version

SCALE = (1, 5)


class RiskSource(models.TextChoices):
    """Where a risk was found: the three of Art. 9(2)(a) to (c)."""

    INTENDED = "intended", "Use as intended (Art. 9(2)(a))"
    MISUSE = "misuse", "Foreseeable misuse (Art. 9(2)(b))"
    MARKET = "market", "Data from after it went live (Art. 9(2)(c), 72)"


class ControlKind(models.TextChoices):
    """What a control does, in the order in which Art. 9(5) wants them."""

    DESIGN_OUT = "design_out", "Designed out or reduced"
    MITIGATE = "mitigate", "Mitigated where it cannot be removed"
    INFORM = "inform", "Informed about and trained for"


class Risk(models.Model):
    """One risk of a system; all that is known of it is in its revisions."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="risks")
    number = models.PositiveIntegerField()
    recorded_by = models.CharField(max_length=160)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["system", "number"], name="risk_number_unique")]


class RiskRevision(models.Model):
    """What is known of a risk from now on; the newest is in force."""

    risk = models.ForeignKey(Risk, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    source = models.CharField(max_length=16, choices=RiskSource.choices)
    affected = models.TextField()
    # People under 18 or otherwise vulnerable are likely to be affected (Art. 9(9)).
    is_vulnerable = models.BooleanField(default=False)
    harm = models.TextField()
    severity = models.PositiveSmallIntegerField()
    likelihood = models.PositiveSmallIntegerField()
    # [{"kind", "words", "evidence"}]: evidence is a gate's kind, "version N" or an address; "" where there is none.
    controls = models.JSONField(default=list)
    residual_severity = models.PositiveSmallIntegerField()
    residual_likelihood = models.PositiveSmallIntegerField()
    review_due = models.DateField()
    is_closed = models.BooleanField(default=False)
    reason = models.TextField()
    written_by = models.CharField(max_length=160)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            # Compare-and-set: of two people who revise it at once, one gets the number.
            models.UniqueConstraint(fields=["risk", "number"], name="risk_revision_number_unique"),
            models.CheckConstraint(name="risk_source_known", condition=Q(source__in=RiskSource.values)),
            models.CheckConstraint(
                name="risk_ratings_in_scale",
                condition=Q(severity__range=SCALE, likelihood__range=SCALE)
                & Q(residual_severity__range=SCALE, residual_likelihood__range=SCALE),
            ),
        ]

    @property
    def rating(self) -> int:
        """Severity times likelihood without the controls, 1 to 25."""
        return self.severity * self.likelihood

    @property
    def residual(self) -> int:
        """Severity times likelihood with the controls, 1 to 25."""
        return self.residual_severity * self.residual_likelihood


class RiskAcceptance(models.Model):
    """Somebody's yes to what is left of a risk, as one revision has it; never its author's."""

    revision = models.OneToOneField(RiskRevision, on_delete=models.PROTECT, related_name="acceptance")
    reason = models.TextField()
    accepted_by = models.CharField(max_length=160)
    accepted_at = models.DateTimeField()


class ResidualAcceptance(models.Model):
    """The yes to the overall residual risk of one version (Art. 9(5)), on the register as it stood."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="residual_acceptances")
    # [[risk, revision, residual], …]: what the yes was given to.
    register = models.JSONField()
    reason = models.TextField()
    accepted_by = models.CharField(max_length=160)
    accepted_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
