"""What every page's frame shows: the ways that the person may go, and where they are."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from portal.accounts.access import Permission
from registry.releasing.alarms import alarms_for

FOOTER = "Countersign: every decision on the record, every version with its evidence."

# Label, URL name, what one must be allowed, one of them; the address's beginning tells which is active.
WAYS: tuple[tuple[str, str, set[Permission]], ...] = (
    ("Home", "home", set()),
    ("Systems", "registry:systems", {Permission.SYSTEM_VIEW}),
    ("Decisions", "audit:decisions", {Permission.DECISION_LIST}),
    ("Disputes", "explain:disputes", {Permission.DISPUTE_LIST}),
    # Who may only open cases sees their own.
    ("Incidents", "registry:incidents", {Permission.INCIDENT_VIEW, Permission.INCIDENT_OPEN}),
    ("Trail", "audit:trail", {Permission.TRAIL_VIEW}),
    ("Erasures", "audit:erasures", {Permission.ERASURE_REQUEST}),
    ("Retention", "audit:retention", {Permission.TRAIL_VIEW}),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """`nav`, `role_words` and `alarms` for the signed-in person; nothing for a stranger."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"footer_text": FOOTER}
    actor = user.actor
    nav = [
        {"label": label, "url": reverse(name), "active": _is_active(request.path, reverse(name))}
        for label, name, needed in WAYS
        if not needed or actor.permissions & needed
    ]
    role_words = ", ".join(role.label for role in sorted(actor.roles))
    told = {"nav": nav, "actor": actor, "role_words": role_words, "footer_text": FOOTER}
    # Looked up where the frame is drawn, once: parts of pages have none.
    return told | {"alarms": partial(alarms_for, actor)}


def _is_active(path: str, start: str) -> bool:
    return path == start if start == "/" else path.startswith(start)
