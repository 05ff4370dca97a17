"""The page of retention, for those who set maxima and those who look."""

from __future__ import annotations

import psycopg
from django.utils import timezone

from audit.models import Retention
from audit.retention import policies, queries
from tests import factories

from .conftest import RETENTION, decided_in, keep, month_ago


def test_the_officer_sets_a_maximum(client_of, compliance) -> None:
    factories.decided()
    officer = client_of(compliance)
    assert "for ever" in officer.get("/retention/").text
    page = officer.get("/retention/mortgage/")
    assert "Now: for ever" in page.text
    low = officer.post("/retention/mortgage/", {"system": "mortgage", "months": "5", "reason": "Less."})
    assert low.status_code == 422 and "Art. 19(1) and 26(6)" in low.text and not Retention.objects.exists()
    wrong = officer.post("/retention/mortgage/", {"system": "mortgage", "months": "six", "reason": "Six."})
    assert wrong.status_code == 422
    form = {"system": "other", "months": "6", "reason": "Our schedule."}
    done = officer.post("/retention/mortgage/", form, follow=True)
    assert "at most 6 months" in done.text and Retention.objects.get().system == "mortgage"
    assert officer.get("/retention/nowhere/").status_code == 404
    officer.post("/retention/mortgage/", {**form, "months": ""})
    assert Retention.objects.get().months is None


def test_auditors_look(client_of, auditor) -> None:
    factories.decided()
    keep(12)
    browser = client_of(auditor)
    page = browser.get("/retention/").text
    assert "at most 12 months" in page and "Room for 3 months ahead" in page and "Change" not in page
    assert browser.get("/retention/mortgage/").status_code == 404


def test_volume_and_archives_are_shown(committed, sealed, owner: psycopg.Connection, client_of) -> None:
    month = month_ago(9)
    decided_in(month)
    keep(6)
    owner.execute("analyze audit_entry")
    policies.expire_month(actor=RETENTION, system="mortgage", month=month, now=timezone.now, say=lambda line: None)
    sealed()
    policies.archive_month(actor=RETENTION, month=month, now=timezone.now, say=lambda line: None)
    page = client_of(factories.person("auditor")).get("/retention/").text
    assert f"{month:%B %Y}" in page and "about 1<" in page and "1 entries" in page
    shown = {kept.first_day: kept for kept in queries.months()}
    assert shown[month].entries == 1 and shown[month].bytes > 0 and shown[month].archive


def test_a_missing_month_ahead_is_an_alarm(committed, owner: psycopg.Connection, client_of) -> None:
    browser = client_of(factories.person("compliance"))
    assert "There is no room" not in browser.get("/retention/").text
    first = queries.next_month(queries.first_day_of(timezone.now()))
    for parent in ("entry", "payload", "key", "leaf"):
        owner.execute(f"drop table audit_{parent}_{first:%Y_%m}")
    assert "There is no room for next month" in browser.get("/retention/").text
    assert browser.get("/healthz").status_code == 503
