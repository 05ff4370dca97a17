"""Clara freezes the dossier; she and Lena sign it; Ava takes the proof along."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_dossier_is_frozen_signed_by_two_and_proven(clara: Desk, lena: Desk, sign_in: Callable[..., Desk]):
    page = clara.page
    clara.open("/systems/mortgage/dossier/")
    page.get_by_role("link", name="Signed dossiers").click()
    page.get_by_role("link", name="Freeze and have it signed").click()
    expect(page.get_by_role("heading", name="mandatory points not settled")).to_be_visible()
    expect(page.get_by_role("link", name="Copy of the EU declaration of conformity")).to_be_visible()
    page.get_by_label("Lena").check()
    page.get_by_label("Clara").check()
    page.get_by_label("Why now").fill("The trial goes on. What is missing is written before it ends.")
    page.get_by_role("button", name="Freeze it and ask for signatures").click()
    page.wait_for_url("**/systems/mortgage/dossiers/*/")

    lena.open("/")
    lena.page.get_by_role("link", name="Sign the dossier of Mortgage").click()
    lena.page.get_by_label("What you sign").fill("The tests are as it says.")
    lena.page.get_by_role("button", name="Sign dossier").click()
    expect(lena.page.get_by_text("1 more to come")).to_be_visible()

    page.get_by_role("button", name="Sign dossier").click()
    expect(page.get_by_text("is complete")).to_be_visible()
    expect(page.get_by_text("The tests are as it says.")).to_be_visible()

    ava = sign_in("ava")
    ava.open(clara.path)
    proof = ava.page.get_by_role("link", name="proof").nth(2)
    while not proof.count():  # sealed within seconds
        ava.page.wait_for_timeout(500)
        ava.page.reload()
    status, said = ava.reads(proof.get_attribute("href") or "")
    assert status == 200 and said.startswith("c2sp.org/tlog-proof@v1")

    ava.page.get_by_role("link", name="Papers and languages").click()
    paper = ava.page.get_by_role("link", name="Technical documentation, Markdown, Deutsch")
    status, said = ava.reads(paper.get_attribute("href") or "")
    assert status == 200 and "# Technische Dokumentation: Mortgage" in said and "unterzeichnet von" in said
