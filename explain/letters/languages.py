"""How dates, numbers and the few words of our own are written in the language of a letter. Pure data and formatting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Language:
    """One language; a language that nobody described writes dates and numbers as ISO does, and says little."""

    code: str
    months: tuple[str, ...] = ()
    day: str = "{year}-{number:02}-{day:02}"
    decimal: str = "."
    thousands: str = "\u202f"
    conjunction: str = ","
    yes: str = "yes"
    no: str = "no"
    absent: str = "–"
    case: str = "{number}"
    # Of a change that would have led to another answer.
    change: str = "{title}: {after} ({before})"
    otherwise: str = "{changes} → “{answer}”"
    # Of what moved a value, where there are no two answers.
    raised: str = "(+)"
    lowered: str = "(\u2212)"

    def date(self, moment: date) -> str:
        """The day."""
        month = self.months[moment.month - 1] if self.months else ""
        return self.day.format(day=moment.day, month=month, number=moment.month, year=moment.year)

    def number(self, value: float, digits: int | None = None) -> str:
        """The number as it was given (ten significant figures), or with so many digits."""
        text = f"{value:,.{digits}f}" if digits is not None else f"{value:,.10g}"
        signs: dict[str, str] = {",": self.thousands, ".": self.decimal, "-": "\u2212"}
        return "".join(signs.get(char, char) for char in text)

    def percent(self, share: float) -> str:
        """A share as a percentage: one digit below ten, none above."""
        digits = 0 if abs(share) >= 0.0995 or share == 0 else 1
        return f"{self.number(share * 100, digits)}\u00a0%"

    def value(self, value: Any, unit: str = "") -> str:
        """One input's value as a person wrote it."""
        if value is None:
            return self.absent
        if isinstance(value, bool) or value in ("yes", "no"):
            return self.yes if value in (True, "yes") else self.no
        text = self.number(_short(value)) if isinstance(value, int | float) else str(value)
        return f"{text}\u00a0{unit}" if unit else text

    def listed(self, items: Sequence[str]) -> str:
        """The items in a row, the last one with “and”."""
        if len(items) < 2:
            return "".join(items)
        joint = f" {self.conjunction} " if self.conjunction != "," else ", "
        return f"{', '.join(items[:-1])}{joint}{items[-1]}"


_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DE = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
LANGUAGES = {
    "en": Language(
        "en",
        months=_EN,
        day="{day} {month} {year}",
        thousands=",",
        conjunction="and",
        absent="not given",
        case="Case {number}",
        change="{title} {after} instead of {before}",
        otherwise="{changes}: the answer would have been “{answer}”.",
        raised="This raised the value.",
        lowered="This lowered the value.",
    ),
    "de": Language(
        "de",
        months=_DE,
        day="{day}. {month} {year}",
        decimal=",",
        thousands=".",
        conjunction="und",
        yes="ja",
        no="nein",
        absent="nicht angegeben",
        case="Fall {number}",
        change="{title} {after} statt {before}",
        otherwise="{changes}: Die Antwort wäre „{answer}“ gewesen.",
        raised="Das hat den Wert erhöht.",
        lowered="Das hat den Wert gesenkt.",
    ),
}


def _short(value: float) -> float:
    """Four places behind the point; a smaller number keeps three significant figures."""
    return round(value, 4) if abs(value) >= 0.01 else float(f"{value:.3g}")


def language_of(code: str) -> Language:
    """The language; one of its own for a code that is not described."""
    return LANGUAGES.get(code.partition("-")[0].lower(), Language(code))

