"""What a template may hold: every fault is named by its line, and what people typed is never read as a template."""

from __future__ import annotations

import pytest

from explain.letters.templating import BLOCKS, FLAGS, INLINE, Values, fill, fill_line, read, title_problems

LIST = [{"kind": "list", "items": ["One.", "Two."]}]


def values(**changes) -> Values:
    inline = {"case": "Case 3", "sender": "The Bank", **changes.pop("inline", {})}
    return Values(inline, changes.pop("blocks", {"reasons": LIST}), frozenset(changes.pop("flags", ())))


def told(body: str, given: Values | None = None) -> list[dict]:
    template = read(body)
    assert template.problems == []
    blocks, problems = fill(template, given or values())
    assert problems == []
    return blocks


def faults(body: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.words) for problem in read(body).problems]


def test_headings_paragraphs_lists_and_blocks() -> None:
    body = "# About {case}\nFirst line\nsecond line.\n\n- one\n- {sender}\n\n{reasons}\nLast.\r\n"
    assert told(body) == [
        {"kind": "heading", "text": "About Case 3"},
        {"kind": "paragraph", "text": "First line\nsecond line."},
        {"kind": "list", "items": ["one", "The Bank"]},
        *LIST,
        {"kind": "paragraph", "text": "Last."},
    ]


def test_sections_stand_when_the_case_has_it() -> None:
    body = "{if changed}\nNew.\n{end}\n{if not changed}\nSame.\n{end}\n{if reasons}\n{if contact}\nBoth.\n{end}\n{end}"
    assert [block["text"] for block in told(body)] == ["Same."]
    changed = values(flags={"changed"}, inline={"contact": "c"})
    assert [block["text"] for block in told(body, changed)] == ["New.", "Both."]


@pytest.mark.parametrize(
    "body, found",
    [
        ("", [(1, "is empty")]),
        ("One.\n\nTwo {nothing}.", [(3, "“{nothing}” is no placeholder")]),
        ("a\n{if reasons}\nb", [(2, "“{if reasons}” is never ended")]),
        ("a\n{end}", [(2, "“{end}” ends nothing")]),
        ("{if weather}\na\n{end}", [(1, "a section cannot depend on “weather”")]),
        ("{if }\na\n{end}", [(1, "a section cannot depend on “”")]),
        ("Here {reasons} stand", [(1, "“{reasons}” must stand on a line of its own")]),
        ("Here {if changed} stands", [(1, "“{if changed}” must stand on a line of its own")]),
        ("a } b", [(1, "a brace belongs to no placeholder")]),
        ("a {{case}}", [(1, "a brace belongs to no placeholder")]),
        ("{case", [(1, "a brace belongs to no placeholder")]),
        ("a" * 20_001, [(1, "is longer than 20,000 characters")]),
    ],
)
def test_every_fault_is_named_by_its_line(body: str, found: list[tuple[int, str]]) -> None:
    assert faults(body) == found


def test_what_the_case_does_not_have_is_named() -> None:
    template = read("a\n\nCall {contact}.\n\n{changes}")
    blocks, problems = fill(template, values())
    assert [problem.line for problem in problems] == [3, 5] and "{if contact}" in problems[0].words
    assert blocks[1]["text"] == "Call {contact}."


def test_a_value_is_never_read_again() -> None:
    hostile = "{sender} {if changed} # {reasons}\n{end}"
    text, problems = fill_line("Dear {contact}", values(inline={"contact": hostile}))
    assert text == f"Dear {hostile}" and problems == []
    grounds = [{"kind": "paragraph", "text": "{case} {end}"}]
    assert told("{grounds}", values(blocks={"grounds": grounds})) == grounds


def test_a_title_holds_placeholders_within_its_line() -> None:
    assert title_problems("About {case}") == []
    assert title_problems("About {weather}")[0].words == "“{weather}” is no placeholder"


def test_no_name_means_two_things() -> None:
    assert not set(INLINE) & set(BLOCKS) and not (set(INLINE) | set(BLOCKS)) & set(FLAGS)
