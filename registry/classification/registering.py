"""What Annex VIII asks of a system, section by section, filled from what the registry holds; what is missing is said.

The EU database has no published interface for programs, so this is copied into its form by a person.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audit.exports.tables import cell
from registry.classification.duties import Applicability, applicability
from registry.classification.facts import EXITS, Classification
from registry.classification.queries import newest_of, organisation, registration_of
from registry.models import Organisation, Registration, System, SystemClassification, Version
from registry.queries import current_release

SECTIONS = {
    "a": ("A", "provider", "High-risk systems, by their provider (Art. 49(1))", "reading"),
    "b": ("B", "provider", "Systems judged not to be high-risk, by their provider (Art. 49(2))", "unsettled"),
    "c": ("C", "deployer", "Use by public authorities (Art. 49(3))", "reading"),
}
# Number and what is asked. Section B has no points 7 and 9 since 27 July 2026.
POINTS = {
    "a": {
        1: "Provider: name, address, contact",
        2: "Who submits for the provider",
        3: "Authorised representative",
        4: "Trade name and reference",
        5: "Intended purpose, components and functions",
        6: "Inputs and operating logic",
        7: "Market status",
        8: "Certificate: type, number, expiry, notified body",
        9: "Scan of the certificate",
        10: "Member States",
        11: "Declaration of conformity",
        12: "Instructions for use",
        13: "Further information",
    },
    "b": {
        1: "Provider: name, address, contact",
        2: "Who submits for the provider",
        3: "Authorised representative",
        4: "Trade name and reference",
        5: "Intended purpose",
        6: "Condition of Art. 6(3) relied on",
        8: "Market status",
    },
    "c": {
        1: "Deployer: name, address, contact",
        2: "Who submits for the deployer",
        3: "The provider's entry in the EU database",
        4: "Findings of the fundamental-rights impact assessment",
        5: "Data protection impact assessment",
    },
}
OPTIONAL = frozenset({"annex-viii.a.13"})


@dataclass(frozen=True)
class Row:
    """One point of a section: what is asked, what there is, and where that comes from."""

    item: str
    number: int
    asked: str
    value: str
    source: str
    said: Applicability

    @property
    def state(self) -> str:
        """`there`, `missing`, or why it need not be there: `not_applicable`, `optional`."""
        if self.value:
            return "there"
        if not self.said.applies:
            return "not_applicable"
        return "optional" if self.item in OPTIONAL else "missing"


@dataclass(frozen=True)
class Section:
    """One section of the Annex, and whether it is for us."""

    letter: str
    title: str
    said: Applicability
    rows: list[Row]

    @property
    def missing(self) -> int:
        """How many points are to be filled."""
        return sum(row.state == "missing" for row in self.rows)


@dataclass(frozen=True)
class _Sources:
    """Where the values come from."""

    system: System
    row: SystemClassification | None
    us: Organisation | None
    kept: Registration | None
    live: Version | None
    release: Any

    def own(self, name: str) -> tuple[str, str]:
        return (str(getattr(self.kept, name)), "entered here") if self.kept and getattr(self.kept, name) else ("", "")


def sections_of(system: System, c: Classification | None) -> list[Section]:
    """The sections of Annex VIII with their points, for a system that is classified or not yet."""
    release = current_release(system)
    live = release.version if release else None
    sources = _Sources(system, newest_of(system), organisation(), registration_of(system), live, release)
    return [_section(key, sources, c) for key in SECTIONS]


def _section(key: str, sources: _Sources, c: Classification | None) -> Section:
    letter, whose, title, basis = SECTIONS[key]
    applies_from = {"annex_iii": date(2027, 12, 2), "annex_i": None, "basis": basis}
    rows = []
    for number, asked in POINTS[key].items():
        item = f"annex-viii.{key}.{number}"
        value, source = _VALUES[_meaning(key, number)](sources)
        rows.append(Row(item, number, asked, value, source, applicability(item, whose, applies_from, c)))
    return Section(letter, title, applicability(f"annex-viii.{key}", whose, applies_from, c), rows)


def _meaning(key: str, number: int) -> str:
    """The first four points ask the same in sections A and B, the first two in all."""
    if number <= (2 if key == "c" else 4):
        return str(number)
    return "a7" if (key, number) == ("b", 8) else f"{key}{number}"


def _us(s: _Sources) -> tuple[str, str]:
    if s.us is None:
        return "", ""
    lines = (s.us.name, s.us.identifier, s.us.address, s.us.email, s.us.phone)
    return "\n".join(line for line in lines if line), "organisation"


def _representative(s: _Sources) -> tuple[str, str]:
    return (s.us.representative, "organisation") if s.us and s.us.representative else ("", "")


def _name(s: _Sources) -> tuple[str, str]:
    name = s.own("trade_name")[0] or s.system.name
    reference = s.own("reference")[0] or s.system.slug
    digest = f"\nVersion {s.live.number}, SHA-256 {s.live.artifact_sha256}" if s.live else ""
    return f"{name}\n{reference}{digest}", "entered here and registry" if s.kept else "registry"


def _purpose(s: _Sources) -> tuple[str, str]:
    return s.system.purpose, "registry"


def _purpose_and_functions(s: _Sources) -> tuple[str, str]:
    functions, _ = s.own("functions")
    return (f"{s.system.purpose}\n{functions}", "registry and entered here") if functions else ("", "")


def _inputs_and_logic(s: _Sources) -> tuple[str, str]:
    logic, _ = s.own("logic")
    if not logic or s.live is None:
        return "", ""
    inputs = json.loads(s.live.manifest)["inputs"]["properties"]
    titles = ", ".join(_title(name, facts) for name, facts in inputs.items())
    return f"Inputs: {titles}.\n{logic}", f"registry, version {s.live.number}, and entered here"


def _title(name: str, facts: dict[str, Any]) -> str:
    return f"{facts.get('title', name)}{' (protected)' if facts.get('x-protected') else ''}"


def _status(s: _Sources) -> tuple[str, str]:
    if s.kept and s.kept.market_status:
        return s.kept.get_market_status_display(), "entered here"
    if s.release:
        return f"in service (release {s.release.number}, version {s.release.version.number})", "registry"
    return "not on the market and not in service yet", "registry"


def _states(s: _Sources) -> tuple[str, str]:
    if s.kept and s.kept.member_states:
        return ", ".join(s.kept.member_states), "entered here"
    return (", ".join(s.us.member_states), "organisation") if s.us and s.us.member_states else ("", "")


def _condition(s: _Sources) -> tuple[str, str]:
    if s.row is None or not s.row.exit_condition:
        return "", ""
    condition = s.row.exit_condition
    return f"({condition}) {EXITS[condition]}\n{s.row.exit_assessment}", "classification"


_VALUES = {
    "1": _us,
    "2": lambda s: s.own("submitter"),
    "3": _representative,
    "4": _name,
    "a5": _purpose_and_functions,
    "a6": _inputs_and_logic,
    "a7": _status,
    "a8": lambda s: s.own("certificate"),
    "a9": lambda s: s.own("certificate_url"),
    "a10": _states,
    "a11": lambda s: s.own("declaration_url"),
    "a12": lambda s: s.own("instructions_url"),
    "a13": lambda s: s.own("info_url"),
    "b5": _purpose,
    "b6": _condition,
    "c3": lambda s: s.own("entry_url"),
    "c4": lambda s: s.own("rights_summary"),
    "c5": lambda s: s.own("dpia_summary"),
}

HEADS = ("section", "number", "item", "asked", "value", "state", "source", "why")


def _lines(sections: list[Section]) -> Iterator[tuple[Any, ...]]:
    for section in sections:
        for row in section.rows if section.said.applies else ():
            facts = (row.asked, row.value, row.state, row.source, row.said.reason)
            yield section.letter, row.number, row.item, *facts


def as_json(system: System, sections: list[Section], now: datetime) -> str:
    """The sections that are for us, as data."""
    points = [dict(zip(HEADS, line, strict=True)) for line in _lines(sections)]
    return json.dumps({"system": system.slug, "made_at": now.isoformat(), "points": points}, indent=2)


def as_csv(_system: System, sections: list[Section], _now: datetime) -> str:
    """The same for a spreadsheet; what it would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    rows = [[cell(value) for value in line] for line in _lines(sections)]
    csv.writer(text, lineterminator="\r\n").writerows([HEADS, *rows])
    return text.getvalue()


def as_markdown(system: System, sections: list[Section], now: datetime) -> str:
    """The same to read and to edit."""
    lines = [f"# Registration of {system.name}", "", f"Annex VIII, as it stood on {now:%Y-%m-%d %H:%M} UTC."]
    for section in sections:
        if section.said.applies:
            lines += ["", f"## Section {section.letter}: {section.title}"]
            lines += [line for row in section.rows for line in _as_words(row)]
    return "\n".join(lines) + "\n"


def _as_words(row: Row) -> Iterator[str]:
    yield from ("", f"### {row.number}. {row.asked}", "")
    if row.value:
        yield from (f"    {line}" for line in row.value.splitlines())
    else:
        yield "**Missing.**" if row.state == "missing" else f"Nothing: {row.said.reason}"
