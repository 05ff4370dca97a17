"""A paper as Markdown: the same as the PDF, and nobody's markup becomes ours."""

from __future__ import annotations

from markdown_it import MarkdownIt

from registry.dossier.papers.definitions import BY_ID, WHOLE
from registry.dossier.papers.printing import text_of
from tests.registry.dossier.papers.contents import SIGNED, content, said


def test_it_says_what_the_pdf_says() -> None:
    text = text_of(said(), paper=BY_ID["annex-iv"], language="en")
    assert text.startswith("# Technical documentation: Mortgage decisions, version 3\n\n**Draft, not signed**\n")
    assert "#### Annex IV(1)(b) Interaction with other hardware, software and AI systems" in text
    assert "- The system decided 7 times in the last 30 days. (As of 27 November 2026, 20:15 UTC, from audit, " in text
    assert "**missing**. There is neither evidence nor a statement." in text
    assert "> # Why these metrics" in text and "> | Brier | 0.09 |" in text


def test_every_point_is_in_the_whole_and_its_outline_is_ours() -> None:
    text = text_of(said(), paper=WHOLE, language="de", signing=SIGNED)
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    heads = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    ours = [head for head in heads if head.startswith(("Art. ", "Anhang "))]
    assert len(ours) >= len(content()["items"])
    assert "Unterzeichnet, obwohl Pflichtpunkte offen sind: 1. Begründung: The declaration follows" in text


def test_titles_with_markup_stay_text() -> None:
    changed = {"annex-iv.8": {"documents": [], "title": "A *title* | [with](http://x) <b>markup</b>"}}
    text = text_of(said(**changed), paper=BY_ID["annex-iv"], language="en")
    assert r"A \*title\* \| \[with\](http://x) \<b\>markup\</b\>" in text
