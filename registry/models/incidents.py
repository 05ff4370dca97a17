"""Possible serious incidents: the case, how it is judged, what it holds, and what left the house about it.

People who were harmed are not named in any of it; the forms say so. What is added here is never changed: a case has to
be read years later as it was (AI Act Art. 18, 73). PII: staff names, and what people write in spite of that.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from .systems import System, Version


class IncidentState(models.TextChoices):
    """Where a case stands."""

    OPEN = "open"
    REPORTED_INITIAL = "reported_initial"
    REPORTED_FINAL = "reported_final"
    CLOSED = "closed"
    NOT_SERIOUS = "not_serious"


class Kind(models.TextChoices):
    """What makes an incident serious: the four letters of Art. 3(49)."""

    HEALTH = "health", "Death, or serious harm to somebody's health"
    INFRASTRUCTURE = "infrastructure", "Serious and irreversible disruption of critical infrastructure"
    RIGHTS = "rights", "Infringement of the law that protects fundamental rights"
    PROPERTY = "property", "Serious harm to property or the environment"


class IncidentRole(models.TextChoices):
    """What we are towards the system."""

    PROVIDER = "provider", "Provider: we made it, or had it made under our name"
    DEPLOYER = "deployer", "Deployer: we use what another made"


class Causality(models.TextChoices):
    """Whether the system led to it, directly or indirectly."""

    UNKNOWN = "unknown", "Not known yet"
    SUSPECTED = "suspected", "Reasonably likely"
    ESTABLISHED = "established", "Established"


class Incident(models.Model):
    """A case: something happened that may be a serious incident. Only state and deadline ever change."""

    number = models.BigAutoField(primary_key=True)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="incidents")
    state = models.CharField(max_length=24, default=IncidentState.OPEN.value)
    description = models.TextField()
    # Of the newest assessment; kept here for the queue.
    due_at = models.DateTimeField()
    opened_by = models.CharField(max_length=160)
    opened_at = models.DateTimeField()
    versions = models.ManyToManyField(Version, through="IncidentVersion", related_name="incidents")

    class Meta:
        ordering = ["due_at", "number"]
        constraints = [
            models.CheckConstraint(
                name="incident_state_known", condition=Q(state__in=IncidentState.values)
            )
        ]
        indexes = [models.Index(fields=["due_at", "number"], name="incident_by_deadline")]

    @property
    def is_open(self) -> bool:
        """True while somebody has to do something about it."""
        return self.state not in (IncidentState.CLOSED, IncidentState.NOT_SERIOUS)


class Assessment(models.Model):
    """How a case is judged from now on; the newest is in force, and its facts set the clock."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="assessments")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    is_death = models.BooleanField(default=False)
    is_widespread = models.BooleanField(default=False)
    role = models.CharField(max_length=16, choices=IncidentRole.choices)
    # The clock starts here: it may lie before anybody wrote the case down.
    aware_at = models.DateTimeField()
    causality = models.CharField(max_length=16, choices=Causality.choices, default=Causality.UNKNOWN.value)
    causality_at = models.DateTimeField(null=True)
    # Why Art. 73(9) limits what is reported; empty where it does not.
    sector_rule = models.TextField(blank=True)
    reason = models.TextField()
    assessed_by = models.CharField(max_length=160)
    assessed_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            # Compare-and-set: of two people who judge it anew, one gets the number.
            models.UniqueConstraint(fields=["incident", "number"], name="assessment_number_unique"),
            models.CheckConstraint(name="assessment_kind_known", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="assessment_role_known", condition=Q(role__in=IncidentRole.values)),
            models.CheckConstraint(
                name="assessment_death_is_of_health", condition=Q(is_death=False) | Q(kind=Kind.HEALTH.value)
            ),
            models.CheckConstraint(
                name="assessment_not_in_the_future", condition=Q(aware_at__lte=F("assessed_at"))
            ),
            models.CheckConstraint(
                name="assessment_causality_has_its_day",
                condition=Q(causality=Causality.UNKNOWN.value, causality_at=None)
                | Q(
                    causality__in=(Causality.SUSPECTED.value, Causality.ESTABLISHED.value),
                    causality_at__lte=F("assessed_at"),
                ),
            ),
        ]


class IncidentVersion(models.Model):
    """A version that the case is about, and that it holds."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="held_versions")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    added_by = models.CharField(max_length=160)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["version__number"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "version"], name="incident_version_once")
        ]


class IncidentHold(models.Model):
    """The legal hold of a case: on its versions, and by `hold` on the system's part of the trail."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="holds")
    hold = models.UUIDField(unique=True)
    placed_by = models.CharField(max_length=160)
    placed_at = models.DateTimeField()
    released_by = models.CharField(max_length=160, null=True)
    released_at = models.DateTimeField(null=True)
    release_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident"], condition=Q(released_at=None), name="incident_one_hold"
            ),
            models.CheckConstraint(
                name="incident_hold_released_by_another",
                condition=Q(released_by=None) | ~Q(released_by=F("placed_by")),
            ),
        ]


class IncidentLink(models.Model):
    """What else the case is about; kept as a value, since some of it lies above this house's floor."""

    class What(models.TextChoices):
        """The kinds of things that a case points at."""

        DECISION = "decision", "Decision"
        DISPUTE = "dispute", "Dispute"
        RELEASE = "release", "Release or rollback"
        URL = "url", "Something elsewhere"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="links")
    what = models.CharField(max_length=16, choices=What.choices)
    value = models.CharField(max_length=500)
    added_by = models.CharField(max_length=160)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "what", "value"], name="incident_link_once")
        ]


class IncidentStep(models.Model):
    """One thing that was done in a case; the entry in the trail proves it, and holds the digest of the words."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="steps")
    entry_id = models.UUIDField()
    event = models.CharField(max_length=64)
    details = models.JSONField(default=dict)
    words = models.TextField(blank=True)
    done_by = models.CharField(max_length=160)
    done_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class IncidentReport(models.Model):
    """A version of the report as it was saved: what people wrote, and all that it says, facts of the case among it."""

    class Stage(models.TextChoices):
        """Art. 73(5): a first report may be incomplete."""

        INITIAL = "initial", "First report, which may be incomplete"
        FINAL = "final", "Complete report"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="reports")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=16, choices=Stage.choices)
    sections = models.JSONField()
    # What is printed: frozen with the version, so that its PDF is always the same bytes.
    content = models.JSONField()
    saved_by = models.CharField(max_length=160)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "number"], name="incident_report_number_unique"),
            models.CheckConstraint(
                name="incident_report_stage_known", condition=Q(stage__in=("initial", "final"))
            ),
        ]


class Filing(models.Model):
    """A report as it went to an authority; nobody can change it."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="filings")
    report = models.OneToOneField(IncidentReport, on_delete=models.PROTECT, related_name="filing")
    authority = models.CharField(max_length=200)
    reference = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField()
    pdf = models.BinaryField()
    pdf_sha256 = models.CharField(max_length=64)
    recorded_by = models.CharField(max_length=160)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["sent_at", "id"]
        constraints = [
            models.CheckConstraint(name="filing_not_in_the_future", condition=Q(sent_at__lte=F("recorded_at")))
        ]


class IncidentMessage(models.Model):
    """What an authority wrote to us, or we to it."""

    class Direction(models.TextChoices):
        """Which way it went."""

        INCOMING = "incoming", "From the authority"
        OUTGOING = "outgoing", "To the authority"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="messages")
    direction = models.CharField(max_length=16, choices=Direction.choices)
    authority = models.CharField(max_length=200)
    reference = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    words = models.TextField()
    kept_by = models.CharField(max_length=160)
    kept_at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(name="message_not_in_the_future", condition=Q(at__lte=F("kept_at")))
        ]


class IncidentFile(models.Model):
    """A file of a case, or of a message in it."""

    id = models.UUIDField(primary_key=True)
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="files")
    message = models.ForeignKey(IncidentMessage, on_delete=models.PROTECT, null=True, related_name="files")
    name = models.CharField(max_length=160)
    media_type = models.CharField(max_length=64)
    content = models.BinaryField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    added_by = models.CharField(max_length=160)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
