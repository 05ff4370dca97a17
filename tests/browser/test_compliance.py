"""Clara looks into a complaint: she finds the decision, says why she reads it, and finds herself in the trail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.demo.hmda import HMDA_INPUTS

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_decisions_are_filtered_and_paged_by_addresses_that_can_be_shared(clara: Desk):
    page = clara.page
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Decisions").click()
    page.get_by_label("Label").fill("grant")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**label=grant**")
    rows = page.locator("#rows tbody tr")
    assert set(rows.locator("td:nth-child(2)").all_inner_texts()) == {"grant"}
    first = rows.locator("a.row-link").first.get_attribute("href")
    assert rows.count() == 50

    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**before=**")
    assert "label=grant" in page.url
    expect(rows.first.locator("a.row-link")).not_to_have_attribute("href", first or "")
    second = rows.locator("a.row-link").first.get_attribute("href")
    page.reload()
    expect(rows.first.locator("a.row-link")).to_have_attribute("href", second or "")
    page.get_by_role("link", name="Newer").click()
    page.wait_for_url("**after=**")
    expect(rows.first.locator("a.row-link")).to_have_attribute("href", first or "")


def test_reading_inputs_wants_a_purpose_and_stands_in_the_trail(clara: Desk, denied: Callable[[], str]):
    page, subject = clara.page, denied()
    clara.open("/decisions/")
    page.get_by_label("Label").fill("deny")
    page.get_by_label("Subject").fill(subject)
    page.get_by_role("button", name="Find").click()
    page.wait_for_url(f"**subject={subject}**")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.locator("a.row-link").click()
    decision = clara.path

    # What was unseen before the purpose was stated is seen after it.
    assert subject not in page.content()
    expect(page.get_by_role("region", name="Inputs")).to_have_count(0)
    page.get_by_label("Purpose").select_option(label="To supervise the system")
    page.get_by_role("button", name="Show the inputs").click()
    expect(page.get_by_role("region", name="Inputs").get_by_role("row")).to_have_count(
        1 + len(HMDA_INPUTS["properties"])
    )
    expect(page.locator("main")).to_contain_text(subject)

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Trail").click()
    reading = page.get_by_role("region", name="Acts").get_by_role("row").nth(1)
    expect(reading).to_contain_text("clara")
    expect(reading).to_contain_text("To supervise the system")
    reading.get_by_role("link", name="decision").click()
    assert clara.path == decision
