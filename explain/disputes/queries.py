"""Every reading of disputes."""

from __future__ import annotations

from django.db.models import QuerySet

from explain.lifecycle import OPEN_STATES
from explain.models import Dispute
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden


def disputes_visible_to(actor: Actor) -> QuerySet[Dispute]:
    """The disputes that the actor may see, the most urgent first."""
    found = Dispute.objects.select_related("explanation")
    return found if actor.may(Permission.DISPUTE_LIST) else found.none()


def open_disputes(actor: Actor) -> QuerySet[Dispute]:
    """Disputes that still wait for somebody."""
    return disputes_visible_to(actor).filter(state__in=OPEN_STATES)


def dispute_for(actor: Actor, number: int) -> Dispute:
    """The dispute, or `Hidden`."""
    dispute = disputes_visible_to(actor).filter(pk=number).first()
    if dispute is None:
        raise Hidden
    return dispute
