"""From an upload to production by the pages alone: what the product checks, what an officer lets pass and signs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.demo.people import PASSWORD
from portal.demo.training import Trained
from tests import factories

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
# Opening an artifact in the sandbox takes seconds where other tests run beside.
SANDBOX_MS = 60_000


def test_a_version_goes_from_an_upload_to_production(lena: Desk, sign_in: Callable[..., Desk], tmp_path: Path):
    page = lena.page
    lena.open("/systems/mortgage/production/")
    live = page.get_by_role("region", name="Live now").locator(".figure").inner_text()
    # One that decides otherwise than the version that it would replace, whichever is live by now.
    trained = factories.trained_logistic() if live.endswith("2") else factories.trained_boosting()
    files = _files(tmp_path, trained)
    lena.open("/systems/mortgage/")
    page.get_by_role("link", name="Register a version").click()
    page.get_by_label("Manifest as a file").set_input_files(files["manifest"])
    page.get_by_label("Artifact").set_input_files(files["background"])
    page.get_by_label("Background sample").set_input_files(files["background"])
    page.get_by_role("button", name="Register the version").click()
    # A table is no model: nothing is registered, and what was chosen stays chosen.
    lena._refused.add(page.url)
    expect(page.locator("#problems")).to_contain_text("Artifact", timeout=SANDBOX_MS)
    for name in ("artifact", "evaluation", "golden"):
        page.locator(f"input[name={name}]").set_input_files(files[name])
    page.get_by_role("button", name="Register the version").click()
    number = _registered(page)

    checklist = page.locator("#checklist")
    expect(checklist).to_contain_text("Explanation rehearsal")
    expect(page.locator("#gate-explanation")).to_contain_text("passed", timeout=90_000)
    expect(page.locator("#gate-golden_rows")).to_contain_text("passed")
    expect(page.locator("#gate-performance")).to_contain_text("ROC AUC")
    page.get_by_label("Note for the approver").fill("The one before, retrained on the same rows.")
    page.get_by_role("button", name=f"Submit version {number}").click()
    expect(page.locator(".page-head")).to_contain_text("submitted")
    clara = sign_in("clara")
    office = clara.page
    office.get_by_role("link", name=f"Mortgage, version {number}").click()
    expect(office.locator("main")).to_contain_text("The one before, retrained on the same rows.")
    wrong = office.locator("#checklist tr.is-wrong")
    expect(wrong.first).to_contain_text("Output distribution")
    while wrong.count():
        gate = wrong.first
        gate.get_by_text("Waive this gate").click()
        gate.get_by_label("Why it may pass").fill("The older scores are the ones that we want back.")
        gate.get_by_role("button", name="Waive").click()
        expect(office.get_by_role("status").first).to_contain_text("The gate is waived")
    expect(office.locator("#gate-distribution")).to_contain_text("waived by clara")
    office.get_by_role("form", name=f"Approve version {number}").get_by_label("Reason").fill("I read the evidence.")
    office.get_by_role("button", name=f"Approve version {number}").click()
    expect(office.locator(".page-head")).to_contain_text("approved")

    page.reload()
    panel = page.get_by_role("form", name=f"Make version {number} live")
    panel.get_by_label("Reason").fill("Checked, signed and warm in the gateway.")
    panel.get_by_label("Strategy").select_option("blue_green")
    panel.get_by_role("button", name=f"Make version {number} live").click()
    expect(page.get_by_role("region", name="Live now")).to_contain_text(f"Version {number}")

    for path, words in (
        (f"/systems/mortgage/versions/{number}/card/", "Recomputed by Countersign"),
        (f"/systems/mortgage/compare/?first=1&second={number}", "Output distribution"),
        ("/systems/mortgage/approvers/", "compliance officer"),
        ("/policy/high/", "Explanation rehearsal"),
    ):
        clara.open(path)
        expect(office.locator("main")).to_contain_text(words)


def test_break_glass_is_loud_until_an_officer_answers_for_it(sign_in: Callable[..., Desk], tmp_path: Path):
    lars = sign_in("lars")
    page, files = lars.page, _files(tmp_path, factories.trained_logistic())
    lars.open("/systems/mortgage/versions/new/")
    page.get_by_label("Manifest as a file").set_input_files(files["manifest"])
    for name in ("artifact", "background", "evaluation"):
        page.locator(f"input[name={name}]").set_input_files(files[name])
    page.get_by_role("button", name="Register the version").click()
    number = _registered(page)
    page.get_by_text("Release it without approval, in an emergency").click()
    glass = page.get_by_role("form", name="Release without approval")
    glass.get_by_label("What the emergency is").fill("The live model denies everybody.")
    glass.get_by_role("button", name=f"Make version {number} live without approval").click()
    expect(page.get_by_role("alert").first).to_contain_text("went live without approval")

    clara = sign_in("clara")
    expect(clara.page.get_by_role("alert").first).to_contain_text(f"version {number} went live without approval")
    clara.open("/systems/mortgage/production/")
    ratify = clara.page.get_by_role("form", name="waits for an approval")
    ratify.get_by_label("Reason").fill("It was the only way; the evidence holds.")
    if ratify.get_by_label("Your password").count():
        ratify.get_by_label("Your password").fill(PASSWORD)
    ratify.get_by_role("button").click()
    clara.open("/")
    expect(clara.page.get_by_role("alert")).to_have_count(0)


def _registered(page: Page) -> int:
    """The number of the version that the browser is sent on to once it is registered."""
    page.wait_for_url(re.compile(r"/versions/\d+/$"), timeout=SANDBOX_MS)
    return int(page.url.rstrip("/").rpartition("/")[2])


def _files(folder: Path, trained: Trained) -> dict[str, Path]:
    """A model of the demo, as CI would send it."""
    files = {}
    for name in ("manifest", "artifact", "background", "evaluation", "golden"):
        files[name] = folder / name
        files[name].write_bytes(getattr(trained, name))
    return files
