"""Statements as HTML: nothing that was typed becomes a tag, a script or an address of another kind."""

from __future__ import annotations

import re

import pytest

from registry.dossier.markdown import html_of


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "text <b onclick='x()'>bold</b>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "[a](vbscript:x)",
        "<javascript:alert(1)>",
        "![pixel](https://evil.example/p.png)",
        "[a]: javascript:alert(1)\n\n[a]",
        "<div>\n\n**bold**\n\n</div>",
        '[a](https://x.example "\\" onmouseover=alert(1)")',
    ],
)
def test_markup_appears_as_text(typed: str):
    html = html_of(typed)
    tags = set(re.findall(r"</?([a-z0-9]+)", html))
    assert tags <= {"p", "a", "strong", "em", "code", "pre", "ul", "li"}
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', html))
    for address in re.findall(r'href="([^"]*)"', html):
        assert address.startswith(("https:", "http:", "mailto:", "/", "#"))


def test_what_markdown_makes_stays():
    html = html_of("# Title\n\n**bold** and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x](https://x.example)")
    assert "<h4>Title</h4>" in html and "<strong>bold</strong>" in html and "<td>2</td>" in html
    assert '<a href="https://x.example">x</a>' in html


@pytest.mark.parametrize(
    "typed",
    [
        "\n".join("  " * depth + "- deep" for depth in range(60)),
        "> " * 60 + "deep",
        "> " * 19 + "deep",
        "1. " * 40 + "deep",
        "> - " * 9 + "deep",
    ],
)
def test_what_nests_too_deep_leaves_nothing_out(typed: str):
    html = html_of(f"before\n\n{typed}\n\n<b>after</b>")
    assert "before" in html and "deep" in html and "&lt;b&gt;after&lt;/b&gt;" in html
