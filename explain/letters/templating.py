"""What a letter's template may hold: headings, paragraphs, placeholders and optional sections; no more. Pure.

    # A heading                on a line of its own
    Words and {placeholders}   paragraphs are parted by an empty line
    - an item                  lines that all begin so are a list
    {reasons}                  a block: on a line of its own
    {if changed} … {end}       each on a line of its own; `{if not changed}` for the opposite
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

# What stands within a line, and what it says.
INLINE = {
    "case": "the number of the case",
    "today": "the day on which the letter is written",
    "received": "the day on which the person contested",
    "decided_on": "the day of the decision",
    "ruled_on": "the day on which a person decided the case",
    "system": "the name of the system",
    "purpose": "what the system is for",
    "department": "who owns the system",
    "answer_before": "the answer that was given",
    "answer_now": "the answer that is in force",
    "adverse": "the answer that people do not want",
    "score": "the score, as a percentage or a value",
    "threshold": "from which score on the answer is the adverse one",
    "compared_with": "with how many people the person was compared",
    "data": "what the model was given, by name",
    "corrected_data": "which inputs were corrected",
    "protected": "specially protected characteristics that the model used",
    "sender": "who writes",
    "contact": "where the person turns to",
    "authority": "who supervises",
}
# What fills lines of its own.
BLOCKS = {
    "grounds": "the grounds of the person who decided, in their words",
    "reasons": "at most four principal reasons",
    "figure": "the same as bars",
    "changes": "what would have changed the answer",
}
# What a section may depend on, besides every name above (which is true when the case has such a thing).
FLAGS = {
    "answered": "the system gave an answer at all",
    "changed": "another answer is in force than the one that was given",
    "overturned": "the decision was overturned",
    "corrected": "inputs were corrected",
    "disagreement": "the two methods disagree, so the order of the reasons means nothing",
}
MAX_LENGTH = 20_000

Kind = Literal["heading", "paragraph", "block"]
_TAG = re.compile(r"\{([^{}]*)\}")
_CONDITION = re.compile(r"if (not )?([a-z_]+)")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a template, and in which line (counted from 1; 0 is its title, None the whole)."""

    line: int | None
    words: str

    @property
    def where(self) -> str:
        """The place in words."""
        return "" if self.line is None else f"line {self.line}" if self.line else "title"


@dataclass(frozen=True)
class Part:
    """A heading, a paragraph or a block, and the conditions under which it stands."""

    kind: Kind
    text: str
    line: int
    conditions: tuple[tuple[str, bool], ...] = ()


@dataclass
class Template:
    """A template as it was read."""

    parts: list[Part] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Values:
    """What one case puts into a template: a missing name is a thing that the case does not have."""

    inline: Mapping[str, str]
    blocks: Mapping[str, list[dict[str, Any]]]
    flags: frozenset[str]

    def has(self, name: str) -> bool:
        """Whether a section on that name stands."""
        return name in self.flags or bool(self.inline.get(name)) or bool(self.blocks.get(name))


def read(body: str) -> Template:
    """The parts of the template, and everything that is wrong with it."""
    template = Template()
    if not body.strip():
        template.problems.append(Problem(1, "is empty"))
    if len(body) > MAX_LENGTH:
        template.problems.append(Problem(1, f"is longer than {MAX_LENGTH:,} characters"))
    open_sections: list[tuple[str, bool, int]] = []
    paragraph: list[str] = []
    start = 1

    def finish() -> None:
        if paragraph:
            text = "\n".join(paragraph)
            template.parts.append(Part("paragraph", text, start, _conditions(open_sections)))
            paragraph.clear()

    for number, raw in enumerate(body.replace("\r\n", "\n").split("\n"), start=1):
        line = raw.strip()
        tag = _TAG.fullmatch(line)
        if not line:
            finish()
        elif tag and _is_section(tag[1]):
            finish()
            _section(tag[1], number, open_sections, template)
        elif tag and tag[1] in BLOCKS:
            finish()
            template.parts.append(Part("block", tag[1], number, _conditions(open_sections)))
        elif line.startswith("# "):
            finish()
            template.problems.extend(_line_problems(line, number))
            template.parts.append(Part("heading", line[2:].strip(), number, _conditions(open_sections)))
        else:
            if not paragraph:
                start = number
            template.problems.extend(_line_problems(line, number))
            paragraph.append(line)
    finish()
    template.problems += [Problem(line, f"“{{if {name}}}” is never ended") for name, _, line in open_sections]
    return template


def title_problems(title: str) -> list[Problem]:
    """What is wrong with the letter's title."""
    return list(_line_problems(title, 0))


def fill(template: Template, values: Values) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The blocks of the letter, and what the template names and the case does not have."""
    filled: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for part in _standing(template, values):
        if part.kind == "block":
            content = values.blocks.get(part.text)
            if not content:
                problems.append(_absent(part.text, part.line))
            filled += content or []
        else:
            texts = [fill_line(text, values, part.line) for text in _texts(part)]
            problems += [problem for _, absent in texts for problem in absent]
            items = [text for text, _ in texts]
            filled.append({"kind": "list", "items": items} if _is_list(part) else {"kind": part.kind, "text": items[0]})
    return filled, problems


@dataclass(frozen=True)
class Written:
    """A letter's title and blocks, and everything that is wrong with its template or missing in the case."""

    title: str
    blocks: list[dict[str, Any]]
    problems: list[Problem]


def write(title: str, body: str, values: Values) -> Written:
    """The letter that the template makes of a case."""
    source = read(body)
    blocks, absent = fill(source, values)
    told, absent_in_title = fill_line(title, values)
    problems = [*title_problems(title), *source.problems, *absent_in_title, *absent]
    if values.has("protected") and not says(source, values, "protected"):
        words = "the model used a protected characteristic, and the template has no {protected} to say so"
        problems.append(Problem(None, words))
    return Written(told, blocks, sorted(dict.fromkeys(problems), key=lambda each: each.line or 0))


def says(template: Template, values: Values, name: str) -> bool:
    """Whether the placeholder stands in what the letter says of this case."""
    return any(f"{{{name}}}" in part.text for part in _standing(template, values))


def fill_line(text: str, values: Values, line: int = 0) -> tuple[str, list[Problem]]:
    """The text with its placeholders filled; a value is put in as it is and never read again."""
    problems: list[Problem] = []

    def value_of(tag: re.Match[str]) -> str:
        value = values.inline.get(tag[1], "")
        # What is no placeholder is told where the template is read.
        if not value and tag[1] in INLINE:
            problems.append(_absent(tag[1], line))
        return value or f"{{{tag[1]}}}"

    return _TAG.sub(value_of, text), problems


def _standing(template: Template, values: Values) -> list[Part]:
    return [
        part for part in template.parts if all(values.has(name) is wanted for name, wanted in part.conditions)
    ]


def _is_list(part: Part) -> bool:
    return part.kind == "paragraph" and all(line.startswith("- ") for line in part.text.split("\n"))


def _texts(part: Part) -> list[str]:
    return [line[2:].strip() for line in part.text.split("\n")] if _is_list(part) else [part.text]


def _absent(name: str, line: int) -> Problem:
    return Problem(line, f"this case has no {{{name}}}: put it between {{if {name}}} and {{end}}, or fill it in")


def _is_section(tag: str) -> bool:
    return tag == "end" or tag.startswith("if ")


def _section(tag: str, line: int, sections: list[tuple[str, bool, int]], template: Template) -> None:
    if tag == "end":
        if sections:
            sections.pop()
        else:
            template.problems.append(Problem(line, "“{end}” ends nothing"))
        return
    found = _CONDITION.fullmatch(tag)
    name = found[2] if found else tag.removeprefix("if ")
    if found is None or name not in {*INLINE, *BLOCKS, *FLAGS}:
        near = get_close_matches(name, [*INLINE, *BLOCKS, *FLAGS], n=1)
        hint = f"; do you mean “{near[0]}”?" if near else ""
        template.problems.append(Problem(line, f"a section cannot depend on “{name}”{hint}"))
    sections.append((name, not (found and found[1]), line))


def _conditions(sections: list[tuple[str, bool, int]]) -> tuple[tuple[str, bool], ...]:
    return tuple((name, wanted) for name, wanted, _ in sections)


def _line_problems(line: str, number: int) -> Iterator[Problem]:
    for tag in _TAG.findall(line):
        if tag in BLOCKS or _is_section(tag):
            yield Problem(number, f"“{{{tag}}}” must stand on a line of its own")
        elif tag not in INLINE:
            near = get_close_matches(tag, [*INLINE, *BLOCKS], n=1)
            yield Problem(number, f"“{{{tag}}}” is no placeholder{f'; do you mean {{{near[0]}}}?' if near else ''}")
    if re.search(r"[{}]", _TAG.sub("", line)):
        yield Problem(number, "a brace belongs to no placeholder")
