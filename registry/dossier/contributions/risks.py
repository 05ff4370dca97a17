"""What the risk register says in the dossier: each risk with its ratings, who accepted the rest, and the reviews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from portal.accounts.access import Permission
from registry.dossier.evidence import Fact, Subject, contribute
from registry.risks.queries import Line, lines_of, overall_of


def register() -> None:
    """Register what this module fills."""
    for key in ("register", "acceptance", "review_log"):
        contribute(f"risk.{key}", facts)


def facts(subject: Subject) -> Iterator[Fact]:
    """Every risk of the system, what is left of it, and whether somebody answers for the whole."""
    lines = lines_of(subject.system, subject.now.date())
    for line in sorted(lines, key=lambda line: line.risk.number):
        yield from _risk(subject, line)
    if subject.version is None or not lines:
        return
    overall = overall_of(subject.version, lines)
    if overall.acceptance and overall.is_current:
        words = _("The overall residual risk of version %(version)s is accepted by %(by)s, for %(count)s risks.")
        by = overall.acceptance.accepted_by.removeprefix("user:")
        values = {"version": subject.version.number, "by": by, "count": len(overall.acceptance.register)}
        common = {"url": reverse("registry:risks", args=[subject.system.slug]), "about": "overall"}
        given = overall.acceptance
        yield Fact("risk.acceptance", words, values, given.accepted_at, given.accepted_by, **common)


def _risk(subject: Subject, line: Line) -> Iterator[Fact]:
    number, revision = line.risk.number, line.revision
    common: dict[str, Any] = {
        "url": reverse("registry:risk", args=[subject.system.slug, number]),
        "about": str(number),
        "seen_with": Permission.RISK_VIEW,
    }
    words = _("Risk %(number)s, “%(title)s”: %(before)s; with its controls (%(controls)s) %(after)s; %(state)s.")
    values = {
        **{"number": number, "title": revision.title, "before": line.before, "after": line.after},
        **{"controls": len(revision.controls), "state": line.state},
    }
    yield Fact("risk.register", words, values, revision.written_at, revision.written_by, **common)
    if line.acceptance:
        words = _("What is left of risk %(number)s is accepted by %(by)s, in revision %(revision)s.")
        by = line.acceptance.accepted_by.removeprefix("user:")
        values = {"number": number, "by": by, "revision": revision.number}
        given = line.acceptance
        yield Fact("risk.acceptance", words, values, given.accepted_at, given.accepted_by, **common)
    words = _("Risk %(number)s was last looked at on %(day)s, and is looked at again by %(due)s.")
    days = {"day": f"{revision.written_at:%Y-%m-%d}", "due": f"{revision.review_due:%Y-%m-%d}"}
    if not revision.is_closed:
        yield Fact(
            "risk.review_log", words, {"number": number, **days}, revision.written_at, revision.written_by, **common
        )
