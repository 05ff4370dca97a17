"""Which papers there are: for whom, on what basis, and which points of the law each shows, in which order.

A point may stand in several papers. In the whole dossier it is shown in the first that has it; the others say
where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.translation import gettext_noop as _


class Table(StrEnum):
    """What a paper shows beside its points."""

    CLASSIFICATION = "classification"
    RISKS = "risks"
    INCIDENTS = "incidents"


@dataclass(frozen=True)
class Section:
    """Points under one heading; without a title they stand under the paper's own."""

    items: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True)
class Paper:
    """One paper. `title`, `basis`, `reader` and `lede` are msgids.

    `is_form` is a paper that is complete only once every mandatory point that applies is filled.
    """

    id: str
    title: str
    basis: str
    reader: str
    lede: str
    sections: tuple[Section, ...]
    tables: tuple[Table, ...] = ()
    is_form: bool = False

    @property
    def items(self) -> tuple[str, ...]:
        """Every point that it shows, in order."""
        return tuple(item for section in self.sections for item in section.items)


def _points(prefix: str, *ends: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{end}" for end in ends)


AUTHORITY = _("Market surveillance authority, on request")
DEPLOYERS = _("Those who use the system")
INTERNAL = _("Own files, and the authority on request")

PAPERS: tuple[Paper, ...] = (
    Paper(
        id="classification",
        title=_("Classification and basic duties"),
        basis=_("Art. 4, 5 and 6"),
        reader=INTERNAL,
        lede=_("What the system is under the AI Act, that it is used for nothing prohibited, and what follows."),
        sections=(Section(("art-4", "art-5", "art-6.3", "art-6.4")),),
        tables=(Table.CLASSIFICATION,),
    ),
    Paper(
        id="annex-iv",
        title=_("Technical documentation"),
        basis=_("Art. 11 and Annex IV"),
        reader=_("Market surveillance authority and notified bodies"),
        lede=_("What Annex IV asks for, point by point, for one version of the system."),
        sections=(
            Section(_points("annex-iv.1", *"abcdefgh"), _("1. General description")),
            Section(_points("annex-iv.2", *"abcdefgh"), _("2. Elements of the system and its development")),
            Section(("annex-iv.3",), _("3. Monitoring, functioning and control")),
            Section(("annex-iv.4",), _("4. Suitability of the performance metrics")),
            Section(("annex-iv.5",), _("5. Risk management system")),
            Section(("annex-iv.6",), _("6. Changes through the lifecycle")),
            Section(("annex-iv.7",), _("7. Standards applied")),
            Section(("annex-iv.8",), _("8. EU declaration of conformity")),
            Section(("annex-iv.9",), _("9. Evaluation after release")),
            Section(("annex-iv.simplified",), _("Simplified form")),
        ),
        tables=(Table.CLASSIFICATION,),
    ),
    Paper(
        id="risk-management",
        title=_("Risk management file"),
        basis=_("Art. 9"),
        reader=AUTHORITY,
        lede=_("Which risks are known, how they are judged and reduced, and who accepts what remains."),
        sections=(Section((*_points("art-9", "2.a", "2.b", "2.c", "2.d", "5", "6", "9"), "annex-iv.5")),),
        tables=(Table.RISKS,),
    ),
    Paper(
        id="data-governance",
        title=_("Data governance"),
        basis=_("Art. 10 and 4a"),
        reader=AUTHORITY,
        lede=_("Where the data come from, how they were prepared and examined, and how sensitive data are kept."),
        sections=(
            Section((*_points("art-10", *(f"2.{letter}" for letter in "abcdefgh"), "3", "4"), "annex-iv.2.d")),
            Section(_points("art-4a.1", *"abcdef"), _("Special categories of personal data, against bias")),
        ),
    ),
    Paper(
        id="record-keeping",
        title=_("Record-keeping"),
        basis=_("Art. 12, 19 and 26(6)"),
        reader=AUTHORITY,
        lede=_("What is logged by itself, how long it is kept, and how it can be checked."),
        sections=(Section(("art-12.1", *_points("art-12.2", *"abc"), "art-12.3", "art-19", "art-26.6")),),
    ),
    Paper(
        id="instructions-for-use",
        title=_("Instructions for use"),
        basis=_("Art. 13(3) and 15(3)"),
        reader=DEPLOYERS,
        lede=_("What those who use the system must know to read its output and to use it as it is meant."),
        sections=(
            Section(
                (
                    "art-13.3.a",
                    *_points("art-13.3.b", "i", "ii", "iii", "iv", "v", "vi", "vii"),
                    *_points("art-13.3", *"cdef"),
                    "art-15.3",
                )
            ),
        ),
    ),
    Paper(
        id="human-oversight",
        title=_("Human oversight"),
        basis=_("Art. 14"),
        reader=DEPLOYERS,
        lede=_("How people understand, watch, overrule and stop the system."),
        sections=(Section((*_points("art-14.4", *"abcde"), "art-14.5", "annex-iv.2.e", "art-26.2")),),
    ),
    Paper(
        id="accuracy",
        title=_("Accuracy, robustness and cybersecurity"),
        basis=_("Art. 15"),
        reader=AUTHORITY,
        lede=_("How good the system is, how it stands up to errors and attacks, and how that was tested."),
        sections=(Section((*_points("art-15", "1", "3", "4", "5"), *_points("annex-iv", "2.g", "2.h", "4"))),),
    ),
    Paper(
        id="quality-management",
        title=_("Quality management map"),
        basis=_("Art. 17, 18 and 20"),
        reader=AUTHORITY,
        lede=_("Where each part of the quality management system is written down."),
        sections=(
            Section(_points("art-17.1", *"abcdefghijklm")),
            Section(("art-18", "art-20"), _("Keeping documents, corrective action")),
        ),
    ),
    Paper(
        id="declaration",
        title=_("EU declaration of conformity"),
        basis=_("Art. 43, 47, 48 and Annex V"),
        reader=_("Authorities, and those who use the system"),
        lede=_("What the declaration must hold. It is one only once every mandatory field is filled and signed."),
        sections=(
            Section(_points("annex-v", *"12345678")),
            Section(("art-43", "art-47", "art-48"), _("Assessment, declaration and marking")),
        ),
        is_form=True,
    ),
    Paper(
        id="registration",
        title=_("Registration data"),
        basis=_("Art. 49 and Annex VIII"),
        reader=_("EU database"),
        lede=_("What is entered in the EU database. The registration page gives the same data as a form."),
        sections=(
            Section(("art-49",)),
            Section(_points("annex-viii.a", *map(str, range(1, 14))), _("Section A: providers of high-risk systems")),
            Section(_points("annex-viii.b", *"1234568"), _("Section B: systems under the exit of Art. 6(3)")),
            Section(_points("annex-viii.c", *"12345"), _("Section C: deployers that are public authorities")),
        ),
        is_form=True,
    ),
    Paper(
        id="deployer",
        title=_("Duties of the deployer"),
        basis=_("Art. 26"),
        reader=INTERNAL,
        lede=_("How the system is used by its instructions, watched, and made known to those concerned."),
        sections=(Section(_points("art-26", *"12456789", "11", "12")),),
    ),
    Paper(
        id="fundamental-rights",
        title=_("Fundamental rights impact assessment"),
        basis=_("Art. 27"),
        reader=_("Market surveillance authority, to be notified"),
        lede=_("Whom the use may harm, how, and what is done about it. It may refer to that on data protection."),
        sections=(Section((*_points("art-27.1", "scope", *"abcdef"), *_points("art-27", *"2345"), "art-26.9")),),
        is_form=True,
    ),
    Paper(
        id="transparency",
        title=_("Transparency towards people"),
        basis=_("Art. 50"),
        reader=INTERNAL,
        lede=_("What people who meet the system, or what it makes, are told."),
        sections=(Section(_points("art-50", *"12345")),),
    ),
    Paper(
        id="post-market-monitoring",
        title=_("Post-market monitoring"),
        basis=_("Art. 72"),
        reader=AUTHORITY,
        lede=_("The plan for watching the system in use, and what it found."),
        sections=(Section((*_points("art-72", *"1234"), "annex-iv.9")),),
    ),
    Paper(
        id="incidents",
        title=_("Serious incidents"),
        basis=_("Art. 73, 75(1a) and 26(5)"),
        reader=_("Market surveillance authority"),
        lede=_("Which incidents there were, when we became aware, and when they were reported."),
        sections=(
            Section(
                (
                    *_points("art-73", *"12345", "6.investigate", "6.preserve", "8", "9", "10"),
                    "art-75.1a",
                    "art-26.5.incident",
                )
            ),
        ),
        tables=(Table.INCIDENTS,),
    ),
    Paper(
        id="explanation",
        title=_("Explanation of individual decisions"),
        basis=_("Art. 86"),
        reader=_("People affected, and the authority on request"),
        lede=_("How somebody who is affected gets an explanation of a decision."),
        sections=(Section(_points("art-86", *"123")),),
    ),
)
# What a later state of the law asks, and none of the papers has yet.
FURTHER = Paper(
    id="further",
    title=_("Further points of the law"),
    basis=_("Regulation (EU) 2024/1689"),
    reader=AUTHORITY,
    lede=_("Points that stand in no other paper."),
    sections=(),
)
BY_ID: dict[str, Paper] = {paper.id: paper for paper in (*PAPERS, FURTHER)}
WHOLE = Paper(
    id="dossier",
    title=_("AI Act dossier"),
    basis=_("Regulation (EU) 2024/1689"),
    reader=AUTHORITY,
    lede=_("All papers in one: the documentation of one version of the system under the AI Act."),
    sections=(),
)
_SHOWN = {item for paper in PAPERS for item in paper.items}


def papers_of(items: Iterable[str]) -> tuple[Paper, ...]:
    """The papers of a dossier with these points: with one more where there are points that no paper has."""
    further = tuple(item for item in items if item not in _SHOWN)
    return (*PAPERS, replace(FURTHER, sections=(Section(further),))) if further else PAPERS
