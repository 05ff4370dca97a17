"""What incidents say in the dossier: the cases, how each is judged and reported, and what is held because of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from audit.models import Hold
from portal.accounts.access import Permission
from portal.templatetags.portal_tags import state_word
from registry.dossier.evidence import Fact, Subject, contribute
from registry.incidents.reporting.queries import LETTERS
from registry.models import Assessment, Incident, IncidentState
from registry.queries import incidents_holding

KEYS = (
    *("records", "category", "causality", "timeline", "notifications", "report_versions"),
    *("authority_correspondence", "investigation", "capa"),
)


def register() -> None:
    """Register what this module fills."""
    for key in KEYS:
        contribute(f"incident.{key}", facts)
    contribute("audit.legal_hold", held)


def facts(subject: Subject) -> Iterator[Fact]:
    """Every case of the system; or that there is none."""
    found = list(subject.system.incidents.prefetch_related("assessments").order_by("number"))
    if not found:
        words = _("No possible serious incident of this system is on record.")
        url = reverse("registry:incidents")
        yield Fact("incident.records", words, {}, subject.system.created_at, "system:registry", url=url)
    for incident in found:
        yield from _judged(incident, incident.assessments.all()[0])
        yield from _told(incident)
        yield from _examined(incident)


def held(subject: Subject) -> Iterator[Fact]:
    """The legal holds in force: those of incidents with the versions that they hold, and those on the whole system."""
    of_cases = set()
    for incident in incidents_holding(subject.system):
        hold = incident.holds.get(released_at=None)
        of_cases.add(hold.hold)
        words = _("Because of incident %(number)s no decision is erased or dropped, and version %(versions)s stays.")
        versions = ", ".join(str(version.number) for version in incident.versions.all()) or "–"
        values = {"number": incident.number, "versions": versions}
        yield Fact("audit.legal_hold", words, values, hold.placed_at, hold.placed_by, **_of(incident))
    others = Hold.objects.filter(system=subject.system.slug, token=None, lifted_at=None).exclude(pk__in=of_cases)
    for hold in others.order_by("placed_at"):
        words = _("A legal hold on the system is in force since %(day)s.")
        common: dict[str, Any] = {"url": reverse("audit:holds"), "about": str(hold.pk)}
        values = {"day": f"{hold.placed_at:%Y-%m-%d}"}
        yield Fact(
            "audit.legal_hold", words, values, hold.placed_at, hold.placed_by, seen_with=Permission.TRAIL_VIEW, **common
        )


def _judged(incident: Incident, assessment: Assessment) -> Iterator[Fact]:
    common: dict[str, Any] = {"as_of": assessment.assessed_at, "source": assessment.assessed_by, **_of(incident)}
    words = _("Incident %(number)s, known since %(aware)s, is %(state)s; an authority must know by %(due)s.")
    if incident.state == IncidentState.NOT_SERIOUS:
        words = _("Incident %(number)s, known since %(aware)s, is %(state)s.")
    values = {
        "number": incident.number,
        "aware": f"{assessment.aware_at:%Y-%m-%d}",
        "state": state_word(incident.state),
        "due": f"{incident.due_at:%Y-%m-%d}",
    }
    yield Fact("incident.records", words, values, **common)
    words = _("Incident %(number)s is judged to be: %(kind)s (Art. 3(49)(%(letter)s)).")
    kind = {"kind": assessment.get_kind_display().lower(), "letter": LETTERS[assessment.kind]}
    yield Fact("incident.category", words, {"number": incident.number, **kind}, **common)
    if assessment.causality_at:
        words = _("That the system led to incident %(number)s is %(causality)s since %(day)s.")
        cause = {"causality": assessment.get_causality_display().lower(), "day": f"{assessment.causality_at:%Y-%m-%d}"}
        yield Fact("incident.causality", words, {"number": incident.number, **cause}, **common)


def _told(incident: Incident) -> Iterator[Fact]:
    number = {"number": incident.number}
    for filing in incident.filings.select_related("report"):
        words = _("Version %(version)s of the report on incident %(number)s went to %(authority)s on %(day)s.")
        sent = {"version": filing.report.number, "authority": filing.authority, "day": f"{filing.sent_at:%Y-%m-%d}"}
        about = {**_of(incident), "about": f"{incident.number}/{filing.report.number}"}
        yield Fact(
            "incident.notifications", words, {**number, **sent}, filing.recorded_at, filing.recorded_by, **about
        )
    if newest := incident.messages.order_by("-id").first():
        words = _("%(count)s messages between us and authorities about incident %(number)s are on record.")
        count = {"count": incident.messages.count()}
        key = "incident.authority_correspondence"
        yield Fact(key, words, {**number, **count}, newest.kept_at, newest.kept_by, **_of(incident))


def _examined(incident: Incident) -> Iterator[Fact]:
    number = {"number": incident.number}
    if step := incident.steps.last():
        words = _("%(count)s steps of incident %(number)s are on record.")
        values = {**number, "count": incident.steps.count()}
        yield Fact("incident.timeline", words, values, step.done_at, step.done_by, volatile=("count",), **_of(incident))
    report = incident.reports.first()
    if report is None:
        return
    common: dict[str, Any] = {"as_of": report.saved_at, "source": report.saved_by, **_of(incident)}
    values = {**number, "version": report.number}
    words = _("The report on incident %(number)s stands at version %(version)s.")
    yield Fact("incident.report_versions", words, values, **common)
    if report.sections["cause"]:
        words = _("Version %(version)s of the report on incident %(number)s describes its cause.")
        yield Fact("incident.investigation", words, values, **common)
    if report.sections["corrective"]:
        words = _("Version %(version)s of the report on incident %(number)s describes the corrective action.")
        yield Fact("incident.capa", words, values, **common)


def _of(incident: Incident) -> dict[str, Any]:
    """Where the case is kept, who may see it, and what tells its facts from another's."""
    return {
        "url": reverse("registry:incident", args=[incident.number]),
        "about": str(incident.number),
        "seen_with": Permission.INCIDENT_VIEW,
    }
