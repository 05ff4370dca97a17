"""No answer without a record, one record for one key, and what happens when PostgreSQL is not there."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from audit.encryption import Keyring
from audit.records import DecisionFacts, Draft, Mode, Status, decision_draft

from .conftest import INPUTS, SUBJECT_KEY, Registry, Running, Start, eventually

pytestmark = pytest.mark.anyio


async def test_many_requests_at_once_under_one_key_are_one_decision(registry: Registry, running: Running) -> None:
    answers = await asyncio.gather(*(running.decide(idempotency_key="k-1") for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert registry.decisions() == 1
    assert registry.one("select count(*) from audit_idempotency") == 1


async def test_a_repeat_gets_the_stored_answer_even_from_another_gateway_after_a_release(
    registry: Registry, start: Start
) -> None:
    async with start(registry) as running:
        first = await running.decide(idempotency_key="k-1")
    registry.release(2)
    async with start(registry) as running:
        again = await running.decide(idempotency_key="k-1")
        other = await running.decide(idempotency_key="k-2")

    assert again.content == first.content
    assert other.json()["version"] == 2
    assert registry.decisions() == 2


async def test_two_gateways_at_once_make_one_decision(registry: Registry, start: Start) -> None:
    async with start(registry) as one, start(registry) as two:
        pairs = [
            await asyncio.gather(*(running.decide(idempotency_key=f"k-{number}") for running in (one, two)))
            for number in range(20)
        ]

    assert all(left.content == right.content for left, right in pairs)
    assert registry.decisions() == 20


@pytest.mark.parametrize("at_once", [True, False])
async def test_another_body_under_the_same_key_is_a_conflict(
    registry: Registry, running: Running, at_once: bool
) -> None:
    requests = [running.decide(idempotency_key="k-1"), running.decide({**INPUTS, "pirat": 1}, idempotency_key="k-1")]
    first, other = await asyncio.gather(*requests) if at_once else [await requests[0], await requests[1]]

    assert first.status_code == 200
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert registry.entry(other.json()["decision_id"])["status"] == "refused"


async def test_an_erased_answer_is_not_given_again_and_the_next_one_is(registry: Registry, running: Running) -> None:
    given = (await running.decide(idempotency_key="order-7")).json()
    token = registry.one("select token from audit_key where entry_id = %s", given["decision_id"])
    erasure = registry.one(
        "insert into audit_erasure (id, system, token, reason, requested_by, requested_at, state, decided_by,"
        " decided_at, override_reason) values (gen_random_uuid(), 'mortgage', %s, 'r', 'user:a', now(), 'confirmed',"
        " 'user:b', now(), 'Counsel decided so.') returning id",
        token,
    )
    assert str(registry.one("select audit_erase(%s)", erasure)) == given["decision_id"]
    repeat = await running.decide(idempotency_key="order-7")
    assert (repeat.status_code, repeat.json()["error"]["code"]) == (409, "answer_erased")
    assert "score" not in repeat.text
    assert registry.one("select wrapped from audit_key where entry_id = %s", given["decision_id"]) is None
    later = await running.decide(idempotency_key="order-8")
    assert later.status_code == 200 and registry.payloads(later.json()["decision_id"])[2]


async def test_a_refused_request_holds_no_key(registry: Registry, running: Running) -> None:
    refused = await running.decide({**INPUTS, "pirat": -1}, idempotency_key="k-1")
    corrected = await running.decide(idempotency_key="k-1")

    assert (refused.status_code, corrected.status_code) == (422, 200)


async def test_keys_are_per_system_and_bad_ones_are_refused(registry: Registry, running: Running) -> None:
    assert (await running.decide(idempotency_key="k")).status_code == 200
    elsewhere = await running.decide(system="car-loans", idempotency_key="k")
    bad = await running.decide(idempotency_key="x" * 256)

    assert elsewhere.status_code == 404
    assert (bad.status_code, bad.json()["error"]["code"]) == (400, "idempotency_key_invalid")


async def test_when_the_table_is_locked_nothing_is_answered_and_nothing_written_later(
    registry: Registry, running: Running
) -> None:
    registry.owner.execute("begin; lock table audit_entry in access exclusive mode")
    started = time.perf_counter()
    answers = await asyncio.gather(*(running.decide() for _ in range(8)))
    took = time.perf_counter() - started
    registry.owner.execute("commit")

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert {answer.json()["error"]["code"] for answer in answers} == {"record_unavailable"}
    assert took < 3
    assert (await running.health())[0] == 503
    await eventually(lambda: answered(running), 4)
    assert (await running.health())[0] == 200
    assert registry.decisions() == 1


async def test_without_a_database_nothing_is_answered_until_it_is_back(registry: Registry, start: Start) -> None:
    async with start(registry, poll_seconds=0.2) as running:
        assert await answered(running)
        registry.shut(True)
        refused = [await running.decide() for _ in range(5)]
        keyed = await running.decide(idempotency_key="k")
        assert {answer.status_code for answer in [*refused, keyed]} == {503}
        await eventually(lambda: unhealthy(running), 2)
        registry.shut(False)
        await eventually(lambda: answered(running), 5)
        await eventually(lambda: healthy(running), 5)


async def test_a_gateway_starts_without_a_database_and_finds_it_later(registry: Registry, start: Start) -> None:
    registry.shut(True)
    async with start(registry, poll_seconds=0.2) as running:
        assert (await running.decide()).status_code == 503
        assert (await running.health())[0] == 503
        registry.shut(False)
        await eventually(lambda: answered(running), 5)


def draft() -> Draft:
    facts = DecisionFacts("mortgage", Status.REFUSED, Mode.LIVE, "service:x", latency_us=1)
    return decision_draft(facts, subject_key=SUBJECT_KEY, keyring=Keyring(["data"]))


async def test_one_bad_record_does_not_take_the_others_with_it(registry: Registry, running: Running) -> None:
    good, bad = [draft() for _ in range(3)], draft()
    # The database knows no such status.
    bad.columns["status"] = "guessed"
    write = running.gateway.recorder.write
    results = await asyncio.gather(*(write(item) for item in [*good, bad]), return_exceptions=True)

    assert [result.id for result in results[:3]] == [item.id for item in good]
    assert type(results[3]).__name__ == "RecordUnavailable"
    assert registry.decisions() == 3


async def test_every_commit_is_durable(running: Running) -> None:
    session = running.gateway.recorder._session
    assert await session.execute("show synchronous_commit") == [("on",)]


async def test_a_stop_writes_what_waits(registry: Registry, start: Start) -> None:
    async with start(registry) as running:
        waiting = [asyncio.ensure_future(running.decide()) for _ in range(20)]
        await asyncio.sleep(0.005)
        answers = await asyncio.gather(*waiting)

    ids = {json.loads(answer.content)["decision_id"] for answer in answers}
    assert len(ids) == registry.decisions() == 20


async def answered(running: Running) -> bool:
    return (await running.decide()).status_code == 200


async def healthy(running: Running) -> bool:
    return (await running.health())[0] == 200


async def unhealthy(running: Running) -> bool:
    return (await running.health())[0] == 503
