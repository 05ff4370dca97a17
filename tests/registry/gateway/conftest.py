"""A throw-away database for each test, and a gateway that runs inside it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from audit.encryption import Keyring, Keys, Wrapped, open_part
from portal.demo.hmda import HMDA_INPUTS, HMDA_READ
from portal.embedded import postgres
from portal.embedded.paths import run_dir
from registry import store
from registry.gateway.app import Gateway, create_app
from registry.gateway.config import Config
from registry.scoring.schema import InputSchema
from tests.product import free_port
from tests.registry.scoring.conftest import hmda_manifest

ROOT = Path(__file__).resolve().parents[3]
SUBJECT_KEY = "key of the gateway's tests"
DATA_KEY = "data key of the gateway's tests"
TOKEN, READ_TOKEN = "cs_decide", "cs_read"
INPUTS = {
    **{"pirat": 0.22, "hirat": 0.2, "lvrat": 0.8, "chist": 5, "mhist": 2, "phist": "no", "unemp": 3.9},
    **{"selfemp": "no", "insurance": "no", "condomin": "no", "single": "no", "hschool": "yes"},
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def trained(rounds: int) -> bytes:
    """A small booster on made-up applicants."""
    import xgboost

    rng = np.random.default_rng(rounds)
    rows = rng.uniform(0, 1, (200, len(HMDA_READ)))
    data = xgboost.DMatrix(rows, label=(rows[:, 0] + rows[:, 2] > 1).astype(int), feature_names=list(HMDA_READ))
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}
    return bytes(xgboost.train(settings, data, rounds).save_raw("ubj"))


@pytest.fixture(scope="session")
def artifacts() -> list[bytes]:
    return [trained(rounds) for rounds in (3, 6, 9)]


@dataclass
class Registry:
    """The throw-away database as its owner sees it, with the rows that a gateway follows."""

    conninfo: str
    owner: psycopg.Connection
    artifact_dir: Path
    artifacts: list[bytes]
    versions: dict[int, int] = field(default_factory=dict)
    system_id: int = 0

    def system(self, slug: str = "mortgage") -> None:
        statement = (
            "insert into registry_system (slug, name, purpose, owner, risk_class, created_by, created_at)"
            " values (%s, %s, '', '', 'high', '', now()) returning id"
        )
        self.system_id = self.one(statement, slug, slug)

    def version(self, number: int, *, artifact: bytes | None = None, keep: bool = True, **changes: Any) -> str:
        """A version whose artifact lies in the store (or, unless `keep`, does not); its digest."""
        data = artifact if artifact is not None else self.artifacts[number - 1]
        digest = store.put(self.artifact_dir, data) if keep else sha256(data).hexdigest()
        statement = (
            "insert into registry_version (system_id, number, state, manifest, artifact_format, artifact_sha256,"
            " artifact_bytes, background_sha256, background_rows, registered_by, registered_at, submitted_by)"
            " values (%s, %s, 'approved', %s, %s, %s, %s, '', 0, '', now(), '') returning id"
        )
        manifest = hmda_manifest(changes.pop("format", "xgboost"), **changes)
        text, kind = json.dumps(manifest), manifest["model"]["format"]
        self.versions[number] = self.one(statement, self.system_id, number, text, kind, digest, len(data))
        return digest

    def move(self, version: int, state: str) -> None:
        """Put the version into the state."""
        self.owner.execute("update registry_version set state = %s where id = %s", [state, self.versions[version]])

    def reports(self) -> list[dict[str, Any]]:
        """What gateways say of themselves, the one that started first before the others."""
        cursor = self.owner.execute("select * from registry_gatewayreport order by started_at")
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def release(self, version: int, *, leaves: str = "standby") -> None:
        """Make the version live, and the one that was live a standby (or quarantined)."""
        with self.owner.transaction():
            leave = "update registry_version set state = %s where system_id = %s and state = 'live'"
            self.owner.execute(leave, [leaves, self.system_id])
            self.owner.execute("update registry_version set state = 'live' where id = %s", [self.versions[version]])
            self.owner.execute(
                "insert into registry_release (system_id, number, version_id, is_rollback, strategy, weight_bp, reason,"
                " released_by, released_at)"
                " select %s, coalesce(max(number), 0) + 1, %s, false, 'direct', 0, '', '', now()"
                " from registry_release where system_id = %s",
                [self.system_id, self.versions[version], self.system_id],
            )

    def token(self, token: str, *scopes: str) -> None:
        digest = sha256(token.encode()).digest()
        self.owner.execute(
            "insert into accounts_token (name, token_sha256, scopes, created_by, created_at)"
            " values (%s, %s, %s, '', now())",
            [token.removeprefix("cs_"), digest, list(scopes)],
        )

    def one(self, statement: str, *parameters: Any) -> Any:
        row = self.owner.execute(statement, parameters).fetchone()
        return row[0] if row else None

    def entry(self, decision_id: str) -> dict[str, Any]:
        """The row of one entry, by column."""
        cursor = self.owner.execute("select * from audit_entry where id = %s", [decision_id])
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))

    def payloads(self, decision_id: str) -> dict[int, bytes]:
        rows = self.owner.execute(
            "select entry_id, part, stored, kek, wrapped from audit_payload join audit_key using (entry_id)"
            " where entry_id = %s",
            [decision_id],
        )
        ring = Keyring([DATA_KEY])
        return {
            part: open_part(ring.unwrap(Wrapped(kek, wrapped), entry), entry, part, stored)[1]
            for entry, part, stored, kek, wrapped in rows
        }

    def decisions(self) -> int:
        return int(self.one("select count(*) from audit_entry where type = 'decision'"))

    def shut(self, shut: bool) -> None:
        """Let nobody in any more, and throw out who is in."""
        name = self.owner.info.dbname
        with psycopg.connect(make_conninfo(self.conninfo, user="postgres", dbname="postgres"), autocommit=True) as root:
            root.execute(f'alter database "{name}" allow_connections {not shut}')
            if shut:
                root.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = %s",
                    [name, "countersign_gateway"],
                )


@pytest.fixture
def empty(server: Path, empty_database: str, artifacts: list[bytes], tmp_path: Path) -> Iterator[Registry]:
    """A database with tokens and one system without a version."""
    conninfo = make_conninfo(host=str(run_dir(server)), dbname=empty_database, user="countersign_gateway")
    with postgres.owner_connection(server, empty_database) as owner:
        registry = Registry(conninfo, owner, tmp_path / "artifacts", artifacts)
        registry.token(TOKEN, "decide")
        registry.token(READ_TOKEN, "read")
        registry.system()
        yield registry


@pytest.fixture
def registry(empty: Registry) -> Registry:
    """Version 1 is live; version 2 is approved."""
    empty.version(1)
    empty.version(2)
    empty.release(1)
    return empty


@dataclass
class Running:
    """A gateway inside the test, and a client of it."""

    gateway: Gateway
    http: httpx.AsyncClient

    async def decide(
        self, inputs: Any = INPUTS, *, subject: Any = "applicant-17", system: str = "mortgage", **headers: str
    ) -> httpx.Response:
        return await self.send(json.dumps({"subject": subject, "inputs": inputs}), system=system, **headers)

    async def send(self, body: str | bytes, *, system: str = "mortgage", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        given = {"authorization": f"Bearer {TOKEN}", **named}.items()
        sent = [(name.encode(), text.encode("latin-1")) for name, text in given]
        return await self.http.post(f"/v1/systems/{system}/decide", content=body, headers=sent)

    async def health(self) -> tuple[int, dict[str, Any]]:
        answer = await self.http.get("/healthz")
        return answer.status_code, answer.json()


Start = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start() -> Start:
    """Starts a gateway on a registry; further arguments go into its configuration."""

    @asynccontextmanager
    async def run(registry: Registry, **settings: Any) -> AsyncIterator[Running]:
        config = Config(
            conninfo=registry.conninfo,
            artifact_dir=registry.artifact_dir,
            subject_key=SUBJECT_KEY,
            data_keys=Keys(lambda: [DATA_KEY]),
            receipt_key="receipt",
            origin="tests/trail",
            **settings,
        )
        app = create_app(lambda: config)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=20) as client:
                yield Running(app.state.gateway, client)

    return run


@pytest.fixture
async def running(registry: Registry, start: Start) -> AsyncIterator[Running]:
    async with start(registry) as gateway:
        yield gateway


@pytest.fixture
def process(
    registry: Registry, process_environment: Callable[[str], dict[str, str]]
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The gateway as a process of its own, and its address."""
    port = free_port()
    environment = {
        **process_environment(str(conninfo_to_dict(registry.conninfo)["dbname"])),
        "ARTIFACT_DIR": str(registry.artifact_dir),
        "SUBJECT_KEY": SUBJECT_KEY,
        "GATEWAY_PORT": str(port),
    }
    started = subprocess.Popen([sys.executable, "-m", "registry.gateway"], cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 20
        while True:
            try:
                assert httpx.get(f"{url}/healthz").status_code == 200
                break
            except (httpx.TransportError, AssertionError):
                assert time.monotonic() < until, "the gateway did not start"
                time.sleep(0.05)
        yield started, url
    finally:
        started.kill()
        started.wait()


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float) -> float:
    """How long it took until the check was true; fails after the given time."""
    import asyncio

    started = time.perf_counter()
    while not await check():
        assert time.perf_counter() - started < seconds, "it did not become true in time"
        await asyncio.sleep(0.005)
    return time.perf_counter() - started


@pytest.fixture(scope="session")
def schema() -> InputSchema:
    return InputSchema.parse(HMDA_INPUTS)
