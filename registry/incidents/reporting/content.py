"""What a report about an incident says: the facts of the case, and beneath them what people wrote. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Block = dict[str, Any]
Row = tuple[str, ...]

# Art. 73 leaves the form to a template that is not final; these are what a reader at the authority needs.
SECTIONS = {
    "happened": "What happened",
    "people": "Who is affected, and how",
    "measures": "What was done at once",
    "cause": "Cause, as far as it is known",
    "corrective": "Corrective action",
}
HELP = {
    "happened": "When, where, how it was noticed. Name nobody who was harmed.",
    "people": "How many, and what it means for them: health, rights, property.",
    "measures": "Rollback, suspension, who was told. Releases since we became aware are listed by themselves.",
    "cause": "The causal link with the system, or why it is likely; what is still being looked at.",
    "corrective": "What will keep it from happening again, and by when.",
}
TITLES = {
    "initial": "Serious incident: first report, incomplete (AI Act Art. 73(5))",
    "final": "Serious incident: complete report (AI Act Art. 73)",
}


@dataclass(frozen=True)
class CaseFacts:
    """What the report takes from the case itself, ready for reading."""

    number: int
    stage: str
    facts: tuple[Row, ...]
    versions: tuple[Row, ...]
    releases: tuple[Row, ...] = ()
    related: tuple[str, ...] = ()
    sections: Mapping[str, str] = field(default_factory=dict)


def content_of(case: CaseFacts) -> dict[str, Any]:
    """The report as blocks for the layout; a section that nobody has written yet says so."""
    blocks: list[Block] = [_facts(case.facts), _heading("Versions concerned")]
    if case.versions:
        blocks.append(_table(("Version", "SHA-256 of its artifact", "Now"), case.versions))
    else:
        blocks.append(_text("None is registered."))
    for name, title in SECTIONS.items():
        blocks += [_heading(title), _text(case.sections.get(name, "").strip() or "Not known yet.")]
        if name == "measures" and case.releases:
            blocks.append(_table(("Release", "What it did", "When, by whom"), case.releases))
    if case.related:
        blocks += [_heading("Also on record"), {"kind": "list", "items": list(case.related)}]
    footer = f"Incident {case.number}"
    return {"title": TITLES[case.stage], "language": "en", "footer": footer, "blocks": blocks}


def empty_sections(case_words: str) -> dict[str, str]:
    """Where a report begins: what was written down when the case was opened."""
    return {name: case_words if name == "happened" else "" for name in SECTIONS}


def moment_words(moment: datetime) -> str:
    """The exact time in UTC, as a reader elsewhere needs it."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _facts(rows: tuple[Row, ...]) -> Block:
    return {"kind": "facts", "rows": [list(row) for row in rows]}


def _table(columns: Row, rows: tuple[Row, ...]) -> Block:
    return {"kind": "table", "columns": list(columns), "rows": [list(row) for row in rows]}


def _heading(text: str) -> Block:
    return {"kind": "heading", "text": text}


def _text(text: str) -> Block:
    return {"kind": "paragraph", "text": text}
