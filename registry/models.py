"""Systems, versions, evidence, approvals and releases; what must never change is refused by the database."""

from __future__ import annotations

import json

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
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


class TrustedSource(models.Model):
    """A repository whose CI may vouch for a system's versions, by claims that its token must carry.

    PII: staff names.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="trusted_sources")
    # For people alone: a repository is told by its id.
    name = models.CharField(max_length=160)
    issuer = models.CharField(max_length=255)
    # {"repository_id": "42", "ref": "refs/heads/main"}
    claims = models.JSONField()
    trusted_by = models.CharField(max_length=160)
    trusted_at = models.DateTimeField()
    removed_by = models.CharField(max_length=160, null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]


class SeenIdentity(models.Model):
    """A CI token that was used, kept until it expires, so that it is not used twice. PII: none."""

    issuer = models.CharField(max_length=255)
    jti = models.CharField(max_length=255)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "jti"], name="identity_seen_once")]
