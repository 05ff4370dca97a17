"""A case about the version that is live."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import registry.incidents.services as incidents
from registry.incidents.clocks import Judged
from registry.models import Incident
from tests import factories


def judged(**changes: Any) -> Judged:
    """An infringement of fundamental rights, known since yesterday."""
    facts = {"kind": "rights", "role": "provider", "aware_at": timezone.now() - timedelta(days=1)}
    return Judged(**{**facts, **changes})


def open_case(*, by: str = "support", versions: tuple[int, ...] = (1,), links: Any = (), **changes: Any) -> Incident:
    """A case about these versions of the seeded system."""
    return incidents.open_incident(
        actor=factories.person(by).actor,
        system=factories.version(1).system,
        versions=[factories.version(number) for number in versions],
        description="Single applicants were denied more often than the data explain.",
        judged=judged(**changes),
        links=links,
        now=timezone.now(),
    )


@pytest.fixture
def case(lead) -> Incident:
    """A case that a support agent opened about version 1, which is live; version 2 is approved."""
    factories.released(1)
    factories.approved(2)
    return open_case()


@pytest.fixture
def act(compliance) -> Callable[..., Any]:
    """What the compliance officer does with a case."""

    def done(service: Callable[..., Any], *args: Any, **facts: Any) -> Any:
        return service(*args, actor=compliance.actor, now=timezone.now(), **facts)

    return done
