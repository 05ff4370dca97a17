"""Explanations of decisions and the disputes that ask for them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from explain.lifecycle import OPEN_STATES, TERMINAL_STAGES, DisputeState, Stage

# Goes up when the same decision would be explained otherwise; reports of an earlier method stay.
METHOD_VERSION = 2


class Explanation(models.Model):
    """One SHAP and LIME report on one decision; the row is the job.

    PII: the report repeats the inputs; it is encrypted (`explain.sealing`).
    """

    id = models.UUIDField(primary_key=True)
    decision_id = models.UUIDField()
    system = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    method_version = models.PositiveIntegerField(default=METHOD_VERSION)
    state = models.CharField(max_length=16, default=Stage.QUEUED.value)
    progress = models.FloatField(default=0)
    stage = models.CharField(max_length=80, default="Waiting for a worker")
    # Somebody waits for it; what is asked for in bulk goes behind.
    is_urgent = models.BooleanField(default=True)
    sealed_report = models.BinaryField(null=True)
    # "full" or "partial", as the report says itself.
    completeness = models.CharField(max_length=16, default="", blank=True)
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
                | Q(sealed_report__isnull=False, report_sha256__isnull=False)
                | Q(erased_on__isnull=False, sealed_report__isnull=True, report_sha256__isnull=False),
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


class DisputePolicy(models.Model):
    """How disputes about one system are handled; the newest row is in force. PII: staff names."""

    system = models.CharField(max_length=64)
    # Days from receipt until the answer is due (GDPR Art. 12(3): one month).
    days = models.PositiveSmallIntegerField()
    # The reviewer writes a first view before seeing what the model answered.
    blind_review = models.BooleanField(default=False)
    # Whether support agents have the authority to review and decide.
    by_support = models.BooleanField(default=False)
    jurisdiction = models.CharField(max_length=8)
    language = models.CharField(max_length=8)
    # As it stands in letters: who writes, where to turn, and who supervises.
    sender = models.TextField(blank=True)
    contact = models.TextField(blank=True)
    authority = models.TextField(blank=True)
    reason = models.TextField()
    changed_by = models.CharField(max_length=160)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(name="dispute_policy_days", condition=Q(days__range=(1, 365)))]
        indexes = [models.Index(fields=["system", "-id"], name="dispute_policy_newest")]


class Dispute(models.Model):
    """A case: somebody contests a decision. PII: the claim, in the person's words, encrypted (`explain.sealing`)."""

    number = models.BigAutoField(primary_key=True)
    decision_id = models.UUIDField()
    system = models.CharField(max_length=64)
    state = models.CharField(max_length=16, default=DisputeState.RECEIVED.value)
    channel = models.CharField(max_length=16)
    # Claims of before they were encrypted stand in clear.
    claim = models.TextField(default="")
    sealed_claim = models.BinaryField(null=True)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    extended_at = models.DateTimeField(null=True)
    opened_by = models.CharField(max_length=160)
    opened_at = models.DateTimeField()
    # How the person proved who they are; nothing where nobody has checked.
    identity = models.CharField(max_length=32, default="")
    identity_by = models.CharField(max_length=160, null=True)
    identity_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=160, null=True)
    # A reopened case is reviewed, decided and answered anew.
    round = models.PositiveSmallIntegerField(default=1)
    reviewer = models.CharField(max_length=160, null=True)
    is_blind = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True)
    # The decision's personal data was erased, and with it whatever was said in the case.
    erased_on = models.DateField(null=True)
    explanation = models.ForeignKey(Explanation, on_delete=models.PROTECT, null=True, related_name="disputes")

    class Meta:
        ordering = ["due_at", "number"]
        constraints = [
            models.CheckConstraint(
                name="dispute_state_known", condition=Q(state__in=[state.value for state in DisputeState])
            ),
            models.CheckConstraint(name="dispute_due_after_receipt", condition=Q(due_at__gte=models.F("received_at"))),
            # Four eyes: the database keeps them, too.
            models.CheckConstraint(
                name="dispute_reviewed_by_another", condition=Q(reviewer=None) | ~Q(reviewer=models.F("opened_by"))
            ),
            models.CheckConstraint(
                name="dispute_identity_by_someone", condition=Q(identity="") | Q(identity_by__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["decision_id"], name="dispute_by_decision"),
            models.Index(fields=["due_at", "number"], name="dispute_by_deadline"),
        ]

    @property
    def is_open(self) -> bool:
        """True while it waits for somebody."""
        return self.state in OPEN_STATES


class CaseStep(models.Model):
    """One thing that was done in a case, and the words that belong to it; added, never changed.

    The entry in the trail proves it, and holds the digest of the encrypted words. PII: the words, encrypted.
    """

    id = models.UUIDField(primary_key=True)
    entry_id = models.UUIDField()
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="steps")
    event = models.CharField(max_length=64)
    round = models.PositiveSmallIntegerField()
    done_by = models.CharField(max_length=160)
    done_at = models.DateTimeField()
    details = models.JSONField(default=dict)
    sealed = models.BinaryField(null=True)

    class Meta:
        ordering = ["entry_id"]


class Attachment(models.Model):
    """A file of a case, encrypted; added, never changed. PII: the file and its name."""

    id = models.UUIDField(primary_key=True)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="attachments")
    media_type = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    sealed_name = models.BinaryField()
    sealed = models.BinaryField()
    # Of the encrypted bytes: the file's own digest would tell a known file from another after its erasure.
    sealed_sha256 = models.CharField(max_length=64)
    added_by = models.CharField(max_length=160)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]


class Correction(models.Model):
    """Inputs as they should have been, scored again by the version that decided; the row is the job.

    PII: inputs and result, encrypted.
    """

    id = models.UUIDField(primary_key=True)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="corrections")
    round = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, default=Stage.QUEUED.value)
    # Names of the inputs that were wrong; their values are sealed.
    changed = models.JSONField()
    sealed_inputs = models.BinaryField()
    sealed_result = models.BinaryField(null=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    asked_by = models.CharField(max_length=160)
    asked_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                name="correction_state_known", condition=Q(state__in=[stage.value for stage in Stage])
            ),
            models.CheckConstraint(
                name="correction_done_has_result",
                condition=~Q(state=Stage.DONE.value) | Q(sealed_result__isnull=False),
            ),
        ]

    @property
    def is_finished(self) -> bool:
        """True when nothing more will happen to it."""
        return self.state in TERMINAL_STAGES


class Outcome(models.TextChoices):
    """What a review ends with."""

    UPHELD = "upheld", "The decision stands"
    OVERTURNED = "overturned", "The decision is overturned"
    CORRECTED = "corrected", "The inputs were wrong and are corrected"


class LabelEffect(models.TextChoices):
    """What a ruling says about the model's answer, for whoever trains the next one."""

    FLIP = "flip"
    CONFIRM = "confirm"
    FEATURE_CORRECTION = "feature_correction"
    NONE = "none"


class Ruling(models.Model):
    """A person's decision on a dispute: a new fact beside the model's, which it never changes. Added, never changed.

    PII: the grounds, encrypted.
    """

    id = models.UUIDField(primary_key=True)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="rulings")
    round = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    reason_code = models.CharField(max_length=32)
    answer_before = models.CharField(max_length=64)
    # The answer that is in force from now on.
    answer_now = models.CharField(max_length=64)
    label_effect = models.CharField(max_length=24, choices=LabelEffect.choices)
    correction = models.ForeignKey(Correction, on_delete=models.PROTECT, null=True, related_name="+")
    sealed_grounds = models.BinaryField()
    decided_by = models.CharField(max_length=160)
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["dispute", "-round"]
        constraints = [
            models.UniqueConstraint(fields=["dispute", "round"], name="ruling_once_a_round"),
            models.CheckConstraint(
                name="ruling_corrected_by_correction",
                condition=Q(outcome=Outcome.CORRECTED.value, correction__isnull=False)
                | ~Q(outcome=Outcome.CORRECTED.value),
            ),
            models.CheckConstraint(
                name="ruling_overturns_or_upholds",
                condition=Q(outcome=Outcome.UPHELD.value, answer_now=models.F("answer_before"))
                | (Q(outcome=Outcome.OVERTURNED.value) & ~Q(answer_now=models.F("answer_before")))
                | Q(outcome=Outcome.CORRECTED.value),
            ),
        ]


class FeatureWording(models.Model):
    """How one input of a system is told to the people decided about, in one language; the newest row is in force.

    PII: staff names.
    """

    system = models.CharField(max_length=64)
    feature = models.CharField(max_length=128)
    language = models.CharField(max_length=8)
    # What the input is called, and the sentence when it pushed towards the adverse answer; {value} stands for it.
    title = models.CharField(max_length=200)
    sentence = models.TextField(blank=True)
    changed_by = models.CharField(max_length=160)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["system", "language", "feature", "-id"], name="wording_newest")]


class LetterTemplate(models.Model):
    """What a letter says, as text with placeholders; each saving is a new version. PII: staff names."""

    jurisdiction = models.CharField(max_length=8)
    language = models.CharField(max_length=8)
    kind = models.CharField(max_length=16)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    body = models.TextField()
    reason = models.TextField()
    saved_by = models.CharField(max_length=160)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["jurisdiction", "language", "kind", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "language", "kind", "number"], name="letter_template_version_unique"
            ),
            models.CheckConstraint(
                name="letter_template_kind_known", condition=Q(kind__in=("upheld", "changed"))
            ),
        ]


class Letter(models.Model):
    """A letter as it was sent; nobody can change it. PII: all of it, encrypted."""

    id = models.UUIDField(primary_key=True)
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="letters")
    ruling = models.OneToOneField(Ruling, on_delete=models.PROTECT, related_name="letter")
    template = models.ForeignKey(LetterTemplate, on_delete=models.PROTECT, related_name="+")
    delivery = models.CharField(max_length=32)
    sealed_content = models.BinaryField()
    sealed_pdf = models.BinaryField()
    pdf_bytes = models.PositiveIntegerField()
    pdf_sha256 = models.CharField(max_length=64)
    sent_by = models.CharField(max_length=160)
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ["sent_at"]
