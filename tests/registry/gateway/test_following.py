"""Releases, artifacts and tokens change while the gateway runs; it follows, or says that it does not."""

from __future__ import annotations

import asyncio
import os

import pytest

from registry import store
from registry.gateway.following import Follower

from .conftest import TOKEN, Registry, Running, Start, eventually

pytestmark = pytest.mark.anyio
BEARER = {"authorization": f"Bearer {TOKEN}"}


async def served(running: Running) -> tuple[int, int]:
    said = (await running.http.get("/v1/systems/mortgage/production", headers=BEARER)).json()
    return said["release"], said["version"]


async def test_a_release_and_a_rollback_arrive_by_notification(registry: Registry, start: Start) -> None:
    async with start(registry, poll_seconds=60) as running:
        await eventually(lambda: listening(running), 2)
        registry.release(2)
        await eventually(lambda: serves(running, 2, 2), 1)
        said = (await running.http.get("/v1/systems/mortgage/production", headers=BEARER)).json()
        assert said["standby"] == {"version": 1, "warm": True}

        registry.release(1, leaves="quarantined")
        assert await eventually(lambda: serves(running, 3, 1), 1) < 0.5
        answer = (await running.decide()).json()
        assert (answer["release"], answer["version"]) == (3, 1)


async def test_polling_finds_a_release_when_nobody_listens(
    registry: Registry, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(self: Follower) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(Follower, "_listen", deaf)
    async with start(registry, poll_seconds=0.2) as running:
        registry.release(2)
        await eventually(lambda: serves(running, 2, 2), 1)
        assert (await running.health())[1]["warnings"] == ["not listening for releases; polling every second instead"]


async def test_listening_comes_back_after_the_connection_broke(registry: Registry, start: Start) -> None:
    async with start(registry, poll_seconds=60) as running:
        await eventually(lambda: listening(running), 2)
        registry.owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and usename = 'countersign_gateway' and query like 'listen%'"
        )
        registry.release(2)
        await eventually(lambda: serves(running, 2, 2), 3)


@pytest.mark.parametrize("harm", ["missing", "altered", "not a model"])
async def test_a_version_that_cannot_be_loaded_leaves_the_old_route_and_says_so(
    registry: Registry, start: Start, harm: str
) -> None:
    data = b"no model" if harm == "not a model" else registry.artifacts[2]
    digest = registry.version(3, artifact=data, keep=harm != "missing")
    if harm == "altered":
        path = store.path_of(registry.artifact_dir, digest)
        os.chmod(path, 0o644)
        path.write_bytes(registry.artifacts[1])

    async with start(registry) as running:
        registry.release(3)
        await eventually(lambda: unhealthy(running), 2)
        status, health = await running.health()
        answer = (await running.decide()).json()

    assert status == 503
    assert "release 2 (version 3) is not served" in health["problems"][0]
    assert "release 1 (version 1) is still served" in health["problems"][0]
    assert (answer["release"], answer["version"]) == (1, 1)


async def test_a_first_version_that_cannot_be_loaded_fails_and_is_recorded(empty: Registry, start: Start) -> None:
    empty.version(1, keep=False)
    empty.release(1)

    async with start(empty) as running:
        answer = await running.decide()
        status, health = await running.health()

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "version_not_loaded")
    assert empty.entry(answer.json()["decision_id"])["status"] == "failed"
    assert status == 503
    assert "missing" in health["problems"][0]


async def test_an_artifact_that_comes_back_is_loaded(
    registry: Registry, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.gateway.warming.RETRY_LOAD_SECONDS", 0.1)
    registry.version(3, keep=False)
    async with start(registry, poll_seconds=0.2) as running:
        registry.release(3)
        await eventually(lambda: unhealthy(running), 2)
        store.put(registry.artifact_dir, registry.artifacts[2])
        await eventually(lambda: serves(running, 2, 3), 2)
        assert (await running.health())[0] == 200


async def test_a_rollback_target_that_is_gone_is_a_warning(registry: Registry, start: Start) -> None:
    digest = registry.version(3)
    registry.release(3)
    registry.release(2)
    store.path_of(registry.artifact_dir, digest).unlink()

    async with start(registry) as running:
        status, health = await running.health()

    assert status == 200
    assert any("version 3, the rollback target, is not loaded" in line for line in health["warnings"])


async def test_a_revoked_token_stops_working_and_a_new_one_works_at_once(registry: Registry, start: Start) -> None:
    async with start(registry, poll_seconds=60) as running:
        await eventually(lambda: listening(running), 2)
        assert (await running.decide()).status_code == 200
        registry.token("cs_new", "decide")
        assert (await running.decide(authorization="Bearer cs_new")).status_code == 200
        registry.owner.execute("update accounts_token set revoked_at = now() where name = 'decide'")
        await eventually(lambda: turned_away(running), 1)


async def test_guessing_tokens_does_not_reach_the_database_for_long(registry: Registry, running: Running) -> None:
    asked = 0
    execute = running.gateway.tokens._session.execute

    async def counting(*arguments: object) -> object:
        nonlocal asked
        asked += 1
        return await execute(*arguments)  # type: ignore[arg-type]

    running.gateway.tokens._session.execute = counting  # type: ignore[method-assign, assignment]
    for number in range(50):
        assert (await running.decide(authorization=f"Bearer guess{number}")).status_code == 401
    # The poll may ask once more meanwhile.
    assert asked <= 15


async def listening(running: Running) -> bool:
    return running.gateway.follower.is_listening


async def serves(running: Running, release: int, version: int) -> bool:
    return await served(running) == (release, version)


async def unhealthy(running: Running) -> bool:
    status, health = await running.health()
    return status == 503 and "being loaded" not in str(health["problems"])


async def turned_away(running: Running) -> bool:
    return (await running.decide()).status_code == 401
