"""Releases that want every gateway ready, and those that nobody approved: who may, what is recorded, what follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

import registry.approving.services as approving
from audit.models import Entry
from audit.queries import facts_of, text_of
from portal.accounts.access import actor_for_process
from portal.errors import Conflict, Forbidden, Invalid
from registry import store
from registry.models import Ratification, Release, System
from registry.queries import owes_approval
from registry.releasing import services
from registry.releasing.gateways import pointer_of
from tests.factories import ANSWERS, PASSWORD, approved, classified, person, released, submitted, version

from .conftest import Says

RELEASES = "/api/v1/systems/mortgage/releases/"
PAGES = "/systems/mortgage/production/"


def release(number: int, strategy: str = "direct", **changes) -> Release:
    found = version(number)
    asked = {"reason": "r", "expected_release": None, "now": timezone.now(), **changes}
    return services.create_release(
        actor=person("lead").actor, system=found.system, version=found, strategy=strategy, **asked
    )


def break_glass(number: int, actor=None, **changes) -> Release:
    found = version(number)
    asked = {"reason": "The live model denies everybody.", "expected_release": None, "now": timezone.now(), **changes}
    return services.release_unapproved(actor=actor or person("lead").actor, system=found.system, version=found, **asked)


def ratify(made: Release, username: str = "compliance"):
    asked = {"release": made, "reason": "Looked at the gates.", "now": timezone.now()}
    return services.ratify_release(actor=person(username).actor, **asked)


def post(client: Client, path: str, **body):
    return client.post(path, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("letter, today", [("c", "2026-07-27"), ("ba", "2026-12-02")])
def test_nothing_goes_live_of_a_system_that_does_what_nobody_may_do(
    system: System, lead, letter: str, today: str
) -> None:
    approved(1)
    submitted(2)
    found = {"found": True, "note": "The complaints of spring say so."}
    classified(practices={**ANSWERS["practices"], letter: found})
    now = datetime.fromisoformat(f"{today}T09:00:00+00:00")
    for attempt in (release, break_glass):
        with pytest.raises(Conflict, match=rf"Art\. 5\(1\)\({letter}\)") as refused:
            attempt(1 if attempt is release else 2, now=now)
        assert refused.value.code == "prohibited_practice"
    assert not Release.objects.exists()
    if letter == "ba":
        assert release(1, now=now - timedelta(days=1)).number == 1, "it was not prohibited then"


class TestBlueGreen:
    def test_it_goes_live_where_every_gateway_has_it_ready(self, system: System, lead, gateway: Says) -> None:
        approved(1)
        gateway("north", warm={1: ""})
        gateway("south", warm={1: "", 2: "it is being loaded"})
        assert release(1, "blue_green").strategy == "blue_green"

    @pytest.mark.parametrize(
        "warm,why",
        [
            ({}, "it is not kept loaded there"),
            ({1: "it has not been tried out yet"}, "it has not been tried out yet"),
            ({1: "it cannot be loaded: no"}, "it cannot be loaded: no"),
        ],
    )
    def test_one_that_is_not_ready_refuses_it_by_name(
        self, system: System, lead, gateway: Says, warm: dict, why: str
    ) -> None:
        approved(1)
        gateway("north", warm={1: ""})
        gateway("south", warm=warm)
        with pytest.raises(Conflict, match="Gateway south") as refused, transaction.atomic():
            release(1, "blue_green")
        assert refused.value.code == "not_ready" and why in refused.value.message
        assert "north" not in refused.value.message and not Release.objects.exists()
        assert release(1, "direct").number == 1

    def test_no_gateway_at_all_refuses_it(self, system: System, lead, gateway: Says) -> None:
        approved(1)
        gateway("gone", warm={1: ""}, seen=-6)
        with pytest.raises(Conflict, match="No gateway has said"):
            release(1, "blue_green")

    @pytest.mark.parametrize("strategy,words", [("canary", "come later"), ("shadow", "come later"), ("hope", "not s")])
    def test_what_comes_later_says_so(self, system: System, lead, strategy: str, words: str) -> None:
        approved(1)
        with pytest.raises(Invalid, match=words):
            release(1, strategy)


class TestBreakingGlass:
    @pytest.mark.parametrize("prepare", [version, submitted])
    def test_it_goes_live_and_the_trail_says_what_was_missing(
        self, system: System, lead, prepare: Callable
    ) -> None:
        released(2)
        prepare(1)
        made = break_glass(1, expected_release=1)
        assert (made.number, made.is_break_glass, made.is_rollback) == (2, True, False)
        assert (version(1).state, version(1).submitted_by, version(2).state) == ("live", "user:lead", "standby")
        assert owes_approval(version(1)) and not owes_approval(version(2))
        told = Entry.objects.get(type="release.broke_glass")
        assert (told.actor, told.version, told.release) == ("user:lead", 1, 2)
        details = facts_of(told)["details"]
        assert details["replaced_version"] == 2 and "latency: missing" in details["missing_gates"]
        assert "artifact" not in details["missing_gates"]
        assert text_of(told.id) == "The live model denies everybody."

    def test_who_submitted_stays_who_submitted(self, system: System, lead, second_lead) -> None:
        submitted(1)
        break_glass(1, person("second_lead").actor)
        assert version(1).submitted_by == "user:lead"

    def test_persons_with_the_right_only(self, system: System, lead) -> None:
        for username in ("compliance", "support", "auditor", "outsider"):
            with pytest.raises(Forbidden, match="release:break_glass"):
                break_glass(1, person(username).actor)
        with pytest.raises(Forbidden, match="Only a person"):
            break_glass(1, actor_for_process("alarm"))

    def test_what_was_approved_rejected_or_is_live_needs_no_glass(self, system: System, lead) -> None:
        approved(1)
        with pytest.raises(Conflict, match="version 1 is approved, and must be draft or submitted"):
            break_glass(1)
        released(1)
        with pytest.raises(Conflict, match="version 1 is live"):
            break_glass(1)

    def test_compare_and_set_and_the_artifact_hold_here_too(self, system: System, lead, artifact_dir) -> None:
        released(2)
        with pytest.raises(Conflict, match="release 1 is in force, not 0"), transaction.atomic():
            break_glass(1, expected_release=0)
        store.path_of(artifact_dir, version(1).artifact_sha256).write_bytes(b"altered")
        with pytest.raises(Conflict, match="no longer hashes"), transaction.atomic():
            break_glass(1)
        assert version(1).state == "draft"

    def test_a_rollback_leaves_it(self, system: System, lead) -> None:
        released(2)
        break_glass(1)
        asked = {"reason": "No.", "expected_release": 2, "now": timezone.now()}
        made, replaced = services.roll_back(actor=person("lead").actor, system=system, **asked)
        assert (made.version, replaced) == (version(2), version(1)) and version(1).state == "quarantined"


class TestRatifying:
    def test_it_may_then_stand_by_and_be_returned_to(self, system: System, lead) -> None:
        made = break_glass(1)
        before = Entry.objects.count()
        ratify(made)
        assert Entry.objects.count() == before + 1
        told = Entry.objects.get(type="release.ratified")
        assert (told.actor, told.release) == ("user:compliance", 1) and text_of(told.id) == "Looked at the gates."
        assert not owes_approval(version(1))
        released(2)
        assert version(1).state == "standby"

    def test_unratified_it_is_quarantined_by_the_next_and_stays_there(self, system: System, lead) -> None:
        made = break_glass(1)
        released(2)
        assert version(1).state == "quarantined"
        asked = {"actor": person("compliance").actor, "reason": "Fine.", "version": version(1)}
        with pytest.raises(Conflict, match="ratif"), transaction.atomic():
            approving.reinstate_version(**asked)
        ratify(made)
        assert approving.reinstate_version(**asked).state == "approved"

    def test_neither_who_released_nor_who_submitted(self, system: System, lead) -> None:
        submitted(1, by="second_lead")
        made = break_glass(1)
        for username in ("lead", "second_lead"):
            with pytest.raises(Forbidden, match="somebody else must ratify"):
                ratify(made, username)
        for username in ("support", "auditor", "outsider"):
            with pytest.raises(Forbidden, match="version:approve"):
                ratify(made, username)
        asked = {"release": made, "reason": "r", "now": timezone.now()}
        with pytest.raises(Forbidden, match="Only a person"):
            services.ratify_release(actor=actor_for_process("alarm"), **asked)
        assert ratify(made).ratified_by == "user:compliance"

    def test_once_and_only_what_needs_it(self, system: System, lead) -> None:
        made = break_glass(1)
        ratify(made)
        with pytest.raises(Conflict, match="ratified already"), transaction.atomic():
            ratify(made)
        with pytest.raises(Conflict, match="was approved before"):
            ratify(released(2))

    def test_the_database_keeps_one(self, system: System, lead) -> None:
        made = break_glass(1)
        ratify(made)
        with pytest.raises(IntegrityError), transaction.atomic():
            Ratification.objects.create(release=made, ratified_by="user:x", reason="", ratified_at=timezone.now())


class TestPages:
    def test_a_lead_breaks_glass_and_an_officer_ratifies(self, system: System, client_of, lead, compliance) -> None:
        sent = {"version": 1, "expected_release": 0, "reason": "Urgent."}
        browser = client_of(lead, fresh=False)
        assert browser.post(f"{PAGES}break-glass/", sent).status_code == 403 and not Release.objects.exists()
        assert browser.post(f"{PAGES}break-glass/", {**sent, "password": "guess"}).status_code == 403
        done = browser.post(f"{PAGES}break-glass/", {**sent, "password": PASSWORD}, follow=True)
        assert "version 1 is live without approval" in done.text and 'role="alert"' in done.text
        assert "somebody else must ratify it" in done.text and "Ratify release 1</button>" not in done.text

        officer = client_of(compliance, fresh=False)
        page = officer.get(PAGES).text
        assert "Ratify release 1</button>" in page and 'type="password"' in page
        asked = {"release": 1, "reason": "Looked at."}
        assert officer.post(f"{PAGES}ratify/", asked).status_code == 403
        done = officer.post(f"{PAGES}ratify/", {**asked, "password": PASSWORD}, follow=True)
        assert "Release 1 is ratified." in done.text and "waits for" not in done.text and "ratified later" in done.text
        assert officer.post(f"{PAGES}ratify/", asked).status_code == 409

    def test_a_release_that_is_not_there_is_a_404(self, system: System, client_of, compliance) -> None:
        asked = {"release": 9, "reason": "Looked at."}
        assert client_of(compliance).post(f"{PAGES}ratify/", asked).status_code == 404


class TestApi:
    def test_break_glass_and_ratify(self, system: System, client_of, lead, compliance) -> None:
        browser = client_of(lead, fresh=False)
        asked = {"version": 1, "reason": "Urgent.", "break_glass": True}
        refused = post(browser, RELEASES, **asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "password_needed")
        made = post(browser, RELEASES, **asked, password=PASSWORD)
        assert made.status_code == 201
        assert made.json() == {"release": 1, "version": 1, "strategy": "direct", "is_break_glass": True}

        officer = client_of(compliance)
        ratified = post(officer, f"{RELEASES}1/ratify/", reason="Looked at.")
        assert ratified.status_code == 201
        assert ratified.json().items() >= {"release": 1, "version": 1, "ratified_by": "user:compliance"}.items()
        assert post(officer, f"{RELEASES}1/ratify/", reason="Again.").status_code == 409
        assert post(officer, f"{RELEASES}7/ratify/", reason="Which?").status_code == 404

    def test_a_service_breaks_no_glass(self, system: System, api, lead) -> None:
        refused = post(api("release"), RELEASES, version=1, reason="Alarm.", break_glass=True)
        assert refused.status_code == 403 and Release.objects.count() == 0

    def test_blue_green(self, system: System, api, lead, gateway: Says) -> None:
        approved(1)
        asked = {"version": 1, "strategy": "blue_green", "reason": "r", "expected_release": 0}
        service = api("release")
        refused = post(service, RELEASES, **asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_ready")
        gateway("north", warm={1: ""})
        assert post(service, RELEASES, **asked).json()["strategy"] == "blue_green"
        assert pointer_of(Release.objects.get())["release"] == 1
