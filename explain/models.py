"""Explanations of decisions and the disputes that ask for them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from explain.lifecycle import TERMINAL_STAGES, DisputeState, Stage

# Goes up when the same decision would be explained otherwise; reports of an earlier method stay.
METHOD_VERSION = 1


class Explanation(models.Model):
    """One SHAP and LIME report on one decision; the row is the job. PII: the report repeats the inputs."""

    id = models.UUIDField(primary_key=True)
    decision_id = models.UUIDField()
    system = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    method_version = models.PositiveIntegerField(default=METHOD_VERSION)
    state = models.CharField(max_length=16, default=Stage.QUEUED.value)
    progress = models.FloatField(default=0)
    stage = models.CharField(max_length=80, default="Waiting for a worker")
    reason = models.TextField(blank=True)
    report = models.JSONField(null=True)
    report_sha256 = models.CharField(max_length=64, null=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    # When a message was last sent for it, or a worker last took it or said how far it is.
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # The decision's personal data was erased, and with it the report; its digest stays.
    erased_on = models.DateField(null=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            # A second request finds the first: one report per decision and method.
            models.UniqueConstraint(fields=["decision_id", "method_version"], name="explanation_once"),
            models.CheckConstraint(
                name="explanation_state_known", condition=Q(state__in=[stage.value for stage in Stage])
            ),
            models.CheckConstraint(
                name="explanation_done_has_report",
                condition=~Q(state=Stage.DONE.value)
                | Q(report__isnull=False, report_sha256__isnull=False)
                | Q(erased_on__isnull=False, report__isnull=True, report_sha256__isnull=False),
            ),
        ]
        indexes = [
            # For the sweep that sends forgotten jobs again.
            models.Index(
                fields=["requested_at"], condition=Q(state__in=["queued", "running"]), name="explanation_open"
            )
        ]

    @property
    def is_finished(self) -> bool:
        """True when nothing more will happen to it."""
        return self.state in TERMINAL_STAGES

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since the explanation was asked for, or until it was finished."""
        end = self.finished_at or timezone.now()
        return max(0, round((end - self.requested_at).total_seconds() * 1000))


class Dispute(models.Model):
    """A case: somebody contests a decision. PII: the claim, in the person's words."""

    number = models.BigAutoField(primary_key=True)
    decision_id = models.UUIDField()
    system = models.CharField(max_length=64)
    state = models.CharField(max_length=16, default=DisputeState.RECEIVED.value)
    channel = models.CharField(max_length=16)
    claim = models.TextField()
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    opened_by = models.CharField(max_length=160)
    opened_at = models.DateTimeField()
    # The decision's personal data was erased, and with it the claim.
    erased_on = models.DateField(null=True)
    explanation = models.ForeignKey(Explanation, on_delete=models.PROTECT, null=True, related_name="disputes")

    class Meta:
        ordering = ["due_at", "number"]
        constraints = [
            models.CheckConstraint(
                name="dispute_state_known", condition=Q(state__in=[state.value for state in DisputeState])
            ),
            models.CheckConstraint(name="dispute_due_after_receipt", condition=Q(due_at__gte=models.F("received_at"))),
        ]
        indexes = [models.Index(fields=["decision_id"], name="dispute_by_decision")]
