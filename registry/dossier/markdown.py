"""Statements as HTML: CommonMark with tables; what was typed as markup, and every image, appears as text."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

# Links to the web, to mail and to our own pages; the library's own list lets more through.
_SCHEMES = ("https:", "http:", "mailto:", "/", "#")
# A page and its sections have headings of their own.
_DEEPER = 3


def html_of(text: str) -> SafeString:
    """The text as HTML that holds no tag, script or address but those that Markdown makes."""
    return SafeString(_MARKDOWN.renderer.render(_tokens(text), _MARKDOWN.options, {}))


def tree_of(text: str) -> SyntaxTreeNode:
    """The same as a tree, for whoever sets it otherwise than as HTML."""
    return SyntaxTreeNode(_tokens(text))


def _tokens(text: str) -> list[Token]:
    """The text's parts; as it was typed where it nests so deep that the parser would leave out what follows."""
    tokens = _MARKDOWN.parse(text)
    if max((token.level for token in tokens), default=0) < _MARKDOWN.options["maxNesting"] - 1:
        return tokens
    return [Token("code_block", "code", 0, content=text, block=True)]


def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable(["image", "html_inline"])
    made.validateLink = lambda url: url.strip().lower().startswith(_SCHEMES)  # type: ignore[method-assign]
    made.core.ruler.push("deeper_headings", _deepen)
    return made


def _deepen(state: Any) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + _DEEPER)}"


_MARKDOWN = _renderer()
