"""Lena during an incident: production goes back, and the next request already feels it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_production_goes_back_and_the_gateway_follows_at_once(lena: Desk, decide: Callable[[], dict[str, Any]]):
    page = lena.page
    page.get_by_role("link", name="Production and rollback").click()
    live = _live(page)
    assert decide()["version"] == live

    panel = page.get_by_role("form", name="Return production to version")
    target = _number(panel.get_by_role("heading").inner_text())
    assert target != live
    expect(panel).to_contain_text("armed")
    expect(panel).to_contain_text(f"Version {target} decides from the next request on.")
    expect(panel).to_contain_text(f"Version {live} is quarantined")

    go_back = panel.get_by_role("button", name=f"Return production to version {target}")
    go_back.click()
    # Without a reason nothing is sent: the browser points at what is missing.
    expect(panel.get_by_label("Reason")).to_be_focused()
    assert _live(page) == live
    panel.get_by_label("Reason").fill("Complaints about denials since this morning.")
    go_back.click()
    expect(page.get_by_role("status").first).to_contain_text(f"Production is back on version {target}")
    answer, seconds = _decision_of(target, decide)
    assert seconds < 1, f"the gateway followed after {seconds:.2f} s"
    assert _live(page) == target
    expect(page.get_by_role("region", name="Releases of").get_by_role("row").nth(1)).to_contain_text("Complaints about")

    lena.open(f"/decisions/{answer['decision_id']}/")
    expect(page.get_by_role("complementary")).to_contain_text(f"Version {target}, release {answer['release']}")
    lena.open(f"/systems/mortgage/versions/{live}/")
    expect(page.locator(".page-head")).to_contain_text("quarantined")


def _decision_of(version: int, decide: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], float]:
    """The first answer of the version, and how long it took to come."""
    started = time.monotonic()
    while (answer := decide())["version"] != version and time.monotonic() - started < 5:
        time.sleep(0.01)
    assert answer["version"] == version
    return answer, time.monotonic() - started


def _live(page: Page) -> int:
    return _number(page.get_by_role("region", name="Live now").locator(".figure").inner_text())


def _number(words: str) -> int:
    found = re.search(r"[Vv]ersion (\d+)", words)
    assert found, words
    return int(found[1])
