"""What the trail bears: faults under load, and what was lost (nothing may be). Prints a table, writes faults.json.

    make faults            about five minutes

After each fault everything comes back, callers repeat what was not answered, and the oracle looks: no acknowledged
decision is lost, each has exactly one leaf, the indices are dense, and every checkpoint ever signed is still true.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.bench import results
from tests.bench.gateway_bench import INPUTS, TOKEN, wait_for
from tests.bench.product import stop_when_told
from tests.faults.rig import SYSTEM, Callers, Rig, check, rig, verdict

Fault = Callable[[Rig, Callers], str]
SEED = 7


def gateway_killed(rig: Rig, callers: Callers) -> str:
    """kill -9 of the gateway, ten times under load."""
    for _ in range(10):
        time.sleep(random.uniform(0.3, 1.0))
        rig.kill_gateway()
        rig.start_gateway()
    return "10 times"


def sealer_killed(rig: Rig, callers: Callers) -> str:
    """kill -9 of the sealer, twenty times under load."""
    for _ in range(20):
        # Long enough to come up on a busy machine, or it would be killed before it did anything.
        time.sleep(random.uniform(0.6, 1.8))
        rig.kill_sealers()
        rig.start_sealer()
    return "20 times"


def postgres_killed(rig: Rig, callers: Callers) -> str:
    """kill -9 of PostgreSQL with all its processes, three times under load."""
    for _ in range(3):
        time.sleep(1.5)
        rig.keep_notes()
        rig.kill_postgres()
        rig.start_postgres()
        wait_for(f"{rig.url}/healthz")
    return "3 times"


def two_sealers_one_paused(rig: Rig, callers: Callers) -> str:
    """A second sealer; then the first is stopped at a random moment for 12 s and goes on."""
    rig.start_sealer()
    for sealer in rig.sealers[:2]:
        time.sleep(random.uniform(0.5, 1.5))
        sealer.send_signal(signal.SIGSTOP)
        time.sleep(12)
        sealer.send_signal(signal.SIGCONT)
    return "each once"


def same_key_at_once(rig: Rig, callers: Callers) -> str:
    """Fifty requests at once under one idempotency key, and another body under it."""
    headers = {"authorization": f"Bearer {TOKEN}", "idempotency-key": "the-same"}
    url = f"{rig.url}/v1/systems/{SYSTEM}/decide"
    answers: list[httpx.Response] = []

    def ask() -> None:
        body = {"subject": "applicant-1", "inputs": INPUTS}
        answers.append(httpx.post(url, json=body, headers=headers, timeout=30))

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other = httpx.post(url, json={"subject": "applicant-2", "inputs": INPUTS}, headers=headers)
    assert len({answer.json()["decision_id"] for answer in answers}) == 1 and other.status_code == 409
    return "one decision, 409 for the other body"


def partition_missing(rig: Rig, callers: Callers) -> str:
    """This month's partition is not there for two seconds: nothing is answered, nothing is lost."""
    with rig.owner() as owner:
        name = time.strftime("audit_payload_%Y_%m", time.gmtime())
        bounds = owner.execute(
            "select pg_get_expr(relpartbound, oid) from pg_class where relname = %s", [name]
        ).fetchone()[0]
        owner.execute(f"alter table audit_payload detach partition {name}")
        time.sleep(0.3)
        before = len(callers.answered)
        time.sleep(2)
        during = len(callers.answered) - before
        owner.execute(f"alter table audit_payload attach partition {name} {bounds}")
    assert during == 0
    return "0 answered meanwhile"


def last_signed_cannot_be_written(rig: Rig, callers: Callers) -> str:
    """The folder of `last_signed` is gone: nothing is signed, and all is well when it is back."""
    folder, away = rig.folder / "trail", rig.folder / "trail-away"
    folder.rename(away)
    folder.write_text("not a folder")
    time.sleep(3)
    with rig.owner() as owner:
        signed, size = owner.execute("select max(size), (select size from audit_tree) from audit_checkpoint").fetchone()
    told = rig.problem()
    folder.unlink()
    away.rename(folder)
    rig.kill_sealers()
    rig.start_sealer()
    return f"signed {signed} of {size}; told: {told[:60]}"


UNDER_LOAD: tuple[Fault, ...] = (
    gateway_killed,
    sealer_killed,
    postgres_killed,
    two_sealers_one_paused,
    same_key_at_once,
    partition_missing,
    last_signed_cannot_be_written,
)

# A superuser's hand, with every trigger off: what is done, and what the check must name.
TAMPERINGS = {
    "one byte of an entry": "update audit_entry set entry = set_byte(entry, 40, get_byte(entry, 40) # 1),"
    " leaf_hash = sha256('\\x00'::bytea || set_byte(entry, 40, get_byte(entry, 40) # 1)) where id = {}",
    "a column alone": "update audit_entry set label = 'grant!' where id = {}",
    "a stored payload": "update audit_payload set stored = set_byte(stored, 5, get_byte(stored, 5) # 1)"
    " where entry_id = {} and part = 1",
    "an entry deleted": "delete from audit_entry where id = {}",
    "two leaves swapped": "update audit_leaf set leaf_index = case leaf_index when {i} then {i} + 1 else {i} end"
    " where leaf_index in ({i}, {i} + 1)",
    "a tile changed": "update audit_tile set data = set_byte(data, 3, get_byte(data, 3) # 1) where level = 0 and n = 0",
    "the month truncated": "truncate {month}",
}


def tamper(rig: Rig, statement: str) -> dict[str, Any]:
    """Do it in a transaction's length, check, and put everything back."""
    with rig.owner() as owner:
        owner.execute("create database copy_kept template countersign")
        row = owner.execute(
            "select entry_id, leaf_index from audit_leaf join audit_entry e on e.id = entry_id"
            " where type = 'decision' order by leaf_index offset 20 limit 1"
        ).fetchone()
        owner.execute("set session_replication_role = replica")
        for table in ("audit_entry", "audit_payload", "audit_leaf", "audit_tile"):
            owner.execute(f"alter table {table} disable trigger all")
        month = time.strftime("audit_entry_%Y_%m", time.gmtime())
        owner.execute(f"alter table {month} disable trigger all")
        owner.execute(statement.format(f"'{row[0]}'", i=row[1], month=month))
    said = check(rig)
    _put_back(rig)
    return said


def rolled_back(rig: Rig) -> str:
    """Yesterday's backup is restored and the sealer goes on with the real key: it must halt."""
    with rig.owner() as owner:
        owner.execute("create database copy_kept template countersign")
    rig.start_gateway()
    rig.start_sealer()
    with Callers(rig.url) as callers:
        time.sleep(3)
    rig.wait_until_sealed()
    rig.kill_gateway()
    rig.kill_sealers()
    _put_back(rig)
    rig.start_sealer()
    until = time.monotonic() + 20
    while not (told := rig.problem()) and time.monotonic() < until:
        time.sleep(0.2)
    assert told, "the sealer went on after a restored backup"
    assert callers.answered
    return told


def _put_back(rig: Rig) -> None:
    from portal.embedded import postgres

    with postgres.owner_connection(rig.folder, "postgres") as root:
        root.execute("drop database countersign with (force)")
        root.execute("alter database copy_kept rename to countersign")


def main() -> None:
    """Exit code 1 when anything acknowledged was lost or anything changed went unnoticed."""
    random.seed(SEED)
    about, rows, good = results.conditions(), [], True
    for fault in UNDER_LOAD:
        with rig() as running:
            with Callers(running.url) as callers:
                time.sleep(1)
                what = fault(running, callers)
                time.sleep(1)
            running.wait_until_sealed()
            found = verdict(running, callers.answered)
        holds = found["lost"] == 0 and found["once each"] and found["dense"] and found["true"]
        good &= holds
        row = {"case": fault.__doc__.split(":")[0].strip("."), "what": what, **found, "holds": holds}
        rows.append({**row, "repeated": callers.refused})
        print(row, flush=True)
    with rig() as running:
        with Callers(running.url) as callers:
            time.sleep(2)
        running.wait_until_sealed()
        running.kill_gateway()
        running.kill_sealers()
        assert check(running)["verdict"] == "verified"
        for name, statement in TAMPERINGS.items():
            said = tamper(running, statement)
            named = (said.get("contradictions") or [{}])[0]
            rows.append({"case": name, "what": str(named)[:110], "holds": said["verdict"] == "contradicted"})
            good &= said["verdict"] == "contradicted"
            print(rows[-1], flush=True)
        rows.append({"case": "a backup restored", "what": rolled_back(running)[:110], "holds": True})
    columns = ["case", "what", "acknowledged", "repeated", "lost", "checkpoints", "holds"]
    results.show("Faults", rows, columns, about)
    results.write("faults", rows, about)
    sys.exit(0 if good else "Something was lost, or a change went unnoticed.")


if __name__ == "__main__":
    stop_when_told()
    main()
