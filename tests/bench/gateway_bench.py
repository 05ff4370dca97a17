"""How many audited, durable decisions a second, and how fast: prints a table and writes gateway.json.

    python -m tests.bench.gateway_bench                     its own PostgreSQL, models, gateway and baselines
    python -m tests.bench.gateway_bench --url URL --token T --system mortgage      a gateway that runs already
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.bench import results
from tests.bench.product import stop_when_told

TOKEN = "cs_bench"
INPUTS = {
    **{"pirat": 0.22, "hirat": 0.2, "lvrat": 0.8, "chist": 5, "mhist": 2, "phist": "no", "unemp": 3.9},
    **{"selfemp": "no", "insurance": "no", "condomin": "no", "single": "no", "hschool": "yes"},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the arguments say."""
    about = results.conditions()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--models", nargs="+", default=["logistic", "xgboost", "forest"])
    parser.add_argument("--url")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--system", default="mortgage")
    asked = parser.parse_args(arguments)
    running = asked.url and load(asked.url, asked.token, asked.system, "gateway", asked)
    rows = running or list(everything(asked))
    show(rows)
    results.write("gateway", rows, about)


def everything(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every model behind the gateway and behind the gateway without records, then the echo."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "VAR_DIR": folder, "OMP_NUM_THREADS": "1", "LOG_LEVEL": "WARNING"}
        environment.pop("DATABASE_URL", None)
        with database(Path(folder), environment):
            register(Path(folder), asked.models)
            baseline = ["-m", "tests.bench.gateway_baselines"]
            for name, command in (("gateway", ["-m", "registry.gateway"]), ("unrecorded", [*baseline, "unrecorded"])):
                with server(command, environment) as url:
                    for model in asked.models:
                        yield from load(url, TOKEN, model, name, asked)
            with server([*baseline, "echo"], environment) as url:
                yield from load(url, TOKEN, "none", "echo", asked)


@contextmanager
def database(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A PostgreSQL of our own, migrated."""
    from portal.embedded import postgres

    postgres.create(folder)
    process = subprocess.Popen(
        postgres.command(folder), cwd="/", stderr=subprocess.DEVNULL, **postgres._as_account()
    )
    try:
        postgres.wait_until_ready(folder)
        postgres.create_database(folder)
        migrate = [sys.executable, "manage.py", "migrate"]
        subprocess.run(migrate, cwd=results.ROOT, env=environment, check=True, capture_output=True)
        yield
    finally:
        process.terminate()
        process.wait()


def register(folder: Path, names: list[str]) -> None:
    """One system for each model, named like it, with version 1 live."""
    from portal.embedded import postgres
    from registry import store
    from tests.bench.gateway_models import MODELS

    with postgres.owner_connection(folder) as owner:
        owner.execute(
            "insert into accounts_token (name, token_sha256, scopes, created_by, created_at)"
            " values ('bench', %s, '{decide}', '', now())",
            [sha256(TOKEN.encode()).digest()],
        )
        for name in names:
            manifest, data = MODELS[name]()
            digest = store.put(folder / "artifacts", data)
            owner.execute(
                "with s as (insert into registry_system"
                " (slug, name, purpose, owner, risk_class, created_by, created_at)"
                " values (%s, %s, '', '', 'high', '', now()) returning id),"
                " v as (insert into registry_version (system_id, number, state, manifest, artifact_format,"
                " artifact_sha256, artifact_bytes, background_sha256, background_rows, registered_by, registered_at,"
                " submitted_by) select id, 1, 'live', %s, %s, %s, %s, '', 0, '', now(), '' from s"
                " returning id, system_id)"
                " insert into registry_release (system_id, number, version_id, is_rollback, strategy, weight_bp,"
                " reason, released_by, released_at) select system_id, 1, id, false, 'direct', 0, '', '', now() from v",
                [name, name, json.dumps(manifest), manifest["model"]["format"], digest, len(data)],
            )


@contextmanager
def server(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    """The server on a free port, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = [] if "registry.gateway" in command else [str(port)]
    process = subprocess.Popen(
        [sys.executable, *command, *more], cwd=results.ROOT, env={**environment, "GATEWAY_PORT": str(port)}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/healthz")
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, seconds: float = 30) -> None:
    """Return once the address answers 200."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def load(url: str, token: str, system: str, what: str, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each number of callers; the load comes from a process of its own."""
    rows = []
    for callers in asked.callers:
        wanted = {
            "url": f"{url}/v1/systems/{system}/decide",
            "token": token,
            "body": {"inputs": INPUTS},
            "callers": callers,
            "seconds": asked.seconds,
        }
        command = [sys.executable, "-m", "tests.bench.gateway_load", json.dumps(wanted)]
        done = subprocess.run(command, cwd=results.ROOT, check=True, capture_output=True, text=True)
        rows.append({"server": what, "model": system, **json.loads(done.stdout)})
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """The table."""
    print(f"{'server':12}{'model':12}{'callers':>8}{'per s':>10}{'p50 ms':>9}{'p99 ms':>9}{'p99.9':>9}{'errors':>8}")
    for row in rows:
        print(
            f"{row['server']:12}{row['model']:12}{row['callers']:>8}{row['per_second']:>10}{row['p50']:>9}"
            f"{row['p99']:>9}{row['p999']:>9}{row['errors']:>8}"
        )


if __name__ == "__main__":
    stop_when_told()
    main()
