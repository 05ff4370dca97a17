"""What addresses carry as text: numbers, and where the page before ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from portal.errors import Hidden
from portal.times import utc_in

PAGE_SIZE = 50
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Page:
    """One keyset page by deadline; `next` is the cursor of the page after it, empty where there is none."""

    rows: list[Any]
    next: str


def number_in(text: str) -> int | None:
    """The whole number of at most nine digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


class MomentField(forms.DateTimeField):
    """A moment since 1970, where the trail's ids begin; what UTC cannot say, after 9999, is none either."""

    def to_python(self, value: Any) -> datetime | None:
        """The moment, as its text says it."""
        moment = super().to_python(value)
        if moment is None or (moment.year >= 1970 and utc_in(moment.isoformat())):
            return moment
        raise forms.ValidationError(self.error_messages["invalid"], code="invalid")


def page_by_deadline(found: QuerySet[Any], cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """The page after the cursor, of rows that are in the order of `due_at` and `number`.

    `Hidden` for a cursor that is not ours.
    """
    if cursor:
        due_at, number = _read(cursor)
        found = found.filter(Q(due_at__gt=due_at) | Q(due_at=due_at, number__gt=number))
    rows = list(found[: size + 1])
    shown = rows[:size]
    return Page(shown, _after(shown[-1]) if len(rows) > size else "")


def _after(row: Any) -> str:
    return f"{row.due_at.isoformat()}~{row.number}"


def _read(cursor: str) -> tuple[datetime, int]:
    moment, _, said = cursor.partition("~")
    due_at, number = utc_in(moment), number_in(said)
    if due_at is None or number is None:
        raise Hidden
    return due_at, number
