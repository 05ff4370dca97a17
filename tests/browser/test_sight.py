"""What each desk does not see: a person's data, other desks' pages, and acts that are not theirs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HIDDEN = "There is nothing here, or you may not see it."
REQUEST = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("username", ["lena", "ava"])
def test_no_personal_data_is_shown_to(username: str, sign_in: Callable[..., Desk], sam: Desk):
    desk = sign_in(username)
    explanation = _explanation(sam)
    desk.open("/decisions/?label=deny")
    assert "applicant-" not in desk.page.content()
    desk.page.locator("a.row-link").first.click()
    expect(desk.page.locator("main")).to_contain_text("Withheld")
    expect(desk.page.get_by_role("button", name="Show the inputs")).to_have_count(0)
    decision = desk.path
    for path in (decision, f"/api/v1{decision}", f"/api/v1{decision}?purpose=curiosity", f"/api/v1{decision}entry/"):
        status, text = desk.reads(path)
        assert status == 200 or "purpose" in path, path
        assert "applicant-" not in text and "pirat" not in text and "lvrat" not in text, path
    status, text = desk.posts(decision, purpose="review")
    assert status == 403
    assert "applicant-" not in text and "pirat" not in text
    for path in (explanation, f"{explanation}progress/", f"{decision}explain/panel/", "/disputes/", "/disputes/1/"):
        assert HIDDEN in desk.meets(404, path)


def test_support_sees_neither_the_trail_nor_a_way_to_change_production(sam: Desk):
    expect(sam.page.get_by_role("navigation", name="Main")).not_to_contain_text("Trail")
    hidden = sam.meets(404, "/trail/")
    assert HIDDEN in hidden
    missing = sam.meets(404, "/decisions/00000000-0000-7000-8000-000000000000/")
    assert REQUEST.sub("", missing) == REQUEST.sub("", hidden), "what is hidden and what is missing look the same"
    sam.open("/systems/mortgage/production/")
    expect(sam.page.get_by_role("main").get_by_role("button", name="Return production")).to_have_count(0)
    sam.open("/systems/mortgage/versions/3/")
    expect(sam.page.get_by_role("main").get_by_role("textbox")).to_have_count(0)
    status, _ = sam.posts("/systems/mortgage/production/rollback/", reason="Because.", expected_release="4")
    assert status == 403


def test_a_stranger_is_asked_to_sign_in(sign_in: Callable[..., Desk]):
    desk = sign_in("ava")
    desk.page.locator("details.user-menu summary").click()
    desk.page.get_by_role("button", name="Sign out").click()
    for path in ("/", "/decisions/", "/trail/", "/systems/mortgage/production/"):
        desk.open(path)
        assert desk.path == "/sign-in/", path


def _explanation(sam: Desk) -> str:
    sam.open("/disputes/1/")
    sam.page.get_by_role("link", name="Read the explanation").click()
    sam.page.wait_for_url("**/explanations/**")
    return sam.path
