"""What is in production: the release in force, the way to stop it, where decisions are asked for, and by whom."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from portal.accounts.access import Scope
from portal.accounts.models import ServiceToken
from registry.dossier.evidence import Fact, Subject, contribute
from registry.models import Release, System
from registry.queries import current_release
from registry.releasing.readiness import readiness_of


def register() -> None:
    """Register what this module fills."""
    for key in ("registry.deployment", "registry.deployment.fallback", "registry.endpoint", "oversight.stop"):
        contribute(key, facts)


def facts(subject: Subject) -> Iterator[Fact]:
    """Release, endpoint and rollback."""
    release = current_release(subject.system)
    if release is None:
        return
    url = reverse("registry:production", args=[subject.system.slug])
    words = _("Version %(live)s is live by release %(release)s (%(strategy)s).")
    values = {
        "live": release.version.number,
        "release": release.number,
        "strategy": release.get_strategy_display().lower(),
    }
    yield Fact("registry.deployment", words, values, release.released_at, release.released_by, url=url)
    words = _("It is used through an interface for programs: POST /v1/systems/%(slug)s/decide.")
    docs = reverse("api:docs")
    values = {"slug": subject.system.slug}
    yield Fact("registry.endpoint", words, values, release.released_at, "system:registry", url=docs)
    yield from _callers(release)
    yield from _stopping(subject.system, url)


def _callers(release: Release) -> Iterator[Fact]:
    tokens = ServiceToken.objects.filter(revoked_at=None, scopes__contains=[Scope.DECIDE.value]).order_by("name")
    names = list(tokens.values_list("name", "created_at"))
    if names:
        words = _("These services may ask for decisions: %(names)s.")
        values = {"names": ", ".join(name for name, _created in names)}
        newest = max(created for _name, created in names)
        url = f"{reverse('audit:decisions')}?system={release.system.slug}"
        yield Fact("registry.endpoint.callers", words, values, newest, "system:registry", url=url)


def _stopping(system: System, url: str) -> Iterator[Fact]:
    readiness = readiness_of(system)
    if readiness is None or readiness.target is None:
        return
    # That there is a way back is what somebody signs for; to which version it leads changes with every release.
    common = {"as_of": readiness.changed_at, "source": "system:readiness", "url": url, "volatile": ("target",)}
    values = {"target": readiness.target}
    words = _("Production falls back to version %(target)s, which stands by.")
    yield Fact("registry.deployment.fallback", words, values, **common)
    if readiness.is_armed:
        words = _("One button returns production to version %(target)s; that it would work is checked all the time.")
        yield Fact("oversight.stop", words, values, **common)
