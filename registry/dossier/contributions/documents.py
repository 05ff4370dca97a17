"""The papers that people attached: each is one fact, under the key that it fills."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from registry.dossier.evidence import Fact, Subject, contribute
from registry.models import Document

# A paper may stand under any key that the law's data marks so; which those are is checked when it is attached.
_ROOTS = (
    *("audit", "complaint", "conformity", "docs", "dpia", "feedback", "fria", "incident", "monitoring", "org"),
    *("oversight", "pmm", "registration", "registry", "risk", "security"),
)


def register() -> None:
    """Register what this module fills."""
    for root in _ROOTS:
        contribute(root, facts)


def facts(subject: Subject) -> Iterator[Fact]:
    """Every paper that was not withdrawn."""
    for document in Document.objects.filter(system=subject.system, withdrawn_at=None):
        words = _("“%(title)s” was attached by %(by)s (SHA-256 %(sha256)s).")
        values = {"title": document.title, "by": document.attached_by.partition(":")[2], "sha256": document.sha256}
        url = reverse("registry:document", args=[subject.system.slug, document.pk])
        if document.url:
            words = _("“%(title)s” was named by %(by)s: %(url)s")
            values = {**values, "url": document.url}
            url = document.url
        yield Fact(
            document.key,
            words,
            values,
            as_of=document.attached_at,
            source=document.attached_by,
            url=url,
            about=f"document-{document.pk}",
        )
