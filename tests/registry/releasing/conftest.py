"""Gateways that say something of themselves, without running: the portal cannot write their reports, the owner can."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from portal.embedded import postgres
from registry.models import Release, System
from registry.releasing.gateways import pointer_of

Says = Callable[..., uuid.UUID]


@pytest.fixture
def gateway(server: Path, db: None) -> Iterator[Says]:
    """Adds a report, seen so many seconds ago, or in so many; what is not told is as it should be."""
    with postgres.owner_connection(server, str(connection.settings_dict["NAME"])) as owner:

        def says(
            name: str = "north",
            *,
            serves: Release | dict[str, Any] | None = None,
            warm: dict[int, str] | None = None,
            seen: float = 0,
            instance: uuid.UUID | None = None,
        ) -> uuid.UUID:
            served = {"mortgage": pointer_of(serves)} if isinstance(serves, Release) else serves or {}
            kept = {"mortgage": {str(number): why for number, why in (warm or {}).items()}}
            row = [instance or uuid.uuid4(), name, f"{name}.example:8001", seen, json.dumps(served), json.dumps(kept)]
            owner.execute(
                "insert into registry_gatewayreport (instance, name, address, started_at, seen_at, serves, warm) values"
                " (%s, %s, %s, now() - interval '1 day', clock_timestamp() + %s * interval '1 s', %s, %s)"
                " on conflict (instance) do update set seen_at = excluded.seen_at, serves = excluded.serves,"
                " warm = excluded.warm",
                row,
            )
            return row[0]

        yield says
        owner.execute("delete from registry_gatewayreport")


@pytest.fixture
def system(db: None) -> System:
    """The seeded system."""
    return System.objects.get()
