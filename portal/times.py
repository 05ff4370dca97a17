"""Moments as programs write them: RFC 3339 with an offset, or nothing."""

from __future__ import annotations

from datetime import datetime

from django.utils.dateparse import parse_datetime


def rfc3339(text: str) -> datetime | None:
    """The moment; None for text that is none, a day that does not exist, or a time without an offset."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
