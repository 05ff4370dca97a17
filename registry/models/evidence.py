"""What was checked about a version, what binds it, and who signed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from .systems import RiskClass, System, Version


class Verdict(models.TextChoices):
    """What a piece of evidence says."""

    PASSED = "passed", "passed"
    FAILED = "failed", "failed"
    CLAIMED = "claimed", "claimed"
    WAIVED = "waived", "waived"
    MISSING = "missing", "missing"


class Evidence(models.Model):
    """One checked fact about a version, with source, time and verdict; added, never changed. PII: none."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=64)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    summary = models.CharField(max_length=500)
    source_url = models.CharField(max_length=500, blank=True)
    payload = models.JSONField(default=dict)
    recorded_by = models.CharField(max_length=160)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "-id"]


class GatePolicy(models.Model):
    """How one gate binds the versions of one risk class; the newest row is in force, none means the gate's default.

    PII: staff names.
    """

    risk_class = models.CharField(max_length=16, choices=RiskClass.choices)
    gate = models.CharField(max_length=64)
    level = models.CharField(max_length=16, choices=[(word, word) for word in ("required", "advised", "off")])
    thresholds = models.JSONField(default=dict)
    reason = models.TextField()
    changed_by = models.CharField(max_length=160)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["risk_class", "gate", "-id"], name="gate_policy_newest")]


class CheckRun(models.Model):
    """One run of the gates' checks over a version, by the workers; the row is the job. PII: staff names."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="check_runs")
    state = models.CharField(max_length=16, default="queued")
    # What is being checked now, in words, and how many of how many gates are done.
    stage = models.CharField(max_length=160, blank=True)
    done = models.PositiveSmallIntegerField(default=0)
    total = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    # When a message was last sent for it, or a worker last took it or said how far it is.
    touched_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="check_run_state_known", condition=Q(state__in=["queued", "running", "done", "failed"])
            ),
            models.UniqueConstraint(
                fields=["version"], condition=Q(state__in=["queued", "running"]), name="check_run_one_open"
            ),
        ]

    @property
    def is_open(self) -> bool:
        """True while it waits or is under way."""
        return self.state in ("queued", "running")

    @property
    def share(self) -> float | None:
        """How far along, from 0 to 1; None before it is known."""
        return self.done / self.total if self.total else None

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since it was asked for, or that it took."""
        return int(((self.finished_at or timezone.now()) - self.requested_at).total_seconds() * 1000)


class ApprovalRule(models.Model):
    """How many approvers of which role a system's versions need; the newest row is in force. PII: staff names."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="approval_rules")
    # {"compliance": 1, "ml_lead": 1}
    needed = models.JSONField()
    reason = models.TextField()
    changed_by = models.CharField(max_length=160)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]


class Approver(models.Model):
    """A person named as approver of a system; while a system names some, only they may approve. PII: staff names."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="approvers")
    person = models.CharField(max_length=160)
    named_by = models.CharField(max_length=160)
    named_at = models.DateTimeField()
    removed_by = models.CharField(max_length=160, null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["person"]
        constraints = [
            models.UniqueConstraint(
                fields=["system", "person"], condition=Q(removed_at__isnull=True), name="approver_named_once"
            )
        ]


class Submission(models.Model):
    """Somebody's request to approve a version: their note, and how many approvers it needs, fixed when asked.

    PII: staff names.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="submissions")
    requested_by = models.CharField(max_length=160)
    note = models.TextField()
    needed = models.JSONField()
    artifact_sha256 = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]


class Approval(models.Model):
    """A second person's signed yes or no to an artifact digest and the evidence as it stood, or a yes taken back.

    PII: staff names.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="approvals")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, null=True, related_name="approvals")
    verdict = models.CharField(
        max_length=16, choices=[(word, word) for word in ("approved", "rejected", "withdrawn")]
    )
    decided_by = models.CharField(max_length=160)
    # The roles that the approver held when they signed.
    roles = models.JSONField(default=list)
    requested_by = models.CharField(max_length=160)
    reason = models.TextField()
    artifact_sha256 = models.CharField(max_length=64)
    evidence_sha256 = models.CharField(max_length=64)
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="approval_four_eyes", condition=~Q(decided_by=F("requested_by"))),
        ]
