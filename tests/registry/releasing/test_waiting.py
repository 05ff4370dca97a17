"""A caller may wait for the production pointer to move; few do at a time, and nobody else waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from registry.releasing import waiting
from tests.factories import make_token, released

PRODUCTION = "/api/v1/systems/mortgage/production/"


@pytest.fixture
def caller(committed: str) -> Callable[..., Any]:
    """Asks for what is live, in whichever thread, on a connection of its own."""
    released(1)
    token = make_token("read")

    def ask(query: str = "", etag: str = "") -> tuple[Any, float]:
        started = time.monotonic()
        try:
            headers = {"authorization": f"Bearer {token}"} | ({"if-none-match": etag} if etag else {})
            return Client(headers=headers).get(PRODUCTION + query), time.monotonic() - started
        finally:
            if threading.current_thread() is not threading.main_thread():
                connections.close_all()

    return ask


def test_it_is_answered_as_soon_as_the_pointer_moves(caller) -> None:
    etag = caller()[0]["ETag"]
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(caller, "?wait=20", etag)
        time.sleep(1)
        assert not waits.done()
        released(2)
        answer, seconds = waits.result(5)
    assert (answer.status_code, answer.json()["version"]) == (200, 2) and answer["ETag"] != etag
    assert 1 < seconds < 10 and "Retry-After" not in answer


def test_it_is_told_at_the_end_that_nothing_changed(caller) -> None:
    etag = caller()[0]["ETag"]
    answer, seconds = caller("?wait=1", etag)
    assert answer.status_code == 304 and answer["ETag"] == etag and 1 <= seconds < 3
    assert caller("", etag)[0].status_code == 304


def test_who_has_seen_another_pointer_or_none_does_not_wait(caller) -> None:
    for query, etag in (("?wait=30", '"another"'), ("?wait=30", ""), ("?wait=0", ""), ("?at=2126-01-01T00:00Z", "")):
        answer, seconds = caller(query, etag)
        assert (answer.status_code, answer.json()["release"]) == (200, 1) and seconds < 2


def test_three_wait_and_the_fourth_is_told_when_to_come_back(caller) -> None:
    etag = caller()[0]["ETag"]
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(caller, "?wait=3", etag) for _ in range(waiting.MOST_WAITING)]
        time.sleep(1)
        answer, seconds = caller("?wait=30", etag)
        assert (answer.status_code, answer["Retry-After"]) == (304, "1") and seconds < 1
        assert caller()[0].status_code == 200
        assert {other.result()[0].status_code for other in others} == {304}
    assert caller("?wait=1", etag)[1] >= 1  # there is a place again


@pytest.mark.parametrize("wait", ["61", "-1", "1.5", "soon", "9" * 5000, "٣"])
def test_other_waits_are_refused(caller, wait: str) -> None:
    answer, _ = caller(f"?wait={wait}", '"seen"')
    assert (answer.status_code, answer.json()["error"]["details"][0]["path"]) == (422, "wait")
