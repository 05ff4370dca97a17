"""Two people at once: one wins, the other is told what happened."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections
from django.utils import timezone

import registry.approving.services as approving
import registry.releasing.services as releasing
from audit.models import Entry
from portal.errors import Refusal
from registry.models import Release
from tests import factories


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What became of each act, all started together: "done" or the refusal's code."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        start.wait(10)
        try:
            act()
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def test_of_two_releases_after_the_same_release_one_wins(committed: str) -> None:
    factories.released(1)
    factories.approved(2)
    outcome = at_once(*[lambda: factories.released(2, expected_release=1)] * 2)
    assert outcome == ["done", "release_changed"]
    assert list(Release.objects.values_list("number", flat=True)) == [2, 1]
    assert Entry.objects.filter(type="release.created").count() == 2


def test_of_two_judgements_one_wins(committed: str) -> None:
    waiting = factories.cleared(factories.submitted(1))
    second, compliance = factories.person("second_lead").actor, factories.person("compliance").actor

    def approve() -> None:
        approving.approve_version(actor=compliance, version=waiting, reason="Yes.", now=timezone.now())

    def reject() -> None:
        approving.reject_version(actor=second, version=waiting, reason="No.", now=timezone.now())

    assert at_once(approve, reject) == ["done", "wrong_state"]
    assert factories.version(1).approvals.count() == 1


def test_of_a_release_and_a_rollback_neither_is_lost(committed: str) -> None:
    factories.released(1)
    factories.released(2)
    system = factories.version(1).system
    actor = factories.person("lead").actor

    def roll_back() -> None:
        releasing.roll_back(actor=actor, system=system, reason="r", expected_release=2, now=timezone.now())

    assert at_once(roll_back, roll_back) == ["done", "release_changed"]
    assert list(Release.objects.values_list("number", flat=True)) == [3, 2, 1]
