"""What the integrity page and the desks say of the record: whole as far as it was checked, or in doubt, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from audit.identifiers import new_id
from audit.models import Verification
from tests import factories
from tests.sealing import seal


@pytest.fixture
def record(committed: str, owner, tmp_path: Path) -> None:
    """A sealed decision, and a sealer that has just said that it is there."""
    factories.decided()
    seal(committed, tmp_path)
    owner.execute("update audit_sealer set beat_at = now()")


def checked(verdict: str) -> None:
    facts = {"entries": 12, "size": 12, "seconds": 0.5, "since": None}
    Verification.objects.create(
        id=new_id(), at=timezone.now(), verdict=verdict, details={"contradictions": [{"what": "leaf 3"}]}, **facts
    )


def page_and_desk(client_of) -> tuple[str, str]:
    browser = client_of(factories.person("auditor"))
    return browser.get("/trail/integrity/").text, browser.get("/").text


def test_what_is_sealed_but_not_checked_is_told_so(record: None, client_of) -> None:
    page, desk = page_and_desk(client_of)
    assert "whether the stored entries still agree was not checked in full yet" in page
    assert "The record is whole" not in page and "in doubt" not in desk and "sealed" in desk


def test_what_was_checked_is_whole_as_far_as_that_goes(record: None, client_of) -> None:
    checked("verified")
    page, desk = page_and_desk(client_of)
    assert "The record is whole as far as it was checked: 12 entries were hashed anew" in page
    assert "the last full check found them whole" in desk


@pytest.mark.parametrize(
    "harm,on_page,on_desk",
    [
        ("update audit_sealer set problem = 'It was forked.'", "it is not being sealed", "It was forked."),
        ("update audit_sealer set beat_at = now() - interval '1 hour'", "The sealer does not run.", "in doubt"),
    ],
)
def test_a_sealer_that_stopped_is_told_loudly(record: None, owner, client_of, harm: str, on_page: str, on_desk: str):
    checked("verified")
    owner.execute(harm)
    page, desk = page_and_desk(client_of)
    assert "The record is whole" not in page and "not known to be whole" in page and on_page in page
    assert "in doubt" in desk and on_desk in desk


def test_a_contradicted_check_is_told_loudly(record: None, client_of) -> None:
    checked("verified")
    checked("contradicted")
    page, desk = page_and_desk(client_of)
    assert "the last full check found what was changed or is missing" in page and "leaf 3" in page
    assert "The last full check found that the record was changed." in desk


def test_the_newest_checkpoints_are_listed_with_their_roots(record: None, client_of, owner) -> None:
    size, root = owner.execute("select size, encode(root, 'hex') from audit_tree").fetchone()
    page, _ = page_and_desk(client_of)
    assert root in page and f">{size}</td>" in page
    for address in ("/log/checkpoint", "/log/vkeys"):
        assert f'href="{address}"' in page
