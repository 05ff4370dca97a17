"""A statement's Markdown as blocks of data, which a layout sets on paper: text, lists, tables, quotes, code.

Runs of text are `{"text", "strong"?, "emph"?, "code"?, "url"?}`. Headings become strong lines: the paper has its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from registry.dossier.markdown import tree_of

Block = dict[str, Any]
Run = dict[str, Any]


def blocks_of(text: str) -> list[Block]:
    """The text's blocks, in order."""
    return list(_blocks(tree_of(text).children))


def _blocks(nodes: list[SyntaxTreeNode]) -> Iterator[Block]:
    for node in nodes:
        if node.type in ("paragraph", "inline"):
            yield {"kind": "text", "runs": _runs(node)}
        elif node.type == "heading":
            yield {"kind": "text", "runs": [{**run, "strong": True} for run in _runs(node)]}
        elif node.type in ("bullet_list", "ordered_list"):
            yield _list(node)
        elif node.type == "blockquote":
            yield {"kind": "quote", "blocks": list(_blocks(node.children))}
        elif node.type in ("fence", "code_block", "html_block"):
            yield {"kind": "code", "text": node.content.rstrip("\n")}
        elif node.type == "table":
            yield _table(node)
        elif node.type == "hr":
            yield {"kind": "line"}


def _list(node: SyntaxTreeNode) -> Block:
    items = [list(_blocks(item.children)) for item in node.children]
    if node.type == "bullet_list":
        return {"kind": "list", "items": items}
    return {"kind": "enum", "start": int(node.attrs.get("start", 1)), "items": items}


def _table(node: SyntaxTreeNode) -> Block:
    rows = [[_runs(cell) for cell in row.children] for part in node.children for row in part.children]
    return {"kind": "table", "columns": rows[0], "rows": rows[1:]}


def _runs(node: SyntaxTreeNode) -> list[Run]:
    """The inline content of a block, one run for each stretch of one look."""
    inline = node if node.type == "inline" else next((each for each in node.children if each.type == "inline"), None)
    return list(_inline(inline.children, {})) if inline else []


def _inline(nodes: list[SyntaxTreeNode], look: Run) -> Iterator[Run]:
    for node in nodes:
        if node.type == "text":
            yield {"text": node.content, **look}
        elif node.type == "code_inline":
            yield {"text": node.content, **look, "code": True}
        elif node.type == "softbreak":
            yield {"text": " ", **look}
        elif node.type == "hardbreak":
            yield {"text": "\n", **look}
        elif node.type in ("strong", "em"):
            yield from _inline(node.children, {**look, "strong" if node.type == "strong" else "emph": True})
        elif node.type == "link":
            yield from _link(node, look)
        else:
            yield {"text": node.content, **look}


def _link(node: SyntaxTreeNode, look: Run) -> Iterator[Run]:
    url = str(node.attrs.get("href", ""))
    if not url.startswith(("https://", "http://", "mailto:")):
        # An address of the portal leads nowhere on paper.
        yield from _inline(node.children, look)
        return
    shown = list(_inline(node.children, {**look, "url": url}))
    yield from shown
    if "".join(run["text"] for run in shown) != url.removeprefix("mailto:"):
        yield {"text": f" ({url})", **look}
