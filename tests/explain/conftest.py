"""An empty queue, and reports as the workers make them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from audit.models import Entry
from explain import services
from explain.models import Explanation
from portal.embedded.paths import redis_socket
from tests import factories

REPORT: dict[str, Any] = {"completeness": "full", "seed": 1, "timings_ms": {"total": 420}}


@pytest.fixture
def broker(server: Path) -> Iterator[redis.Redis]:
    """The tests' Redis, emptied."""
    with redis.Redis(unix_socket_path=str(redis_socket(server))) as client:
        client.flushall()
        yield client


def ask(decision: Entry, username: str = "support", reason: str = "The applicant asks.") -> Explanation:
    """An explanation asked for by this person."""
    actor = factories.person(username).actor
    return services.request_explanation(actor=actor, decision=decision, reason=reason, now=timezone.now())


def claim(explanation: Explanation, *, is_redelivery: bool = False) -> Explanation | None:
    """The explanation in a worker's hands, or None."""
    return services.claim_explanation(
        explanation_id=explanation.id, is_redelivery=is_redelivery, now=timezone.now()
    )
