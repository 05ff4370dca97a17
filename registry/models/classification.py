"""How systems are classified under the AI Act, who provides them, and what is registered of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry.practices import PRACTICES

from .systems import RiskClass, System

# The points of Annex III as they are written: "5(b)", and "2", which has no letters.
POINT = r"^(1\([a-c]\)|2|3\([a-d]\)|4\([ab]\)|5\([a-d]\)|6\([a-e]\)|7\([a-d]\)|8\([ab]\))$"
IS_ANNEX_III_HIGH = Q(annex_iii_point__isnull=False, exit_condition__isnull=True)
IS_HIGH = IS_ANNEX_III_HIGH | ~Q(product_law="")


class Revision(models.Model):
    """One revision of something that is only ever added to; the newest is in force."""

    revision = models.PositiveIntegerField()
    reason = models.TextField()
    changed_by = models.CharField(max_length=160)
    changed_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["-revision"]


class SystemClassification(Revision):
    """What a system is under the AI Act, as somebody answered; added, never changed. PII: staff names."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="classifications")
    role = models.CharField(max_length=16)
    # Art. 25(1): the act by which we became the provider of somebody else's system.
    takeover = models.CharField(max_length=1, null=True)
    annex_iii_point = models.CharField(max_length=16, null=True)
    # The law of Annex I under which it is a product, or a safety component of one; empty when it is none.
    product_law = models.CharField(max_length=160, blank=True)
    profiles = models.BooleanField()
    exit_condition = models.CharField(max_length=1, null=True)
    exit_assessment = models.TextField(blank=True)
    # {"a": {"found": false, "note": "…"}, …} for each practice of Art. 5(1)
    practices = models.JSONField()
    circumstances = models.JSONField(default=list)
    first_used_on = models.DateField(null=True)
    redesigned_on = models.DateField(null=True)
    risk_class = models.CharField(max_length=16, choices=RiskClass.choices)

    class Meta(Revision.Meta):
        constraints = [
            models.UniqueConstraint(fields=["system", "revision"], name="classification_revision_unique"),
            models.CheckConstraint(
                name="classification_role_known", condition=Q(role__in=["provider", "deployer", "both"])
            ),
            models.CheckConstraint(
                name="classification_point_known",
                condition=Q(annex_iii_point__isnull=True) | Q(annex_iii_point__regex=POINT),
            ),
            models.CheckConstraint(
                name="classification_exit_known",
                condition=Q(exit_condition__isnull=True)
                | Q(exit_condition__in=["a", "b", "c", "d"], annex_iii_point__isnull=False),
            ),
            models.CheckConstraint(
                name="classification_practices_answered", condition=Q(practices__has_keys=list(PRACTICES))
            ),
            # Art. 6(3), last sentence: what profiles natural persons is always high-risk.
            models.CheckConstraint(
                name="classification_profiling_bars_exit", condition=Q(exit_condition__isnull=True) | Q(profiles=False)
            ),
            # Art. 6(4): the assessment is documented before the system is released.
            models.CheckConstraint(
                name="classification_exit_is_assessed",
                condition=Q(exit_condition__isnull=True) | ~Q(exit_assessment=""),
            ),
            models.CheckConstraint(
                name="classification_takeover_makes_provider",
                condition=Q(takeover__isnull=True) | ~Q(role="deployer"),
            ),
            models.CheckConstraint(
                name="classification_risk_follows",
                condition=(Q(risk_class="high") & IS_HIGH) | (~Q(risk_class="high") & ~IS_HIGH),
            ),
        ]


class Organisation(Revision):
    """Who provides and uses the systems; one for all, added, never changed. PII: a representative and staff names."""

    name = models.CharField(max_length=200)
    address = models.TextField()
    email = models.CharField(max_length=200)
    phone = models.CharField(max_length=60, blank=True)
    # Legal entity identifier or number in a register.
    identifier = models.CharField(max_length=60, blank=True)
    # Where the provider sits outside the Union (Art. 22): name, address and contact.
    representative = models.TextField(blank=True)
    member_states = models.JSONField(default=list)
    size = models.CharField(max_length=8)
    is_financial_institution = models.BooleanField()
    is_public_body = models.BooleanField()

    class Meta(Revision.Meta):
        constraints = [
            models.UniqueConstraint(fields=["revision"], name="organisation_revision_unique"),
            models.CheckConstraint(name="organisation_size_known", condition=Q(size__in=["sme", "smc", "large"])),
        ]


class MarketStatus(models.TextChoices):
    """Annex VIII A(7): where the system stands."""

    NOT_YET = "not_yet", "not on the market and not in service yet"
    ON_MARKET = "on_market", "on the market"
    IN_SERVICE = "in_service", "in service"
    NO_LONGER = "no_longer", "no longer on the market or in service"
    RECALLED = "recalled", "recalled"


class Registration(Revision):
    """What Annex VIII asks of a system and the registry does not hold otherwise; added, never changed.

    PII: the submitter's contact, staff names.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="registrations")
    trade_name = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=200, blank=True)
    functions = models.TextField(blank=True)
    logic = models.TextField(blank=True)
    market_status = models.CharField(max_length=16, choices=MarketStatus.choices, blank=True)
    member_states = models.JSONField(default=list)
    # Name, address and contact; only where others do it for us.
    submitter = models.TextField(blank=True)
    # Where somebody else provides the system: their name, address and contact.
    provider = models.TextField(blank=True)
    supply_forms = models.TextField(blank=True)
    hardware = models.TextField(blank=True)
    integrations = models.TextField(blank=True)
    certificate = models.TextField(blank=True)
    certificate_url = models.CharField(max_length=500, blank=True)
    declaration_url = models.CharField(max_length=500, blank=True)
    instructions_url = models.CharField(max_length=500, blank=True)
    info_url = models.CharField(max_length=500, blank=True)
    entry_url = models.CharField(max_length=500, blank=True)
    rights_summary = models.TextField(blank=True)
    dpia_summary = models.TextField(blank=True)

    class Meta(Revision.Meta):
        constraints = [
            models.UniqueConstraint(fields=["system", "revision"], name="registration_revision_unique"),
            models.CheckConstraint(
                name="registration_status_known", condition=Q(market_status__in=["", *MarketStatus.values])
            ),
        ]
