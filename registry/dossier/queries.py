"""Every reading of the dossier: the law in force, and a system's points, each with its state, evidence and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db.models import QuerySet

from portal.accounts.access import Actor, Permission
from portal.errors import Hidden
from registry import queries as registry
from registry.classification.duties import Applicability, applicability
from registry.classification.queries import classification_of, newest_of
from registry.dossier.evidence import Fact, Subject, facts_about
from registry.dossier.regulation import changes_of
from registry.dossier.states import PointState, Standing, standing_of
from registry.lifecycle import State
from registry.models import (
    Document,
    Regulation,
    Requirement,
    Statement,
    StatementDraft,
    StatementKind,
    System,
    Version,
)
from registry.models.dossier import Writer

UNSETTLED = (PointState.STALE, PointState.MISSING, PointState.EVIDENCE)


@dataclass(frozen=True)
class Point:
    """One point of the law for one system and version."""

    requirement: Requirement
    bound: Applicability
    facts: list[Fact]
    statement: Statement | None
    standing: Standing

    @property
    def item(self) -> str:
        """The point's id."""
        return self.requirement.item

    @property
    def state(self) -> PointState:
        """What can be said of it."""
        return self.standing.state

    @property
    def state_words(self) -> str:
        """The state in words; of what the registry fills, evidence is a part."""
        is_part = self.state == PointState.EVIDENCE and self.requirement.written_by == Writer.AUTO
        return "filled in part" if is_part else self.state.label

    @property
    def due(self) -> date | None:
        """The day from which it binds this system."""
        return self.bound.applies_from

    @property
    def changed_at(self) -> datetime | None:
        """When something about it last changed: its evidence, or its statement."""
        moments = [fact.as_of for fact in self.facts]
        if self.statement:
            moments.append(self.statement.signed_at)
        return max(moments, default=None)

    @property
    def waits(self) -> bool:
        """Whether a person has something to do about it."""
        return self.state in UNSETTLED


@dataclass(frozen=True)
class Dossier:
    """Every point of the law in force, for one system and one of its versions, read at one moment."""

    system: System
    version: Version | None
    regulation: Regulation
    points: list[Point]
    now: datetime

    @cached_property
    def by_item(self) -> dict[str, Point]:
        """The points by id."""
        return {point.item: point for point in self.points}

    @property
    def counts(self) -> dict[PointState, int]:
        """How many points are in each state; never one score."""
        found = Counter(point.state for point in self.points)
        return {state: found[state] for state in PointState}

    def of_group(self, group: str) -> list[Point]:
        """The points of one group, in order."""
        return [point for point in self.points if point.requirement.group == group]

    @property
    def groups(self) -> list[tuple[dict[str, str], list[Point]]]:
        """The groups of the law, each with its points."""
        return [(group, points) for group in self.regulation.groups if (points := self.of_group(group["id"]))]


def law_in_force(today: date) -> Regulation:
    """The newest state of the law that has begun."""
    law = Regulation.objects.filter(in_force_from__lte=today).first()
    if law is None:
        raise Hidden("No state of the law is in force on this day.")
    return law


def law_before(law: Regulation) -> Regulation | None:
    """The state of the law that this one follows."""
    return Regulation.objects.filter(in_force_from__lt=law.in_force_from).first()


def laws_visible_to(actor: Actor) -> QuerySet[Regulation]:
    """Every state of the law, the newest first."""
    return Regulation.objects.all() if actor.may(Permission.DOSSIER_VIEW) else Regulation.objects.none()


def law_for(actor: Actor, day: date) -> Regulation:
    """The state of the law that began on the day, or `Hidden`."""
    law = laws_visible_to(actor).filter(in_force_from=day).first()
    if law is None:
        raise Hidden
    return law


def version_for(actor: Actor, slug: str, number: int | None) -> tuple[System, Version | None]:
    """The system, and its version of that number, or by default the one that is live, else the newest."""
    actor.need_sight(Permission.DOSSIER_VIEW)
    if number is not None:
        version = registry.version_for(actor, slug, number)
        return version.system, version
    system = registry.system_for(actor, slug)
    return system, default_version(system)


def default_version(system: System) -> Version | None:
    """The version that a dossier is about unless somebody says otherwise: the live one, else the newest."""
    versions = list(system.versions.defer("manifest").order_by("-number").values_list("pk", "state"))
    live = [pk for pk, state in versions if state == State.LIVE]
    wanted = [*live, *(pk for pk, _ in versions)]
    return Version.objects.select_related("system").get(pk=wanted[0]) if wanted else None


def dossier_of(system: System, version: Version | None, now: datetime) -> Dossier:
    """The whole dossier; every contributor is asked once."""
    law = law_in_force(now.date())
    facts = facts_about(Subject(system, version, now))
    standing = statements_that_stand(system, version)
    classification, row = classification_of(system), newest_of(system)
    classified_by = row.changed_by.partition(":")[2] if row else ""
    changed = _asked_otherwise(law, standing.values())
    titles = {key: said["title"] for key, said in law.evidence.items()}
    points = []
    for requirement in law.requirements.all():
        bound = applicability(requirement.item, requirement.applies_to, requirement.applies_from, classification)
        own = facts_for(requirement, facts)
        statement = standing.get(requirement.item)
        state = standing_of(
            requirement,
            bound,
            own,
            statement,
            titles=titles,
            classified_by=classified_by,
            has_law_changed=requirement.item in changed,
        )
        points.append(Point(requirement, bound, own, statement, state))
    return Dossier(system, version, law, points, now)


def _asked_otherwise(law: Regulation, statements: Iterable[Statement]) -> set[str]:
    """The items of which the law asked something else when the statement on it was signed."""
    signed = [statement for statement in statements if statement.regulation_id != law.pk]
    if not signed:
        return set()
    now = {row.item: row for row in law.requirements.all()}
    rows = Requirement.objects.filter(regulation__in={statement.regulation_id for statement in signed})
    then = {(row.regulation_id, row.item): row for row in rows}
    pairs = [(then.get((said.regulation_id, said.item)), now.get(said.item)) for said in signed]
    return {after.item for before, after in pairs if before and after and changes_of(before, after)}


def point_of(dossier: Dossier, item: str) -> Point:
    """The point of that id, or `Hidden`."""
    if item not in dossier.by_item:
        raise Hidden
    return dossier.by_item[item]


def facts_for(requirement: Requirement, facts: Mapping[str, list[Fact]]) -> list[Fact]:
    """The facts of the keys that can fill the requirement, in the order of the keys."""
    return [fact for key in requirement.evidence_from for fact in facts.get(key, [])]


def statements_that_stand(system: System, version: Version | None) -> dict[str, Statement]:
    """By item, the newest text that holds for the version and was not taken back: its own, or the one for all."""
    found: dict[str, Statement] = {}
    for wanted in (None, version) if version else (None,):
        rows = Statement.objects.filter(system=system, version=wanted).exclude(kind=StatementKind.COMMENT)
        for row in rows.order_by("item", "-revision").distinct("item"):
            older = found.get(row.item)
            if row.kind != StatementKind.WITHDRAWAL and (older is None or older.revision < row.revision):
                found[row.item] = row
    return found


def history_of(system: System, item: str) -> list[Statement]:
    """Everything that was ever signed on the point, newest first."""
    return list(system.statements.filter(item=item).select_related("version", "regulation").order_by("-id"))


def newest_statement(system: System, item: str) -> Statement | None:
    """The newest revision on the point, whatever it is: what the next one must follow."""
    return Statement.objects.filter(system=system, item=item).order_by("-revision").first()


def draft_of(actor: Actor, system: System, item: str) -> StatementDraft | None:
    """What the actor was writing on the point."""
    return StatementDraft.objects.filter(system=system, item=item, person=actor.label).first()


def keys_for_papers(requirement: Requirement) -> dict[str, str]:
    """The keys of the point that a paper may fill, with their names."""
    evidence = requirement.regulation.evidence
    return {key: evidence[key]["title"] for key in requirement.evidence_from if evidence[key]["document"]}


def documents_of(system: System, keys: Iterable[str]) -> list[Document]:
    """The papers under those keys, the withdrawn ones too."""
    return list(Document.objects.filter(system=system, key__in=list(keys)))


def document_for(actor: Actor, slug: str, number: int) -> Document:
    """The paper, or `Hidden`."""
    actor.need_sight(Permission.DOSSIER_VIEW)
    document = Document.objects.filter(system=registry.system_for(actor, slug), pk=number).first()
    if document is None:
        raise Hidden
    return document
