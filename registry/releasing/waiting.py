"""Waiting inside a request until something changes: few at a time, since the web has few threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

Seen = TypeVar("Seen")

MOST_SECONDS = 60
# Of eight threads, so that pages are answered whoever waits.
MOST_WAITING = 3
LOOK_SECONDS = 0.25
_places = BoundedSemaphore(MOST_WAITING)


def wait_for(look: Callable[[], Seen], is_news: Callable[[Seen], bool], seconds: float) -> tuple[Seen, bool]:
    """What was seen last: news, or what there was when the time was over; and whether there was a place to wait.

    Without a place, `MOST_WAITING` having been taken, what is seen now.
    """
    if not _places.acquire(blocking=False):
        return look(), False
    try:
        until = time.monotonic() + seconds
        while not is_news(seen := look()) and (left := until - time.monotonic()) > 0:
            time.sleep(min(LOOK_SECONDS, left))
        return seen, True
    finally:
        _places.release()
