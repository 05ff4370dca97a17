"""The law as data, what people state on its points, and the papers that they attach."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from .systems import System, Version

MAX_TEXT = 100_000


class StatementKind(models.TextChoices):
    """What a person's text on a point is."""

    STATEMENT = "statement", "Statement"
    # Beside what the registry fills: it changes nothing of that.
    COMMENT = "comment", "Comment"
    # Instead of what the registry fills, with a justification.
    OVERRIDE = "override", "Override"
    NOT_APPLICABLE = "not_applicable", "Not applicable"
    # The text that stood is taken back; nothing stands in its place.
    WITHDRAWAL = "withdrawal", "Withdrawn"


class Writer(models.TextChoices):
    """Who fills a point: the registry by itself, or a person."""

    AUTO = "auto", "the records"
    ML_LEAD = "ml_lead", "ML lead"
    COMPLIANCE = "compliance", "compliance officer"


class Regulation(models.Model):
    """One state of the law, as a file of data had it; loaded once, never changed. PII: the loader's name."""

    version = models.CharField(max_length=160, unique=True)
    title = models.CharField(max_length=300)
    in_force_from = models.DateField(unique=True)
    sources = models.JSONField()
    # [{"id", "short", "title", "ref"}], in order.
    groups = models.JSONField()
    # {"docs.ifu": {"title": "Instructions for use", "document": true}}: what fills points; papers where `document`.
    evidence = models.JSONField()
    sha256 = models.CharField(max_length=64)
    loaded_by = models.CharField(max_length=160)
    loaded_at = models.DateTimeField()

    class Meta:
        ordering = ["-in_force_from"]

    def __str__(self) -> str:
        return self.title


class Requirement(models.Model):
    """One point of the law: what it asks, in our words, of whom, from when, and what can fill it. PII: none."""

    regulation = models.ForeignKey(Regulation, on_delete=models.PROTECT, related_name="requirements")
    item = models.CharField(max_length=40)
    place = models.PositiveSmallIntegerField()
    ref = models.CharField(max_length=120)
    title = models.CharField(max_length=160)
    asks = models.TextField()
    group = models.CharField(max_length=40)
    article = models.CharField(max_length=40)
    written_by = models.CharField(max_length=16, choices=Writer.choices)
    applies_to = models.CharField(max_length=16)
    condition = models.TextField(null=True)
    # {"annex_iii", "annex_i", "others", "formal_from", "basis"}
    applies_from = models.JSONField()
    mandatory = models.BooleanField()
    evidence_from = models.JSONField()
    # The keys without which the registry cannot fill it by itself.
    needs = models.JSONField(default=list)
    note = models.TextField(blank=True)
    # {"max_days", "clock_starts"}, where the law sets one.
    deadline = models.JSONField(null=True)

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["regulation", "item"], name="requirement_item_unique"),
            models.UniqueConstraint(fields=["regulation", "place"], name="requirement_place_unique"),
            models.CheckConstraint(
                name="requirement_writer_known", condition=Q(written_by__in=Writer.values)
            ),
            models.CheckConstraint(
                name="requirement_binds_somebody", condition=Q(applies_to__in=["provider", "deployer", "both"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"


class Statement(models.Model):
    """What a person signed on a point, with the evidence as it stood; added, never changed. PII: staff names.

    Without a version it holds for every version of the system; revisions count through all of them. `evidence` is
    `[{"name", "key", "sentence", "url", "digest"}]`.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="statements")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="statements")
    item = models.CharField(max_length=40)
    revision = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=StatementKind.choices)
    text = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    author = models.CharField(max_length=160)
    signed_at = models.DateTimeField()
    evidence = models.JSONField()
    # The version whose evidence it was, and the law in force, when it was signed.
    seen_version = models.PositiveIntegerField(null=True)
    regulation = models.ForeignKey(Regulation, on_delete=models.PROTECT, related_name="statements")

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Compare-and-set: of two people who write after the same revision, one gets the number.
            models.UniqueConstraint(fields=["system", "item", "revision"], name="statement_revision_unique"),
            models.CheckConstraint(
                name="statement_kind_known", condition=Q(kind__in=[kind.value for kind in StatementKind])
            ),
            models.CheckConstraint(name="statement_revision_counts", condition=Q(revision__gte=1)),
            models.CheckConstraint(name="statement_text_fits", condition=LessThanOrEqual(Length("text"), MAX_TEXT)),
            models.CheckConstraint(
                name="statement_says_something",
                condition=Q(kind__in=["not_applicable", "withdrawal"]) | ~Q(text=""),
            ),
            models.CheckConstraint(
                name="statement_gives_reason", condition=Q(kind__in=["statement", "comment"]) | ~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.revision} of {self.item} of {self.system.slug}"


class StatementDraft(models.Model):
    """What a person is writing on a point, kept as they type; theirs alone, gone once signed. PII: staff names."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="statement_drafts")
    item = models.CharField(max_length=40)
    person = models.CharField(max_length=160)
    text = models.TextField(blank=True)
    # The revision that stood when they began.
    based_on = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "item", "person"], name="draft_one_each"),
            models.CheckConstraint(name="draft_text_fits", condition=LessThanOrEqual(Length("text"), MAX_TEXT)),
        ]


class Document(models.Model):
    """A paper that fills a key of the evidence: a file in the store, or an address; withdrawn by a mark, never deleted.

    PII: staff names, and whatever the file holds.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="documents")
    key = models.CharField(max_length=80)
    title = models.CharField(max_length=160)
    file_name = models.CharField(max_length=200, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(default=0)
    url = models.CharField(max_length=500, blank=True)
    attached_by = models.CharField(max_length=160)
    attached_at = models.DateTimeField()
    withdrawn_by = models.CharField(max_length=160, null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["key", "id"]
        constraints = [
            models.CheckConstraint(
                name="document_file_or_address",
                condition=Q(url="", sha256__regex="^[0-9a-f]{64}$", size__gt=0) | (~Q(url="") & Q(sha256="", size=0)),
            ),
            models.CheckConstraint(
                name="document_withdrawn_whole",
                condition=Q(withdrawn_by=None, withdrawn_at=None, withdrawal_reason="")
                | (Q(withdrawn_by__isnull=False, withdrawn_at__gte=F("attached_at")) & ~Q(withdrawal_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return self.title
