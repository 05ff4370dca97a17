"""Sam at the telephone: from somebody's reference to the reasons of their decision."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_disputed_decision_is_explained_while_the_person_waits(sam: Desk, denied: Callable[[], str]):
    page = sam.page
    page.get_by_label("Somebody asks about their decision").fill(denied())
    page.get_by_role("button", name="Find their decisions").click()
    page.locator("a.row-link").click()
    page.get_by_role("link", name="Open a dispute").click()
    page.get_by_label("Channel").select_option("phone")
    page.get_by_label("Claim").fill("I have always paid. Why was I turned down?")
    page.get_by_role("button", name="Open the dispute").click()
    expect(page.locator("h1")).to_have_text("Dispute 3")

    asked = time.monotonic()
    page.get_by_role("button", name="Explain").click()
    _see_the_clock_run(page)
    _see_the_report(page)
    assert time.monotonic() - asked < 60
    _see_bars(page, "SHAP")
    _see_bars(page, "LIME")
    expect(_fact(page, "Replay")).to_contain_text("matches")

    sam.open("/disputes/3/")
    expect(page.locator("main")).to_contain_text("explained")
    page.get_by_role("link", name="Read the explanation").click()
    _see_bars(page, "SHAP")


def test_a_decision_is_explained_without_a_dispute_and_the_clock_survives_leaving(sam: Desk, denied: Callable[[], str]):
    page = sam.page
    sam.open(f"/decisions/?subject={denied()}")
    page.locator("a.row-link").click()
    decision = sam.path
    page.get_by_role("button", name="Explain this decision").click()
    _see_the_clock_run(page)

    sam.open(decision)
    page.get_by_role("link", name="See how far it is").or_(
        page.get_by_role("link", name="Read the explanation")
    ).click()
    _see_the_report(page)
    _see_bars(page, "LIME")


def test_charts_are_drawn_in_the_dark_and_on_a_telephone(sign_in: Callable[..., Desk]):
    sam = sign_in("sam", color_scheme="dark", viewport={"width": 390, "height": 800})
    sam.open("/disputes/1/")
    sam.page.get_by_role("link", name="Read the explanation").click()
    _see_bars(sam.page, "SHAP")
    _see_bars(sam.page, "LIME")
    assert sam.page.evaluate("document.documentElement.scrollWidth") <= 390


def _see_the_clock_run(page: Page) -> None:
    clock = page.locator("[data-clock]")
    expect(clock).to_have_text(re.compile(r"0:0\d"))
    expect(page.locator("progress")).to_be_visible()
    expect(page.locator("main")).to_contain_text("You can leave this page")


def _see_the_report(page: Page) -> None:
    expect(page.get_by_role("heading", name="In plain words")).to_be_visible(timeout=60_000)


def _see_bars(page: Page, method: str) -> None:
    """The method's chart holds bars that somebody can see, and its figures stand in a table beside it."""
    part = page.get_by_role("region", name=f"({method})")
    bars = part.locator("[data-plot] svg g.bars path")
    expect(bars.first).to_be_visible()
    sizes = [bar.bounding_box() for bar in bars.all()]
    wide = [size for size in sizes if size and size["width"] > 2 and size["height"] > 2]
    assert len(wide) > 2, sizes
    assert part.get_by_role("row").count() > len(wide)


def _fact(page: Page, term: str) -> Locator:
    facts = page.get_by_role("complementary", name="What was explained").locator("dl > div")
    return facts.filter(has=page.get_by_role("term").filter(has_text=term))
