"""People of the two desks, and decisions of any age about anybody."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.erasure import services
from audit.identifiers import new_id
from audit.models import Entry, Erasure
from portal.accounts.access import Actor, Role
from portal.accounts.services import create_person
from tests import factories

OLD_DAYS = 300


def support() -> Actor:
    """Asks."""
    return factories.person("support").actor


def officer() -> Actor:
    """Decides."""
    return factories.person("compliance").actor


def second_officer() -> Actor:
    """Lifts what the first one placed."""
    roles = [Role.COMPLIANCE]
    return create_person(username="second_officer", name="Olga Orlova", password=factories.PASSWORD, roles=roles).actor


def decided_days_ago(days: float, **changes: Any) -> Entry:
    """A decision of that age."""
    factories.make_month(datetime.now(UTC) - timedelta(days=days))
    return factories.decided(id=new_id(int((time.time() - days * 86_400) * 1000)), **changes)


def ask(subject: str = "applicant-17", **changes: Any) -> Erasure:
    """A request by support."""
    facts = {"actor": support(), "system": "mortgage", "reason": "The person asked by letter.", "now": timezone.now()}
    return services.request_erasure(subject=subject, **{**facts, **changes})


def confirm(erasure: Erasure, **changes: Any) -> Erasure:
    """The officer's yes."""
    facts = {"actor": officer(), "reason": "Checked: no duty stands against it.", "now": timezone.now()}
    return services.confirm_erasure(erasure=erasure, **{**facts, **changes})


def hold(subject: str = "", **changes: Any) -> Any:
    """A hold by the officer."""
    facts = {"actor": officer(), "system": "mortgage", "reason": "A court asked for it.", "now": timezone.now()}
    return services.place_hold(subject=subject, **{**facts, **changes})
