"""What a gateway keeps loaded: what is live, what a rollback needs, and what may go live next; and how each does."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from .conftest import Registry, Running, Start, eventually

pytestmark = pytest.mark.anyio


def without_answer(artifacts: list[bytes]) -> bytes:
    """A booster that loads, and answers with NaN: one of its trees says infinity, the other minus infinity."""
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(artifacts[0]))
    model = json.loads(bytes(booster.save_raw("json")))
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    for leaf, tree in zip((1e39, -1e39), trees, strict=False):
        pairs = zip(tree["split_conditions"], tree["left_children"], strict=True)
        tree["split_conditions"] = [leaf if child == -1 else value for value, child in pairs]
    return json.dumps(model).encode()


def warm(running: Running, system: str = "mortgage") -> dict[str, str]:
    return running.gateway.routes.report()[1].get(system, {})


def keeps(running: Running, expected: dict[str, str], system: str = "mortgage") -> Any:
    async def look() -> bool:
        return warm(running, system) == expected

    return look


async def test_the_newest_two_approved_versions_are_kept_beside_live_and_target(
    registry: Registry, start: Start, artifacts: list[bytes]
) -> None:
    for number in (3, 4, 5):
        registry.version(number, artifact=artifacts[number % 3])
    registry.release(2)
    async with start(registry, poll_seconds=60) as running:
        await eventually(keeps(running, dict.fromkeys("1245", "")), 5)
        registry.move(5, "retired")
        await eventually(keeps(running, dict.fromkeys("1234", "")), 5)
        registry.move(1, "retired")
        await eventually(keeps(running, dict.fromkeys("234", "")), 2)
        # One that is live is not let go of, whatever else is.
        assert (await running.decide()).json()["version"] == 2


async def test_polling_finds_what_was_approved(registry: Registry, start: Start) -> None:
    registry.version(3)
    registry.move(3, "draft")
    async with start(registry, poll_seconds=0.2) as running:
        await eventually(keeps(running, {"1": "", "2": ""}), 3)
        running.gateway.follower._tasks[1].cancel()
        await asyncio.sleep(0)
        registry.move(3, "approved")
        await eventually(keeps(running, {"1": "", "2": "", "3": ""}), 3)


async def test_a_release_of_what_is_kept_loads_nothing(registry: Registry, start: Start) -> None:
    async with start(registry) as running:
        await eventually(keeps(running, {"1": "", "2": ""}), 3)
        before = running.gateway.routes._warm.get("mortgage", 2)
        registry.release(2)

        async def served() -> bool:
            return running.gateway.routes.serves() == {"mortgage": 2}

        assert await eventually(served, 1) < 0.5
        assert running.gateway.routes.serving("mortgage").version is before
        assert warm(running) == {"1": "", "2": ""}


async def test_a_system_that_was_never_released_is_ready_for_its_first_release(
    empty: Registry, start: Start
) -> None:
    empty.version(1)
    async with start(empty) as running:
        await eventually(keeps(running, {"1": ""}), 3)
        assert (await running.decide()).json()["error"]["code"] == "system_unknown"
        assert (await running.health())[0] == 200
        empty.release(1)

        async def decided() -> bool:
            return (await running.decide()).status_code == 200

        await eventually(decided, 1)


async def test_a_failed_prediction_on_trial_is_said_of_the_version(
    registry: Registry, start: Start, artifacts: list[bytes]
) -> None:
    registry.version(3, artifact=without_answer(artifacts))
    async with start(registry) as running:

        async def told() -> bool:
            return warm(running).get("3", "").startswith("the smoke prediction failed: the model answered with")

        await eventually(told, 5)
        assert (await running.health())[0] == 200
        registry.release(3)

        async def unhealthy() -> bool:
            status, health = await running.health()
            return status == 503 and "mortgage: the smoke prediction failed" in str(health["problems"])

        await eventually(unhealthy, 2)
        registry.release(1, leaves="quarantined")

        async def healthy() -> bool:
            return (await running.health())[0] == 200

        await eventually(healthy, 2)


async def test_what_is_live_and_the_target_are_tried_again_and_again(
    registry: Registry, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.gateway.warming.SMOKE_SECONDS", 0.05)
    registry.release(2)
    async with start(registry) as running:
        await eventually(keeps(running, {"1": "", "2": ""}), 3)
        first = await scored(running)
        await asyncio.sleep(0.5)
        # Two versions, each about every 50 ms.
        assert await scored(running) - first >= 8
        version = running.gateway.routes._warm.get("mortgage", 1)
        assert version is not None
        version.close()  # its thread is gone: no prediction any more

        async def told() -> bool:
            return warm(running)["1"] == "the smoke prediction failed: RuntimeError"

        await eventually(told, 2)


async def scored(running: Running) -> float:
    found = re.search(r"gateway_score_batch_rows_count (\S+)", (await running.http.get("/metrics")).text)
    assert found
    return float(found[1])
