"""How the trail bears its size: disk, pages and the full check at growing numbers of rows; writes trail.json.

    python -m tests.bench.trail_bench --rows 100000 1000000 10000000      the last takes half an hour and 30 GB

Each size has a PostgreSQL of its own. Pages are asked of Django itself, as the compliance officer, so a time is
the server's: view, queries and template. The check is `verify_trail` as an operator runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench import results, trail_rows
from tests.bench.gateway_bench import database
from tests.bench.product import stop_when_told

DAYS = 60
REPEATS = 40


def main(arguments: Sequence[str] | None = None) -> None:
    """Each size in a process of its own, since Django is set up once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        print(json.dumps(one_size(asked.rows[0])))
        return
    about = results.conditions()
    rows = []
    for number in asked.rows:
        command = [sys.executable, "-m", "tests.bench.trail_bench", "--one", "--rows", str(number)]
        done = subprocess.run(command, cwd=results.ROOT, check=True, stdout=subprocess.PIPE, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    results.show("The trail by size (pages: p95 in ms)", rows, list(rows[0]), about)
    results.write("trail", rows, about)


def one_size(rows: int) -> dict[str, Any]:
    """Fill a trail of that size, then measure it."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        os.environ |= {"VAR_DIR": folder, "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "portal.settings"}
        os.environ["SUBJECT_KEY"] = "bench"  # under which the rows' subjects are filed
        os.environ.pop("DATABASE_URL", None)
        with database(Path(folder), dict(os.environ)):
            import django

            django.setup()
            from django.conf import settings
            from django.db import connections

            settings.ALLOWED_HOSTS.append("testserver")
            try:
                return {"rows": rows, **_filled(rows), **_pages(), **_verified()}
            finally:
                # PostgreSQL waits for open sessions before it stops.
                connections.close_all()


def _filled(rows: int) -> dict[str, Any]:
    from django.conf import settings

    from audit import proofs
    from portal.database import OWNER, conninfo
    from portal.vault import data_keys

    until = datetime.now(UTC)
    began = time.monotonic()
    owner = conninfo(OWNER, settings.VAR_DIR)
    data_key = data_keys(settings.VAR_DIR)[0]
    since = until - timedelta(days=DAYS)
    trail_rows.fill(owner, rows, since=since, until=until, data_key=data_key, signer=proofs.log_signer())
    size = _one("select pg_database_size(current_database())")
    return {"fill rows/s": round(rows / (time.monotonic() - began)), "bytes/row": round(size / rows)}


def _pages() -> dict[str, float]:
    from django.test import Client

    from portal.accounts.access import Role
    from portal.accounts.services import create_person

    person = create_person(username="clara", name="Clara", password="x", roles=[Role.COMPLIANCE])
    browser = Client()
    browser.force_login(person)
    newest = _one("select id from audit_entry where type = 'decision' order by id desc limit 1")
    deep = _one("select entry_id from audit_leaf where leaf_index = (select size / 3 from audit_tree)")
    pages = {
        "first": "/decisions/",
        "first all time": "/decisions/?period=all",
        "filtered": "/decisions/?period=all&system=system-1&label=deny&version=2&status=answered",
        "subject": "/decisions/?subject=applicant-1234&system=system-1",
        "request": "/decisions/?request_id=request-4321",
        "deep": f"/decisions/?period=all&before={deep}",
        "decision": f"/decisions/{newest}/",
        "home": "/",
    }
    return {name: _p95(lambda path=path: browser.get(path)) for name, path in pages.items()}


def _p95(ask: Callable[[], Any]) -> float:
    """p95 in ms of a page that was asked for once before."""
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        answer = ask()
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer
    return round(statistics.quantiles(times[1:], n=20)[-1], 1)


def _verified() -> dict[str, Any]:
    began = time.monotonic()
    command = [sys.executable, "manage.py", "verify_trail", "--json"]
    done = subprocess.run(command, cwd=results.ROOT, stdout=subprocess.PIPE, text=True)
    seconds = time.monotonic() - began
    said = json.loads(done.stdout.splitlines()[-1])
    return {"verify s": round(seconds, 1), "entries/s": round(said["entries"] / seconds), "verdict": said["verdict"]}


def _one(statement: str) -> Any:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


if __name__ == "__main__":
    stop_when_told()
    main()
