"""Sam at the telephone: from somebody's reference to the reasons of their decision."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

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


def test_a_case_goes_from_the_telephone_to_the_letter(
    sam: Desk, clara: Desk, denied: Callable[[], str], tmp_path: Path
):
    page = sam.page
    page.get_by_label("Somebody asks about their decision").fill(denied())
    page.get_by_role("button", name="Find their decisions").click()
    page.locator("a.row-link").click()
    page.get_by_role("link", name="Open a dispute").click()
    page.get_by_label("How they proved who they are").select_option("called back")
    page.get_by_label("Claim").fill("My income was read wrongly.")
    page.get_by_role("button", name="Open the dispute").click()
    page.wait_for_url(re.compile(r"/disputes/\d+/$"))
    case = sam.path
    page.get_by_label("Note").fill("She sends her payslip.")
    page.get_by_role("button", name="Add the note").click()
    page.get_by_text("Add a file").click()
    payslip = {"name": "payslip.txt", "mimeType": "text/plain", "buffer": b"Net income: 2,400"}
    page.locator("#file_file").set_input_files(payslip)
    page.get_by_role("button", name="Add the file").click()
    expect(page.locator("main")).to_contain_text("payslip.txt")
    expect(page.get_by_text("You took this case in, so somebody else must review it.")).to_be_visible()
    page.get_by_role("button", name="Explain", exact=True).click()
    _see_the_report(page)

    officer = clara.page
    clara.open(case)
    officer.get_by_role("button", name="Review this case").click()
    expect(officer.get_by_role("heading", name="What the model answered")).to_be_visible()
    officer.get_by_text("Correct what the model was given").click()
    officer.get_by_label("Debt payments to income").fill("0.3")
    officer.get_by_role("button", name="Score the corrected inputs").click()
    expect(officer.get_by_text("the version that decided answers")).to_be_visible(timeout=30_000)
    officer.get_by_label("The inputs were wrong and are corrected").check()
    officer.get_by_label("Reason").select_option("input_wrong")
    officer.get_by_label("Grounds").fill("Your payslip shows another income than the one we held.")
    officer.get_by_role("button", name="Decide the case").click()
    expect(officer.locator("main")).to_contain_text("the letter is next")

    sam.open(case)
    page.get_by_role("link", name="Write the letter").click()
    expect(page.get_by_role("article", name="The letter")).to_contain_text("Your payslip shows another income")
    expect(page.get_by_role("button", name="Freeze and send")).to_be_disabled()
    page.get_by_label("Language").select_option("de")
    page.get_by_label("Addressed to").fill("Ada Applicant\nHill Road 2")
    page.get_by_role("button", name="Look at it again").click()
    expect(page.get_by_role("article", name="The letter")).to_contain_text("Diese Angaben waren falsch")
    page.get_by_role("button", name="Freeze and send").click()
    expect(page.get_by_role("link", name="Download the PDF")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the PDF").click()
    download.value.save_as(tmp_path / "letter.pdf")
    assert (tmp_path / "letter.pdf").read_bytes().startswith(b"%PDF-1.7")
    sam.open(case)
    page.get_by_role("button", name="Close the case").click()
    expect(page.get_by_text("The case is closed.", exact=True).first).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("Letter sent by post")


def test_a_letter_is_written_on_a_telephone(sign_in: Callable[..., Desk]):
    clara = sign_in("clara", viewport={"width": 390, "height": 800})
    for path in ("/disputes/", "/disputes/1/", "/disputes/policy/mortgage/", "/letters/", "/letters/wording/mortgage/"):
        clara.open(path)
        assert clara.page.evaluate("document.documentElement.scrollWidth") <= 390, path
    clara.open("/letters/templates/EU/en/upheld/")
    assert clara.page.evaluate("document.documentElement.scrollWidth") <= 390
    clara.open("/disputes/1/")
    clara.page.get_by_role("link", name="Letter of").click()
    expect(clara.page.get_by_role("article", name="The letter")).to_contain_text("Our decision about you stands")
    assert clara.page.evaluate("document.documentElement.scrollWidth") <= 390


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
