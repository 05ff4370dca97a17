"""How a paper says things in one language: sentences from msgids, the law's own words, times and numbers.

What people wrote, and what a check once put down as its summary, stays as it was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.dateformat import format as date_words
from django.utils.translation import gettext, gettext_noop, pgettext

LAW = Path(__file__).resolve().parents[1] / "law"
FIRST = "en"
# What is longer is somebody's text; what is known has no more sentences, or parts, than that.
LONGEST = 2_000
MOST_AT_ONCE = 3
LANGUAGES = {"en": "English", "de": "Deutsch"}
_ENGLISH_DAY = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}")
# A number, or one that stands beside a word that is translated: "12,345", "about 1,200", "95.3 %".
_FIGURES = re.compile(r"(?:about )?[\d,]*\d(?:\.\d+)?(?:\s?%)?")
# Words with a figure behind them: "unlikely (8)", "Brier score 0.075", "yes 84.0%".
_COUNTED = re.compile(r"(.+) (\(\d+\)|\d[\d.,]*%?)")
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z])")
# What others put together from words, and the msgid that each comes from.
_COMPOSED = (
    (
        re.compile(r"The system is not high-risk: you rely on Art\. 6\(3\)\((?P<letter>[a-d])\)\."),
        gettext_noop("The system is not high-risk: you rely on Art. 6(3)(%(letter)s)."),
    ),
    (
        re.compile(r"Annex III point (?P<point>\S+): (?P<use>[^.]+)\."),
        gettext_noop("Annex III point %(point)s: %(use)s."),
    ),
    (
        re.compile(r"You are the system's (?P<role>\w+)\."),
        gettext_noop("You are the system's %(role)s."),
    ),
    (
        re.compile(r"Art\. 5\(1\)\((?P<letter>\w+)\) (?P<asked>.+)"),
        gettext_noop("Art. 5(1)(%(letter)s): %(asked)s"),
    ),
    (re.compile(r"(?P<count>\d+) × (?P<who>.+)"), gettext_noop("%(count)s × %(who)s")),
    (
        re.compile(r"“(?P<first>[^”]+)” or “(?P<second>[^”]+)”, “(?P<adverse>[^”]+)” from (?P<threshold>[\d.]+)"),
        gettext_noop("“%(first)s” or “%(second)s”, “%(adverse)s” from %(threshold)s"),
    ),
)


@contextmanager
def written_in(code: str) -> Iterator[Wording]:
    """The wording of a language, while Django's translations are set to it."""
    with translation.override(code):
        yield Wording(code)


class Wording:
    """What a paper needs of a language; only inside `written_in`."""

    def __init__(self, code: str) -> None:
        self.code = code

    def say(self, words: str, values: Mapping[str, Any] | None = None) -> str:
        """The sentence of a msgid, its places filled."""
        said = gettext(words) if words else ""
        if not values:
            return said
        return said % {
            name: self.reason(value) if name == "reason" else self.value(value) for name, value in values.items()
        }

    def value(self, value: Any) -> str:
        """What fills a place, as the language writes it."""
        if value is None:
            return "–"
        if isinstance(value, bool):
            return gettext("yes") if value else gettext("no")
        if isinstance(value, int):
            return self.number(f"{value:,}")
        if isinstance(value, float):
            return self.number(f"{value:g}")
        return self._known(value) if isinstance(value, str) else str(value)

    def answer(self, text: str) -> str:
        """What was answered to a question: known words, then somebody's own after a colon."""
        known, colon, rest = text.partition(": ")
        whole = self.value(text)
        return f"{self.value(known)}: {self.value(rest)}" if colon and whole == text else whole

    def number(self, figures: str) -> str:
        """A number that was written in English."""
        return figures if self.code == FIRST else figures.translate(str.maketrans(",.", ".,"))

    def moment(self, text: str | None) -> str:
        """A time in RFC 3339, to the minute."""
        if not text:
            return "–"
        # Translators: Django's date format, for a time in UTC.
        return date_words(datetime.fromisoformat(text), gettext(r"j F Y, H:i \U\T\C"))

    def day(self, text: str | None) -> str:
        """A day, or the day of a time."""
        # Translators: Django's date format, for a day.
        return date_words(datetime.fromisoformat(text), gettext("j F Y")) if text else "–"

    def reason(self, text: str) -> str:
        """Sentences that were put together: each is looked up by itself, as far as it is known."""
        if self.code == FIRST:
            return text
        return " ".join(_pieces(_SENTENCES.split(text), " ", self._sentence))

    def law(self, content: Mapping[str, Any]) -> LawWords:
        """The words of the law that the content is about."""
        return LawWords(self.code, content["regulation"])

    def _sentence(self, text: str) -> str:
        return self._composed(text) or (gettext(text) if text else "")

    def _composed(self, text: str) -> str:
        """What was put together, put together anew; empty where it is nothing that we know of."""
        for look, words in _COMPOSED:
            if found := look.fullmatch(text):
                return self.say(words, found.groupdict())
        return ""

    def _known(self, value: str) -> str:
        """A value in the language as far as its words are known; somebody's own words stay."""
        if not value or self.code == FIRST or len(value) > LONGEST:
            return value
        if (said := pgettext("value", value)) != value:
            return said
        if said := self._composed(value):
            return said
        if (counted := _COUNTED.fullmatch(value)) and (said := pgettext("value", counted[1])) != counted[1]:
            return f"{said} {self.number(counted[2])}"
        for glue in ("\n", "; ", ", "):
            parts = value.split(glue)
            said = [self._known(part) for part in parts] if len(parts) > 1 else parts
            if all(one != other for one, other in zip(parts, said, strict=True)):
                return glue.join(said)
        if _FIGURES.fullmatch(value):
            rest = value.removeprefix("about ")
            return f"{pgettext('value', 'about')} {self.number(rest)}" if rest != value else self.number(value)
        if _ENGLISH_DAY.fullmatch(value):
            return self._day_again(value)
        return value

    def _day_again(self, value: str) -> str:
        try:
            return self.day(datetime.strptime(value, "%d %B %Y").date().isoformat())
        except ValueError:
            return value


class LawWords:
    """The law's points in a language: our own words for them, which an overlay beside the law's data translates."""

    def __init__(self, code: str, regulation: Mapping[str, Any]) -> None:
        self._regulation = regulation
        self._said = overlay(regulation["in_force_from"], code)

    @property
    def title(self) -> str:
        """The name of the regulation."""
        return str(self._said.get("title", self._regulation["title"]))

    @property
    def version(self) -> str:
        """Its state, in short."""
        return str(self._said.get("version", self._regulation["version"]))

    def of(self, item: Mapping[str, Any], name: str) -> str:
        """The `ref`, `title` or `asks` of a point."""
        return str(self._said.get("requirements", {}).get(item["id"], {}).get(name, item[name]))

    def text(self, words: str | None) -> str:
        """A condition or a note."""
        return str(self._said.get("texts", {}).get(words, words or ""))

    def group(self, group: Mapping[str, str], name: str) -> str:
        """The `short`, `title` or `ref` of a group."""
        return str(self._said.get("groups", {}).get(group["id"], {}).get(name, group[name]))

    def lacking(self, titles: str) -> str:
        """The titles of keys of the evidence, one after the other, as a state names what lacks."""
        known = self._said.get("evidence", {})
        return ", ".join(_pieces(titles.split(", "), ", ", lambda title: known.get(title, title)))


def _pieces(parts: list[str], glue: str, translate: Callable[[str], str]) -> Iterator[str]:
    """The parts translated, the longest stretch that is known at once; what is not known stays."""
    while parts:
        for length in range(min(MOST_AT_ONCE, len(parts)), 0, -1):
            text = glue.join(parts[:length])
            if (said := translate(text)) != text or length == 1:
                yield said
                parts = parts[length:]
                break


@cache
def overlay(in_force_from: str, code: str) -> Mapping[str, Any]:
    """What translates a state of the law; nothing where there is no such file, and the law's own words stand."""
    file = LAW / f"{in_force_from}.{code}.json"
    return json.loads(file.read_bytes()) if file.exists() else {}
