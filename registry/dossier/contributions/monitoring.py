"""What is watched in production, which alarms stand, and whose builds are believed."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from registry.dossier.evidence import Fact, Subject, contribute
from registry.provenance.queries import sources_of
from registry.queries import current_release
from registry.releasing.alarms import PATIENCE_SECONDS, alarms


def register() -> None:
    """Register what this module fills."""
    for key in ("monitoring.config", "monitoring.alerts"):
        contribute(key, watched)
    contribute("security.controls", believed)


def watched(subject: Subject) -> Iterator[Fact]:
    """That what answers is compared with what was released, and what is wrong now."""
    release = current_release(subject.system)
    if release is None:
        return
    url = reverse("registry:production", args=[subject.system.slug])
    words = _(
        "Every gateway says about once a second which version answers; one that differs from the release for more than"
        " %(seconds)s s raises an alarm on every page."
    )
    values: dict[str, object] = {"seconds": PATIENCE_SECONDS}
    yield Fact("monitoring.config", words, values, release.released_at, "system:registry", url=url)
    standing = [alarm.words for alarm in alarms() if alarm.system == subject.system.slug]
    words = _("Alarms that stand now: %(alarms)s")
    values = {"alarms": " ".join(standing) or "none."}
    yield Fact("monitoring.alerts", words, values, subject.now, "system:registry", url=url, volatile=("alarms",))


def believed(subject: Subject) -> Iterator[Fact]:
    """Whose CI may vouch for a version."""
    url = reverse("registry:trusted_sources", args=[subject.system.slug])
    for source in sources_of(subject.system):
        words = _("The origin of versions is proven by signed identities of “%(name)s” (%(issuer)s).")
        values = {"name": source.name, "issuer": source.issuer}
        about = f"source-{source.pk}"
        yield Fact("security.controls", words, values, source.trusted_at, source.trusted_by, url=url, about=about)
