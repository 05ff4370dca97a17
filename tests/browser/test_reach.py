"""Pages on a telephone, by keyboard alone, and without JavaScript."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Elements that stick out at the right of the window, unless something around them scrolls by itself.
STICKING_OUT = """() => [...document.body.querySelectorAll('*')].filter((el) => {
  const box = el.getBoundingClientRect();
  if (!box.width || !box.height || box.right <= innerWidth + 1) return false;
  for (let up = el; up; up = up.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX)) return false;
  return true;
}).map((el) => `${el.tagName}.${el.className} ${el.textContent.trim().slice(0, 40)}`)"""
# Where the focus is: its words, and whether a person can see that it is there.
FOCUS = """() => {
  const el = document.activeElement, style = getComputedStyle(el);
  const seen = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  return { words: el.innerText || '', seen };
}"""


@pytest.mark.parametrize("username", ["lena", "clara", "sam", "ava"])
def test_no_page_scrolls_sideways_on_a_telephone(username: str, sign_in: Callable[..., Desk]):
    desk = sign_in(username, viewport={"width": 390, "height": 800})
    links = desk.page.get_by_role("navigation", name="Main").get_by_role("link").all()
    ways = [link.get_attribute("href") or "" for link in links]
    deeper = ["/systems/mortgage/", "/systems/mortgage/production/", "/systems/mortgage/versions/2/", "/api/v1/docs/"]
    if "/disputes/" in ways:
        deeper.append("/disputes/1/")
    if username != "sam":
        deeper += ["/systems/mortgage/dossier/", "/systems/mortgage/dossier/papers/", "/systems/mortgage/dossiers/1/"]
    found = {}
    for path in [*ways, *deeper]:
        desk.open(path)
        found[path] = _sticking_out(desk.page)
    desk.open("/decisions/")
    desk.page.locator("a.row-link").first.click()
    desk.page.wait_for_load_state("networkidle")
    found["decision"] = _sticking_out(desk.page)
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "username, path, button",
    [
        ("sam", "/", "Find their decisions"),
        ("sam", "/decisions/", "Find"),
        ("clara", "decision", "Show the inputs"),
        ("lena", "/", "Production and rollback"),
    ],
)
def test_the_keyboard_reaches_the_button(username: str, path: str, button: str, sign_in: Callable[..., Desk]):
    desk = sign_in(username)
    page = desk.page
    desk.open("/decisions/" if path == "decision" else path)
    if path == "decision":
        page.locator("a.row-link").first.click()
        expect(page.get_by_role("heading", name="Explanation")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS) == {"words": "Skip to the content", "seen": True}
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["words"] == button:
            assert focus["seen"]
            return
    pytest.fail(f"“{button}” was not reached in 30 steps")


def test_a_decision_is_found_and_opened_by_keyboard_alone(sam: Desk, denied: Callable[[], str]):
    page = sam.page
    page.get_by_label("Somebody asks about their decision").focus()
    page.keyboard.type(denied())
    page.keyboard.press("Enter")
    page.wait_for_url("**/decisions/?subject=**")
    page.locator("a.row-link").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/decisions/*/")


def test_a_decision_is_explained_without_javascript(sign_in: Callable[..., Desk], denied: Callable[[], str]):
    sam = sign_in("sam", java_script_enabled=False)
    page = sam.page
    page.get_by_label("Somebody asks about their decision").fill(denied())
    page.get_by_role("button", name="Find their decisions").click()
    page.locator("a.row-link").click()
    page.get_by_role("link", name="Explanation and disputes").click()
    asked = time.monotonic()
    page.get_by_role("button", name="Explain this decision").click()
    report = page.get_by_role("heading", name="In plain words")
    while not report.is_visible():
        assert time.monotonic() - asked < 60
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()
    for method in ("SHAP", "LIME"):
        assert page.get_by_role("region", name=f"{method} figures").get_by_role("row").count() > 3


def _sticking_out(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return ([f"the page is {wide} px too wide"] if wide > 0 else []) + page.evaluate(STICKING_OUT)
