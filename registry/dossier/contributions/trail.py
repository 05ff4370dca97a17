"""What the trail says: that decisions are logged, how, for how long, and that the log can be proven and taken along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

import audit.queries as trail
from audit.exports.services import FORMATS
from audit.models import Entry
from audit.proofs import newest_checkpoint
from audit.records import DECISION, ENTRY_FORMAT
from audit.retention.queries import rule_of
from audit.services import Event
from portal.accounts.access import Permission, actor_for_process
from registry.dossier.evidence import Fact, Subject, contribute

READER = actor_for_process("dossier")
RECENT_DAYS = 30


def register() -> None:
    """Register what this module fills."""
    for key in ("inference_log", "inference_volume", "log_schema"):
        contribute(f"audit.{key}", logged)
    contribute("audit.changes", changed)
    for key in ("integrity", "retention", "export", "access"):
        contribute(f"audit.{key}", kept)


def logged(subject: Subject) -> Iterator[Fact]:
    """That the version's decisions are in the log, since when, how many, and in which form."""
    system, version = subject.system, subject.version
    if version is None:
        return
    decisions = Entry.objects.filter(type=DECISION, system=system.slug, version=version.number).defer("entry")
    first = decisions.order_by("id").first()
    if first is None:
        return
    url = f"{reverse('audit:decisions')}?system={system.slug}&version={version.number}"
    common: dict[str, Any] = {"as_of": first.at, "source": "audit", "url": url}
    many = trail.about(decisions)
    words = _("Every decision of version %(number)s is in the log since %(since)s: %(count)s so far.")
    count = f"{'' if many.is_exact else 'about '}{many.number:,}"
    values = {"number": version.number, "since": f"{first.at:%Y-%m-%d %H:%M} UTC", "count": count}
    yield Fact("audit.inference_log", words, values, volatile=("count",), **common)
    wanted = trail.DecisionFilter(system=system.slug, since=subject.now - timedelta(days=RECENT_DAYS))
    recent = trail.about(trail.filtered(Entry.objects.filter(type=DECISION), wanted))
    words = _("Decisions of the system in the last %(days)s days: %(count)s.")
    values = {"count": f"{'' if recent.is_exact else 'about '}{recent.number:,}", "days": RECENT_DAYS}
    yield Fact("audit.inference_volume", words, values, volatile=("count",), **common)
    words = _(
        "Each entry (format %(format)s) holds time, caller, version, release, artifact digest, inputs, answer, score"
        " and latency, and is hashed as a leaf of a Merkle tree (RFC 6962)."
    )
    yield Fact("audit.log_schema", words, {"format": ENTRY_FORMAT}, **common)


def changed(subject: Subject) -> Iterator[Fact]:
    """What was done with the version, as its history has it."""
    version = subject.version
    acts = trail.acts_on_version(version.system.slug, version.number) if version else []
    if version is None or not acts:
        return
    url = reverse("registry:version", args=[version.system.slug, version.number]) + "#history-title"
    words = _("%(count)s acts on version %(number)s are on record, the newest on %(day)s.")
    values = {"count": len(acts), "number": version.number, "day": f"{acts[0].at:%Y-%m-%d}"}
    yield Fact("audit.changes", words, values, acts[0].at, "audit", url=url, volatile=("count", "day"))


def kept(subject: Subject) -> Iterator[Fact]:
    """How the log is sealed, how long it is kept, how it leaves the house, and who read personal data."""
    slug, system = subject.system.slug, subject.system
    behind: dict[str, Any] = {"seen_with": Permission.TRAIL_VIEW}
    if head := newest_checkpoint():
        words = _("The log is sealed: %(size)s entries under the root %(root)s, signed on %(day)s.")
        values = {"size": f"{head.size:,}", "root": bytes(head.root).hex(), "day": f"{head.at:%Y-%m-%d}"}
        url, volatile = reverse("audit:integrity"), ("size", "root", "day")
        yield Fact("audit.integrity", words, values, head.at, "audit", url=url, volatile=volatile, **behind)
    rule = rule_of(slug)
    words = _("Decisions are kept %(time)s. Less than six months is refused.")
    time = f"for {rule.months} months" if rule and rule.months else "for ever: no end was set"
    as_of, by = (rule.set_at, rule.set_by) if rule else (system.created_at, "system:default")
    yield Fact("audit.retention", words, {"time": time}, as_of, by, url=reverse("audit:retention"), **behind)
    words = _("The log can be taken along as %(formats)s, with proofs that can be checked without us.")
    values = {"formats": ", ".join(FORMATS)}
    yield Fact("audit.export", words, values, system.created_at, "audit", url=reverse("audit:exports"), **behind)
    readings = Entry.objects.filter(type=Event.DECISION_READ.value, system=slug).defer("entry").order_by("-id")
    if newest := readings.first():
        words = _("Each reading of personal data is on record with its purpose; the newest is of %(day)s.")
        day = {"day": f"{newest.at:%Y-%m-%d}"}
        url = reverse("audit:trail")
        yield Fact("audit.access", words, day, newest.at, "audit", url=url, volatile=("day",), **behind)
