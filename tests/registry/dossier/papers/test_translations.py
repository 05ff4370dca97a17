"""Everything that the papers say can be said in every language, and what is compiled is what people wrote."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from registry.dossier.papers.wording import FIRST, LANGUAGES, written_in
from tests.registry.dossier.papers import catalogue

OTHERS = [code for code in LANGUAGES if code != FIRST]
PLACE = re.compile(r"%\(\w+\)s")
RENEW = "write it into registry/locale/, then run `python -m tests.registry.dossier.papers.catalogue`"


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_that_the_papers_say_lacks_words(language: str) -> None:
    catalog = catalogue.read(language)
    lacking = [said for context, said in catalogue.msgids() if not getattr(catalog.get(said, context), "string", "")]
    assert not lacking, RENEW


@pytest.mark.parametrize("language", OTHERS)
def test_the_same_places_are_filled(language: str) -> None:
    for message in catalogue.read(language):
        if message.id:
            assert set(PLACE.findall(message.id)) == set(PLACE.findall(message.string)), message.id
            assert "fuzzy" not in message.flags, message.id


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_compiled_is_what_was_written(language: str) -> None:
    made = (catalogue.LOCALE / language / "LC_MESSAGES" / "django.mo").read_bytes()
    assert made == catalogue.compiled(catalogue.read(language)), RENEW


def test_sentences_are_collected_from_every_room() -> None:
    said = {text for _context, text in catalogue.msgids()}
    assert "The system is called “%(name)s”." in said  # a contribution of the registry
    assert (
        "Letters sent in answer to disputes: %(count)s; each is kept as a file with its digest." in said
    )  # of explain
    assert "The evidence changed after %(author)s signed on %(day)s." in said  # a state
    assert "Nobody deals with the system directly without knowing." in said  # a reason of the classification


@pytest.mark.parametrize(
    "value, german",
    [
        (None, "–"),
        (True, "ja"),
        (7, "7"),
        (1_234, "1.234"),
        (12_345, "12.345"),
        (0.25, "0,25"),
        ("12,345", "12.345"),
        ("about 1,200", "etwa 1.200"),
        ("95.3 %", "95,3 %"),
        ("27 November 2026", "27. November 2026"),
        ("3 May 2026", "3. Mai 2026"),
        ("99 Nonsense 2026", "99 Nonsense 2026"),
        ("passed", "bestanden"),
        ("Germany, France", "Deutschland, Frankreich"),
        ("Germany, Somewhere", "Germany, Somewhere"),
        ("grave, unlikely (8)", "schwer, unwahrscheinlich (8)"),
        ("Brier score 0.075; Log loss 0.270", "Brier-Score 0,075; Log-Loss 0,270"),
        ("It was 0.5", "It was 0.5"),
        ("2 × compliance officer", "2 × Compliance-Beauftragte"),
        ("“grant” or “deny”, “deny” from 0.5", "„grant“ oder „deny“, „deny“ ab 0,5"),
        ("scikit-learn 1.9.1", "scikit-learn 1.9.1"),
        ("", ""),
    ],
)
def test_values_are_written_as_the_language_writes_them(value: object, german: str) -> None:
    with written_in("de") as wording:
        assert wording.value(value) == german
    assert translation.get_language() == FIRST


def test_long_words_of_people_are_left_alone_in_no_time() -> None:
    with written_in("de") as wording:
        for text in ("1 2 " * 400, "no, " * 400, "no\n; , " * 300, "It is so. " * 9_000, "5 " * 90_000):
            assert wording.value(text).count("1") == text.count("1")
            assert wording.reason(text).split() == text.split()


def test_reasons_are_translated_sentence_by_sentence() -> None:
    with written_in("de") as wording:
        known = "The system is not high-risk: you rely on Art. 6(3)(d)."
        said = wording.reason(f"Everybody, whatever the risk class. Art. 43 is ours. {known}")
    assert said == (
        "Alle, unabhängig von der Risikoklasse. Art. 43 is ours. "
        "Das System ist nicht hochriskant: Sie berufen sich auf Art. 6 Abs. 3 Buchst. d."
    )
    with written_in(FIRST) as wording:
        assert wording.reason("Everybody, whatever the risk class.") == "Everybody, whatever the risk class."
