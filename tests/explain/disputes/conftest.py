"""Cases as support takes them in, and the people who look after them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.models import Entry
from audit.queries import facts_of
from explain.disputes import services
from explain.models import Dispute
from portal.accounts.access import Actor, Role
from portal.accounts.services import create_person
from tests import factories

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def actor(username: str = "support") -> Actor:
    """One of the seeded people, acting."""
    return factories.person(username).actor


def another(username: str, role: Role) -> Actor:
    """A further person of that role."""
    return create_person(username=username, name=username.title(), password=factories.PASSWORD, roles=[role]).actor


def opened(decision: Entry | None = None, *, by: str = "support", **changes: Any) -> Dispute:
    """A case about the decision, or about a new one."""
    now = timezone.now()
    facts = {"channel": "phone", "claim": "I pay on time.", "received_at": now, "now": now, **changes}
    return services.open_dispute(actor=actor(by), decision=decision or factories.decided(), **facts)


def act(service: Callable[..., Any], dispute: Dispute, *, by: str = "support", **facts: Any) -> Any:
    """What the service gives, and the case as it stands afterwards."""
    made = service(actor=actor(by), dispute=dispute, now=timezone.now(), **facts)
    dispute.refresh_from_db()
    return made


def in_days(days: float) -> datetime:
    """So many days from now."""
    return timezone.now() + timedelta(days=days)


def newest() -> tuple[str, dict[str, Any]]:
    """The newest entry of the trail: what happened, and its details."""
    entry = Entry.objects.order_by("-id").first()
    return entry.type, facts_of(entry)["details"]
