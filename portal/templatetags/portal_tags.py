"""Filters that turn stored values into what pages print: pure functions of their arguments, no queries, no settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django import template
from django.utils import timezone

from portal.templatetags.state_looks import look_of

register = template.Library()

NOTHING = "–"
MINUS = "\u2212"
ACTOR_KINDS = {"user": "{}", "service": "{} (service)", "system": "Countersign ({})"}
HARD_SPACE = "\u00a0"
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))


@register.filter
def state_tone(state: object) -> str:
    """`good`, `warn`, `bad`, `info` or `neutral` for a state word."""
    return look_of(state).tone


@register.filter
def state_shape(state: object) -> str:
    """The glyph's name for a state word."""
    return look_of(state).shape


@register.filter
def state_word(state: object) -> str:
    """The state as people read it: `in_review` → "in review"."""
    return look_of(state).word or str(state).replace("_", " ")


@register.filter
def act_word(event: object) -> str:
    """An act of the trail as people read it: `release.rolled_back` → "Release rolled back"."""
    return str(event).replace(".", " ").replace("_", " ").capitalize()


@register.filter
def who(label: object) -> str:
    """Who acted: `user:lena` → "lena", `service:ci` → "ci (service)", `system:sweep` → "Countersign (sweep)"."""
    kind, separator, name = str(label or "").partition(":")
    return ACTOR_KINDS.get(kind, "{}").format(name) if separator else kind


@register.filter
def percent(value: object, digits: int = 1) -> str:
    """A share as a percentage: 0.8123 → "81.2 %"."""
    share = _real(value)
    return NOTHING if share is None else f"{_minus(share * 100, digits)}{HARD_SPACE}%"


@register.filter
def short_digest(digest: object, length: int = 12) -> str:
    """The first characters of a digest, without the `sha256:` in front."""
    return str(digest or "").removeprefix("sha256:")[:length] or NOTHING


@register.filter
def since(moment: object, now: datetime | None = None) -> str:
    """Relative time in words: "3 min ago", "in 2 days", "just now". Without a zone it is read as UTC."""
    at = _moment(moment)
    if at is None:
        return NOTHING
    gap = (now or timezone.now()) - at
    if abs(gap) < timedelta(seconds=5):
        return "just now"
    words = _span(abs(gap).total_seconds())
    return f"{words} ago" if gap > timedelta(0) else f"in {words}"


@register.filter
def exact(moment: object) -> str:
    """The exact time in UTC to the second: "2026-03-02 14:05:09 UTC"."""
    at = _moment(moment)
    return NOTHING if at is None else at.strftime("%Y-%m-%d %H:%M:%S UTC")


@register.filter
def iso(moment: object) -> str:
    """The time for machines, RFC 3339 in UTC, as `<time datetime>` wants it."""
    at = _moment(moment)
    return "" if at is None else at.isoformat().replace("+00:00", "Z")


@register.filter
def ms(microseconds: object) -> str:
    """A duration stored in microseconds: 1900 → "1.9 ms", 1 250 000 → "1.25 s"."""
    value = _real(microseconds)
    if value is None:
        return NOTHING
    if value < 999_500:
        return f"{_significant(value / 1000)}{HARD_SPACE}ms"
    return f"{_significant(value / 1_000_000)}{HARD_SPACE}s"


@register.filter
def clock(milliseconds: object) -> str:
    """Elapsed time as a clock: 72 000 → "1:12", an hour and more → "1:02:09"."""
    value = _real(milliseconds)
    if value is None:
        return NOTHING
    minutes, seconds = divmod(int(max(value, 0) // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def signed(value: object, digits: int = 2) -> str:
    """A number that always shows its sign, with a real minus: "+0.31", "−0.12", "0.00"."""
    real = _real(value)
    if real is None:
        return NOTHING
    text = _minus(real, digits)
    return f"+{text}" if real > 0 and float(text.replace(",", "")) > 0 else text


@register.filter
def number(value: object, digits: int | None = None) -> str:
    """A number for reading: integers grouped, fractions to four significant figures, never "-0"; else as it is."""
    real = _real(value)
    if real is None:
        return NOTHING if value is None or value == "" or isinstance(value, float | Decimal) else str(value)
    if digits is not None:
        return _minus(real, digits)
    if real == int(real) and abs(real) < 1e15:
        return _minus(real, 0)
    if abs(real) < 1e-4:
        return f"{real:.2e}".replace("-", MINUS)
    return _significant(real, 4)


@register.filter
def share_of(value: object, total: object) -> str:
    """How far along, as a whole number from 0 to 100, for `<progress>` and bars."""
    part, whole = _real(value), _real(total)
    return "0" if part is None or not whole else str(round(100 * min(max(part / whole, 0), 1)))


@register.filter
def entry(mapping: Mapping[object, object], key: object) -> object:
    """What the mapping holds under the key, or nothing."""
    return mapping.get(key, "")


@register.filter
def signer(role: object, count: int = 1) -> str:
    """Who signs, in words: ("compliance", 2) → "compliance officers"."""
    words = {"compliance": "compliance officer", "ml_lead": "ML lead", "any": "person of either role"}
    word = words.get(str(role), str(role))
    return word if count == 1 else word.replace("person", "people") if "person" in word else f"{word}s"


def _real(value: object) -> float | None:
    """The value as a finite float, or None when it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        real = float(value)
    except ValueError:
        return None
    return real if math.isfinite(real) else None


def _minus(value: float, digits: int) -> str:
    """Fixed digits, thousands grouped, a real minus, and no minus in front of zero."""
    text = f"{abs(value):,.{int(digits)}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def _significant(value: float, figures: int = 3) -> str:
    """Rounded to so many significant figures, without trailing zeros and without an exponent."""
    if value == 0:
        return "0"
    digits = max(figures - 1 - math.floor(math.log10(abs(value))), 0)
    text = _minus(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment(value: object) -> datetime | None:
    """The value as an aware time in UTC: takes datetimes, dates and RFC 3339 text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _span(seconds: float) -> str:
    """A span in its largest sensible unit: seconds, minutes, hours, days, months, years. `app.js` says the same."""
    for limit, unit, word in _STEPS:
        if seconds < limit:
            return f"{int(seconds // unit)} {word}"
    days = int(seconds // 86400)
    if days < 60:
        return f"{days} day" if days == 1 else f"{days} days"
    if days < 730:
        return f"{days // 30} months"
    return f"{days // 365} years"
