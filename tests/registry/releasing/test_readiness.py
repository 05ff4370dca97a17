"""A rollback is armed when it would work now, and the button, the trail and monitoring know it before the incident."""

from __future__ import annotations

import json
from datetime import timedelta

import psycopg
import pytest
from django.test import Client
from django.utils import timezone
from psycopg.conninfo import make_conninfo

import registry.approving.services as approving
import registry.services as registry
from audit.models import Entry
from audit.queries import facts_of
from portal.embedded.paths import run_dir
from portal.errors import Conflict
from registry import store
from registry.gateway.routes import POINTERS, pointers_in
from registry.models import RollbackReadiness, System
from registry.queries import current_release
from registry.releasing import readiness, services
from registry.releasing.readiness import rollback_of, rollback_target
from registry.tasks import READINESS, check_readiness
from tests import factories
from tests.factories import person, released, version

from .conftest import Says


@pytest.fixture
def two(system: System, lead) -> System:
    """Version 2 is live, version 1 stands by."""
    released(1)
    released(2)
    return system


def roll_back(system: System, **changes):
    asked = {"reason": "It denies too many.", "expected_release": None, "now": timezone.now(), **changes}
    return services.roll_back(actor=person("lead").actor, system=system, **asked)


def test_it_is_armed_when_every_gateway_has_the_target_ready(two: System, gateway: Says) -> None:
    gateway("north", warm={1: "", 2: ""})
    gateway("south", warm={1: "", 2: ""})
    found = rollback_of(two)
    assert found.armed and found.target == version(1) and found.problems == ()


def test_each_gateway_that_is_not_ready_is_named_with_why(two: System, gateway: Says) -> None:
    gateway("north", warm={1: "", 2: ""})
    gateway("south", warm={1: "the smoke prediction failed: the model answered with NaN or infinity", 2: ""})
    gateway("west", warm={2: ""})
    gateway("gone", warm={}, seen=-6)
    found = rollback_of(two)
    assert not found.armed and found.is_possible
    assert found.problems == (
        "Gateway south (south.example:8001) does not have version 1 ready: "
        "the smoke prediction failed: the model answered with NaN or infinity.",
        "Gateway west (west.example:8001) does not have version 1 ready: it is not kept loaded there.",
    )


def test_without_any_gateway_it_is_not_armed_but_can_be_made(two: System, gateway: Says) -> None:
    gateway("gone", warm={1: ""}, seen=-6)
    found = rollback_of(two)
    assert not found.armed and found.is_possible
    assert [problem[:25] for problem in found.problems] == ["No gateway has said withi"]
    assert roll_back(two)[0].version == version(1)


def test_inputs_that_the_target_would_refuse_are_named(two: System, gateway: Says) -> None:
    gateway("north", warm={2: "", 3: ""})
    register(maximum=4)
    released(3)
    found = rollback_of(two)
    assert not found.armed and found.is_possible
    words = "Version 2 would not take all that version 3 takes: pirat: values above 3 would be refused."
    assert found.problems == (words,)


@pytest.mark.parametrize("harm", ["altered", "missing"])
def test_an_unusable_artifact_is_an_obstacle_and_refuses_it(
    two: System, gateway: Says, artifact_dir, harm: str
) -> None:
    gateway("north", warm={1: "", 2: ""})
    file = store.path_of(artifact_dir, version(1).artifact_sha256)
    assert rollback_of(two).armed
    file.unlink() if harm == "missing" else file.write_bytes(b"altered")
    found = rollback_of(two)
    assert not found.armed and not found.is_possible
    assert found.problems[0].startswith("The artifact of version 1 cannot be used: the file")
    with pytest.raises(Conflict):
        roll_back(two)


def test_an_untouched_artifact_is_hashed_once_and_again_after_a_while(
    two: System, artifact_dir, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = store.read
    monkeypatch.setattr(store, "read", lambda root, sha256: read.append(sha256) or whole(root, sha256))
    readiness._hashed.clear()
    for _ in range(3):
        rollback_of(two)
    assert len(read) == 1
    monkeypatch.setattr(readiness, "REHASH_SECONDS", 0.0)
    rollback_of(two)
    assert len(read) == 2


class TestTheTarget:
    def test_a_version_that_owes_an_approval_is_never_one(self, system: System, lead, gateway: Says) -> None:
        released(1)
        broken = break_glass(2)
        assert rollback_of(system).target == version(1)
        again = {"actor": lead.actor, "system": system, "strategy": "direct", "reason": "r", "now": timezone.now()}
        services.create_release(version=version(1), expected_release=broken.number, **again)
        assert version(2).state == "quarantined"
        assert rollback_of(system).target is None

    def test_the_gateways_statement_finds_the_same(self, committed: str, server, owner) -> None:
        system = System.objects.get()
        lead, officer = person("lead").actor, person("compliance").actor
        register()

        def agree() -> int | None:
            release = current_release(system)
            ours = rollback_target(system, release) if release else None
            conninfo = make_conninfo(host=str(run_dir(server)), dbname=committed, user="countersign_gateway")
            with psycopg.connect(conninfo) as gateway:
                [pointer] = pointers_in(gateway.execute(POINTERS, [None, None]).fetchall())
            theirs = pointer.standby.number if pointer.standby else None
            assert theirs == (ours.number if ours else None)
            assert pointer.release == (release.number if release else 0)
            return theirs

        seen = [agree()]
        for number in (1, 2, 3, 2):
            released(number)
            seen.append(agree())
        roll_back(system)
        seen.append(agree())
        approving.reinstate_version(actor=officer, version=version(2), reason="Looked at.")
        seen.append(agree())
        released(2)
        seen.append(agree())
        approving.retire_version(actor=lead, version=version(3), reason="Old.")
        seen.append(agree())
        assert seen == [None, None, 1, 2, 3, 1, 1, 3, 1]


class TestNoting:
    def test_the_trail_hears_of_it_when_the_answer_changes(self, two: System, gateway: Says) -> None:
        check_readiness()
        row = RollbackReadiness.objects.get()
        assert (row.is_armed, row.target) == (False, 1) and "No gateway" in row.problems[0]
        assert acts() == []

        north = gateway("north", warm={1: "", 2: ""})
        check_readiness()
        check_readiness()
        assert acts() == ["rollback.armed"]
        gateway("north", warm={2: ""}, instance=north)
        check_readiness()
        check_readiness()
        assert acts() == ["rollback.armed", "rollback.disarmed"]
        told = Entry.objects.get(type="rollback.disarmed")
        assert (told.actor, told.system, told.version) == ("system:readiness", "mortgage", 1)
        assert "it is not kept loaded there" in facts_of(told)["details"]["problems"][0]

    def test_more_problems_than_an_entry_holds_are_cut(self, two: System, lead) -> None:
        armed = readiness.Armed(version(1))
        services.note_readiness(actor=READINESS, system=two, found=armed, now=timezone.now())
        many = readiness.Armed(version(1), warnings=tuple(f"Input {number} {'x' * 2_000}" for number in range(900)))
        row = services.note_readiness(actor=READINESS, system=two, found=many, now=timezone.now())
        assert len(row.problems) == 900 and acts() == ["rollback.armed", "rollback.disarmed"]

    def test_a_system_that_was_never_released_is_left_out(self, system: System) -> None:
        check_readiness()
        assert not RollbackReadiness.objects.exists()

    def test_monitoring_sees_it_and_no_stale_answer(self, two: System, gateway: Says) -> None:
        north = gateway("north", warm={1: "", 2: ""}, serves=current_release(two))
        check_readiness()
        assert 'countersign_rollback_armed{system="mortgage"} 1.0' in metrics()
        assert 'countersign_gateway_off_pointer{system="mortgage"} 0.0' in metrics()
        gateway("north", warm={2: ""}, serves=current_release(two), instance=north)
        assert 'countersign_rollback_armed{system="mortgage"} 1.0' in metrics()
        RollbackReadiness.objects.update(checked_at=timezone.now() - timedelta(seconds=61))
        assert 'countersign_rollback_armed{system="mortgage"} 0.0' in metrics()


def test_page_and_desk_show_it(two: System, gateway: Says, client_of, lead) -> None:
    browser, path = client_of(lead), "/systems/mortgage/production/"
    page = browser.get(path).text
    assert "not armed" in page and "It would be made, but not do all that it should" in page
    assert "Return production to version 1</button>" in page
    assert "not armed" in browser.get("/").text

    gateway("north", warm={1: "", 2: ""}, serves=current_release(two))
    page = browser.get(path).text
    assert "armed</span>" in page and "It would be made, but" not in page and "north.example:8001" in page
    assert "not armed" not in browser.get("/").text


def test_the_page_offers_no_button_that_would_be_refused(two: System, client_of, lead, artifact_dir) -> None:
    store.path_of(artifact_dir, version(1).artifact_sha256).unlink()
    page = client_of(lead).get("/systems/mortgage/production/").text
    assert "Not possible now" in page and "</button>" in page
    assert "Return production to version 1</button>" not in page


def register(**pirat: float) -> None:
    """A third version, whose first input may hold something else."""
    trained = factories.trained_boosting()
    manifest = json.loads(trained.manifest)
    manifest["inputs"]["properties"]["pirat"].update(pirat)
    upload = factories.upload_of(trained, manifest=json.dumps(manifest).encode())
    lead, system = person("lead").actor, System.objects.get()
    registry.register_version(actor=lead, system=system, upload=upload, now=timezone.now())


def break_glass(number: int):
    found = version(number)
    now = timezone.now()
    return services.release_unapproved(
        actor=person("lead").actor, system=found.system, version=found, reason="Urgent.", expected_release=None, now=now
    )


def acts() -> list[str]:
    return list(Entry.objects.filter(type__startswith="rollback.").order_by("id").values_list("type", flat=True))


def metrics() -> str:
    return Client().get("/metrics").text
