"""Every reading of reports about incidents: what one would say now, what was saved, and its PDF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portal.accounts.access import Actor
from portal.errors import Conflict, Hidden
from portal.printing.press import NotPrinted, print_pdf
from portal.templatetags.portal_tags import who
from registry.incidents.clocks import clocks_of
from registry.incidents.queries import incident_for, release_moments, releases_since
from registry.incidents.reporting.content import CaseFacts, content_of, empty_sections, moment_words
from registry.models import Assessment, Causality, Incident, IncidentReport, IncidentRole, Kind, Organisation

LAYOUT = Path(__file__).resolve().parents[2] / "layouts" / "incident.typ"
LETTERS = {"health": "a", "infrastructure": "b", "rights": "c", "property": "d"}


def latest_report(incident: Incident) -> IncidentReport | None:
    """The newest version that was saved."""
    return incident.reports.first()


def sections_to_start_from(incident: Incident) -> dict[str, str]:
    """What the editor holds: the newest version's sections, or what was said when the case was opened."""
    newest = latest_report(incident)
    return dict(newest.sections) if newest else empty_sections(incident.description)


def report_for(actor: Actor, number: int, version: int) -> IncidentReport:
    """The version of a case's report, or `Hidden`."""
    found = incident_for(actor, number).reports.filter(number=version).select_related("filing").first()
    if found is None:
        raise Hidden
    return found


def content_now(incident: Incident, stage: str, sections: Mapping[str, str]) -> dict[str, Any]:
    """What the report says with the facts of the case as they are now."""
    assessment = incident.assessments.all()[0]
    return content_of(
        CaseFacts(
            number=incident.number,
            stage=stage,
            facts=_facts(incident, assessment),
            versions=tuple(
                (f"Version {version.number}", version.artifact_sha256, version.state)
                for version in incident.versions.order_by("number")
            ),
            releases=tuple(
                (str(moment.release), f"{moment.what}. {moment.words}", f"{moment_words(moment.at)}, {who(moment.by)}")
                for moment in release_moments(releases_since(incident, assessment.aware_at))
            ),
            related=tuple(f"{link.get_what_display()}: {link.value}" for link in incident.links.all()),
            sections=sections,
        )
    )


def is_behind(incident: Incident, report: IncidentReport) -> bool:
    """Whether the case says something else by now than this version of its report."""
    return content_now(incident, report.stage, report.sections) != report.content


def pdf_of(report: IncidentReport) -> bytes:
    """The PDF of a saved version: as it was sent, or printed from what was frozen with it, always the same bytes.

    `Conflict` with words for the desk where it cannot be printed.
    """
    filing = getattr(report, "filing", None)
    if filing is not None:
        return bytes(filing.pdf)
    attached = {"incident": report.incident_id, "stage": report.stage, "version": report.number, **report.content}
    try:
        return print_pdf(LAYOUT, report.content, at=report.saved_at, attached=attached)
    except NotPrinted as error:
        raise Conflict(f"The report cannot be printed: {error}", code="not_printed") from None


def _facts(incident: Incident, assessment: Assessment) -> tuple[tuple[str, str], ...]:
    system, clock = incident.system, clocks_of(assessment)[0]
    kind = f"{Kind(assessment.kind).label} (Art. 3(49)({LETTERS[assessment.kind]}))"
    causality = Causality(assessment.causality).label
    if assessment.causality_at:
        causality = f"{causality}, since {moment_words(assessment.causality_at)}"
    organisation = f"{who_we_are.name}, " if (who_we_are := Organisation.objects.first()) else ""
    rows = [
        ("AI system", f"{system.name} ({system.slug})\n{system.purpose}"),
        ("Annex III point", system.annex_iii_point or "none"),
        ("Reported by", f"{organisation}{system.owner}\n{IncidentRole(assessment.role).label}"),
        ("Kind of incident", kind),
        ("A person died", "yes" if assessment.is_death else "no"),
        ("Widespread", "yes (Art. 3(61))" if assessment.is_widespread else "no"),
        ("Became aware", moment_words(assessment.aware_at)),
        ("Report due", f"{moment_words(clock.due_at)}: {clock.days} days, {clock.article}, since {clock.why}"),
        ("Causal link", causality),
    ]
    if assessment.sector_rule:
        rows.append(("Limited by Art. 73(9)", assessment.sector_rule))
    return tuple(rows)
