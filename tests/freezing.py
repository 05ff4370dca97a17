"""Freezing and signing, as the tests do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from registry.dossier.freezing import queries, services
from registry.dossier.queries import Dossier, dossier_of
from registry.models import FrozenDossier
from tests.factories import person, version


def live(number: int = 1) -> Dossier:
    """The dossier of a seeded version as it stands."""
    about = version(number)
    return dossier_of(about.system, about, timezone.now())


def freeze(
    signatories: Sequence[str] = ("compliance", "lead"), *, by: str = "compliance", seen: str = "", number: int = 1,
    reason: str = "It goes live.",
) -> FrozenDossier:  # fmt: skip
    """Freeze the dossier of a seeded version."""
    shown = seen or queries.states_digest(live(number))
    asked = {"version": version(number), "signatories": signatories, "seen": shown, "reason": reason}
    return services.freeze_dossier(actor=person(by).actor, now=timezone.now(), **asked)


def sign(dossier: FrozenDossier, who: str, **changes: Any) -> FrozenDossier:
    """Sign it as one of the seeded people."""
    asked = {"content_sha256": dossier.content_sha256, "statement": "I stand for it.", "now": timezone.now(), **changes}
    return services.sign_dossier(actor=person(who).actor, dossier=dossier, **asked)
