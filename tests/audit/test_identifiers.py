"""UUIDv7: in the order of making, and usable as bounds in time."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from audit.identifiers import first_id_at, new_id, time_of


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = new_id()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs(datetime.now(UTC) - time_of(made)) < timedelta(seconds=2)


def test_ids_sort_as_they_were_made_also_among_threads() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made) and len(set(made)) == len(made)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [new_id() for _ in range(2_000)], range(4)))
    assert all(run == sorted(run) for run in runs)
    assert len({identifier for run in runs for identifier in run}) == 8_000


def test_bounds_hold_every_id_of_their_moment() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 5_000, UTC)
    milliseconds = int(moment.timestamp() * 1000)
    inside = [new_id(milliseconds) for _ in range(100)]
    assert all(first_id_at(moment) <= identifier for identifier in inside)
    assert all(identifier < first_id_at(moment + timedelta(milliseconds=1)) for identifier in inside)
    assert time_of(first_id_at(moment)) == moment
    assert new_id(milliseconds - 1) < first_id_at(moment)


def test_the_bound_of_a_month_is_the_partitions() -> None:
    # `audit_month_bound` in SQL has zeros where a UUIDv7 has version and variant: no id of the month lies below it.
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    bound = uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
    assert bound < first_id_at(moment)
    assert new_id(int(moment.timestamp() * 1000) - 1) < bound
