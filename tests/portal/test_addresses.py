"""What strangers put into addresses is a number, a cursor of ours, or nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.addresses import number_in


@pytest.mark.parametrize("text", ["", "²", "٣", "-1", "1.5", " 1", "1\x00", "1" * 10, "9" * 5_000])
def test_what_is_no_number_of_ours_is_none(text: str) -> None:
    assert number_in(text) is None


def test_a_number_is_read() -> None:
    assert (number_in("0"), number_in("007"), number_in("999999999")) == (0, 7, 999_999_999)


LONG = f"2026-01-01T00:00:00Z~{'9' * 5_000}"


@pytest.mark.parametrize("path", ["/incidents/", "/disputes/", "/api/v1/incidents/", "/api/v1/disputes/"])
@pytest.mark.parametrize("cursor", [LONG, "0001-01-01T00:00:00+23:00~1", "9999-12-31T23:59:59-23:59~1", "~"])
def test_a_cursor_that_is_not_ours_leads_nowhere(client_of, compliance, path: str, cursor: str) -> None:
    browser: Client = client_of(compliance)
    assert browser.get(path, {"cursor": cursor}).status_code == 404


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:59"])
def test_a_moment_that_utc_cannot_say_is_none(client_of, compliance, at: str) -> None:
    root = "/api/v1/systems/mortgage/"
    for path in ("production", "timeline"):
        assert client_of(compliance).get(f"{root}{path}/", {"at": at}).status_code == 422


@pytest.mark.parametrize("at", ["0001-01-01T00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:59"])
def test_filters_by_time_hold_against_any_day(client_of, compliance, at: str) -> None:
    browser: Client = client_of(compliance)
    asked = dict.fromkeys(("since", "until", "at", "due_before"), at)
    pages, lists = ("decisions", "systems/mortgage/timeline", "disputes"), ("decisions", "completeness", "disputes")
    for path in (*(f"/{page}/" for page in pages), *(f"/api/v1/{name}/" for name in lists)):
        assert browser.get(path, asked).status_code in (200, 422), path


def test_a_name_that_no_system_has_is_not_there(client_of, compliance) -> None:
    assert client_of(compliance).get("/incidents/new/", {"system": "\x00"}).status_code == 404


@pytest.mark.parametrize("number", ["²", "9" * 5_000])
def test_versions_and_revisions_that_cannot_be_are_not_compared(client_of, compliance, number: str) -> None:
    browser: Client = client_of(compliance)
    asked = dict.fromkeys(("older", "newer", "first", "second"), number)
    for page in ("compare", "classification", "dossiers"):
        assert browser.get(f"/systems/mortgage/{page}/", asked).status_code == 200
    assert browser.get("/api/v1/systems/mortgage/dossier/", {"version": number}).status_code == 422
