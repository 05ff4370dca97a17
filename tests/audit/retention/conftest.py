"""Months of the past with decisions in them, and the sealer's work done at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit.identifiers import new_id
from audit.models import Entry
from audit.retention import services
from audit.retention.queries import start_of
from portal.accounts.access import Actor, actor_for_process
from portal.times import months_before
from tests import factories
from tests.sealing import seal

RETENTION = actor_for_process("retention")


def month_ago(months: int) -> date:
    """The first day of the month so many months back."""
    return months_before(timezone.now().astimezone(UTC).replace(day=1), months).date()


def decided_in(month: date, day: int = 10, **changes: Any) -> Entry:
    """A decision of that month."""
    factories.make_month(start_of(month))
    moment = datetime(month.year, month.month, day, 12, tzinfo=UTC)
    return factories.decided(id=new_id(int(moment.timestamp() * 1000)), **changes)


def officer() -> Actor:
    """Sets maxima."""
    return factories.person("compliance").actor


def keep(months: int | None, system: str = "mortgage") -> Any:
    """The system's maximum."""
    facts = {"actor": officer(), "system": system, "reason": "Our schedule of retention."}
    return services.set_retention(months=months, now=timezone.now(), **facts)


@pytest.fixture
def sealed(committed: str, tmp_path: Path) -> Callable[[], Any]:
    """Seals all that waits."""
    return lambda: seal(committed, tmp_path)
