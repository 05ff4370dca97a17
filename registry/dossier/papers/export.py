"""A paper as Markdown for editing: the same as its PDF, in CommonMark with tables (GFM)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Block = Mapping[str, Any]
_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")


def markdown_of(document: Mapping[str, Any]) -> str:
    """The whole paper."""
    opening = [
        f"# {_plain(document['title'])}: {_plain(document['subject'])}",
        f"**{_plain(document['standing'])}**",
        _plain(document["lede"]),
        _facts(document["facts"]),
    ]
    shown = [*document["signed"], *document["blocks"]]
    blocks = [part for block in shown for part in _block(block, document["words"])]
    return "\n\n".join([*opening, *blocks, "---", "  \n".join(map(_plain, document["footer"]))]) + "\n"


def _block(block: Block, words: Mapping[str, str]) -> Iterator[str]:
    match block["kind"]:
        case "heading":
            yield f"{'#' * (block['level'] + 1)} {_plain(block['text'])}"
        case "text":
            yield _plain(block["text"])
        case "note":
            yield f"_{_plain(block['text'])}_"
        case "strong":
            yield f"**{_plain(block['text'])}**"
        case "list":
            yield "\n".join(f"- {_plain(item)}" for item in block["items"])
        case "facts":
            yield _facts(block["rows"])
        case "table":
            yield _table(block)
        case "point":
            yield from _point(block, words)


def _point(point: Block, words: Mapping[str, str]) -> Iterator[str]:
    yield f"#### {_plain(point['ref'])} {_plain(point['title'])}"
    yield f"**{_plain(point['state_words'])}**. {_plain(point.get('elsewhere') or point['why'])}"
    if "asks" in point:
        yield f"_{words['asks']}:_ {_plain(point['asks'])} {_plain(point['meta'])}"
    if facts := point.get("facts"):
        yield "\n".join(f"- {_plain(fact['sentence'])} ({_plain(fact['origin'])}{_address(fact)})" for fact in facts)
    if shifts := point.get("shifts"):
        yield f"**{words['instead']}**"
        yield "\n".join(f"- {_plain(shift['before'])}  \n  {_plain(shift['after'])}" for shift in shifts)
    if withdrawn := point.get("withdrawn"):
        yield "\n".join(f"- {_plain(paper)}" for paper in withdrawn)
    for said in filter(None, (point.get("statement"), *point.get("comments", ()))):
        yield f"_{_plain(said['head'])}_"
        if said["reason"]:
            yield _plain(said["reason"])
        if said["text"]:
            # As it was written; quoted, so that its headings and lists stay its own.
            yield "\n".join(f"> {line}".rstrip() for line in said["text"].split("\n"))


def _address(fact: Block) -> str:
    return f", <{fact['url']}>" if fact["url"] else ""


def _facts(rows: list[list[str]]) -> str:
    return "\n".join(f"- **{_plain(name)}**: {_plain(value)}" for name, value in rows)


def _table(table: Block) -> str:
    columns = table["columns"]
    lines = [columns, ["---"] * len(columns), *([_cell(cell) for cell in row] for row in table["rows"])]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """The lines of a cell on one, told apart."""
    return "; ".join(_plain(line) for line in str(text).splitlines() if line.strip())


def _plain(text: str) -> str:
    """The text on one line, with nothing that reads as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))
