"""Moments as programs write them (RFC 3339 with an offset, or nothing), and calendar months."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime


def rfc3339(text: str) -> datetime | None:
    """The moment; None for text that is none, a day that does not exist, or a time without an offset."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def utc_in(text: str) -> datetime | None:
    """`rfc3339` in UTC, as a database can compare it; None as well before the year 1 and after 9999 there."""
    try:
        moment = rfc3339(text)
        return moment.astimezone(UTC) if moment else None
    except OverflowError:
        return None


def months_before(moment: datetime, months: int) -> datetime:
    """The same time of day so many calendar months earlier; the last day of a month that is too short for it."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
