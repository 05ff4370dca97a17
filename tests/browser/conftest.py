"""The whole product with its demo data, a real browser, and the demo's people at their desks.

Everything here lives as long as this folder's tests: Playwright keeps an event loop in the main thread, which tests of
the ORM and of async code would stumble over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, Response, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from portal.demo.people import PASSWORD
from tests.product import Product

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHROMIUM_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
APPLICANT = {
    **{"pirat": 0.22, "hirat": 0.2, "lvrat": 0.8, "chist": 5, "mhist": 2, "phist": "no", "unemp": 3.9},
    **{"selfemp": "no", "insurance": "no", "condomin": "no", "single": "no", "hschool": "yes"},
}


@dataclass
class Desk:
    """Somebody signed in at a browser. What goes wrong there without anybody seeing it is kept in `complaints`."""

    page: Page
    portal: str
    complaints: list[str] = field(default_factory=list)
    _refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._hear(message.type, message.text, message.location["url"]))
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error at {self.page.url}: {error}"))
        self.page.on("request", self._sent)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def open(self, path: str) -> None:
        """Go there, as by typing the address."""
        answer = self.page.goto(self.portal + path)
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"

    def meets(self, status: int, path: str) -> str:
        """Go there and be refused with the status; the page's words."""
        self._refused.add(self.portal + path)
        answer = self.page.goto(self.portal + path)
        assert answer is not None and answer.status == status, f"{path}: {answer and answer.status}"
        return self.page.inner_text("main")

    def posts(self, path: str, **form: str) -> tuple[int, str]:
        """Send a form that no page offers; the status and the body of the answer."""
        token = next(cookie["value"] for cookie in self.page.context.cookies() if cookie["name"] == "csrftoken")
        answer = self.page.request.post(self.portal + path, form={"csrfmiddlewaretoken": token, **form})
        return answer.status, answer.text()

    def reads(self, path: str) -> tuple[int, str]:
        """Ask for an address without showing it; the status and the body of the answer."""
        answer = self.page.request.get(self.portal + path)
        return answer.status, answer.text()

    @property
    def path(self) -> str:
        """Where the browser is."""
        return urlsplit(self.page.url).path

    def _hear(self, kind: str, text: str, url: str) -> None:
        if kind in ("error", "warning") and url not in self._refused:
            self.complaints.append(f"console {kind} at {self.page.url}: {text}")

    def _sent(self, request: Request) -> None:
        if not request.url.startswith((self.portal, "data:", "blob:")):
            self.complaints.append(f"{self.page.url} asked another server: {request.url}")

    def _failed(self, request: Request) -> None:
        # Whoever leaves a page gives up what it was loading.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.method} {request.url} failed: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.url not in self._refused:
            self.complaints.append(f"{response.request.method} {response.url} was answered {response.status}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; where it is missing the journeys are skipped, or fail where they are required."""
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        except PlaywrightError as error:
            reason = f"Chromium cannot be started, so no page was tried: {str(error).splitlines()[0]}"
            if os.environ.get("REQUIRE_BROWSER") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        yield started
        started.close()


@pytest.fixture(scope="package")
def product(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product with the demo's data, as `make demo` starts it."""
    product = Product(tmp_path_factory.mktemp("var"), DEMO_MODE="1")
    try:
        product.start("--demo", until="demo data is there", seconds=300)
        yield product
    finally:
        product.end()


@pytest.fixture
def sign_in(browser: Browser, product: Product) -> Iterator[Callable[..., Desk]]:
    """Seats one of the demo's people at a browser of their own; fails the test when that browser had to complain."""
    desks: list[Desk] = []

    def sit_down(username: str, **options: Any) -> Desk:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(15_000)
        desk = Desk(context.new_page(), product.portal)
        desks.append(desk)
        desk.open("/sign-in/")
        desk.page.get_by_label("Username").fill(username)
        desk.page.get_by_label("Password").fill(PASSWORD)
        desk.page.get_by_role("button", name="Sign in").click()
        desk.page.wait_for_url(f"{product.portal}/")
        return desk

    yield sit_down
    for desk in desks:
        desk.page.context.close()
    assert [complaint for desk in desks for complaint in desk.complaints] == []


@pytest.fixture
def sam(sign_in: Callable[..., Desk]) -> Desk:
    """The support agent."""
    return sign_in("sam")


@pytest.fixture
def lena(sign_in: Callable[..., Desk]) -> Desk:
    """The ML lead."""
    return sign_in("lena")


@pytest.fixture
def clara(sign_in: Callable[..., Desk]) -> Desk:
    """The compliance officer."""
    return sign_in("clara")


@pytest.fixture
def ava(sign_in: Callable[..., Desk]) -> Desk:
    """The external auditor."""
    return sign_in("ava")


@pytest.fixture(scope="package")
def decide(product: Product) -> Iterator[Callable[[], dict[str, Any]]]:
    """Asks the real gateway for a decision, as a caller does; gives its answer."""
    token = product.issue_token("journeys", "decide")
    with httpx.Client(base_url=product.gateway, headers={"authorization": f"Bearer {token}"}, timeout=10) as client:

        def ask() -> dict[str, Any]:
            answer = client.post("/v1/systems/mortgage/decide", json={"subject": "journey-1", "inputs": APPLICANT})
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield ask


@pytest.fixture(scope="package")
def denied(product: Product) -> Callable[[], str]:
    """References of applicants whom version 1 denied and the demo left in peace, another one each time."""
    token = product.issue_token("finder", "read")
    answer = httpx.get(
        f"{product.portal}/api/v1/decisions/",
        params={"system": "mortgage", "label": "deny", "version": "1"},
        headers={"authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text
    # The demo's loan desk numbers its requests as it numbers the applicants.
    found = [item["request_id"].replace("application-", "applicant-") for item in answer.json()["results"]]
    return iter(found).__next__
