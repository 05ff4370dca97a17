"""The dossier of version 1, signed by the demo's people: by the end of the story much in it has changed."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from portal.accounts.models import User
from registry.dossier.freezing.queries import open_proposal, places_of, states_digest
from registry.dossier.freezing.services import freeze_dossier, sign_dossier
from registry.dossier.queries import default_version, dossier_of
from registry.models import FrozenDossier, System

BY, SIGNED_BY = "clara", ("lena", "clara")
REASON = (
    "Version 1 decides at one desk, on trial. Instructions for use and the declaration of conformity are not written"
    " yet; they are not due before 2 December 2027."
)
STATEMENTS = {
    "lena": "What it says of the model and its tests is true. What is missing is named.",
    "clara": "I have read every point. I sign it with the gaps that it names, not in spite of them.",
}


def have_it_signed(system: System, say: Callable[[str], None]) -> None:
    """Freeze what the dossier says now, and sign it; once, and on from where it was left."""
    dossier = open_proposal(system)
    if dossier is None and system.frozen_dossiers.exists():
        return
    for place in places_of(dossier or _freeze(system)):
        if place.signature is None:
            _sign(system, place.person.partition(":")[2])
    say(f"dossier 1 frozen, and signed by {' and '.join(SIGNED_BY)}")


def _freeze(system: System) -> FrozenDossier:
    version, now = default_version(system), timezone.now()
    if version is None:
        raise RuntimeError("the story freezes nothing before a version is live")
    seen = states_digest(dossier_of(system, version, now))
    actor = User.objects.get(username=BY).actor
    return freeze_dossier(actor=actor, version=version, signatories=SIGNED_BY, seen=seen, reason=REASON, now=now)


def _sign(system: System, username: str) -> None:
    waiting = FrozenDossier.objects.get(system=system, state="proposed")
    sign_dossier(
        actor=User.objects.get(username=username).actor,
        dossier=waiting,
        content_sha256=waiting.content_sha256,
        statement=STATEMENTS[username],
        now=timezone.now(),
    )
