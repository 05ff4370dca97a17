"""The tests' PostgreSQL and Redis, databases to copy, and the people and services who act."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections
from django.test import Client
from xdist.scheduler import LoadFileScheduling

from portal.accounts.models import User
from portal.embedded import postgres
from portal.supervisor import product
from portal.supervisor.processes import Family
from tests import factories
from tests.databases import MIGRATED, SEEDED, copy_of, orm_on

JOURNEYS = "tests/browser/"


class ByFile(LoadFileScheduling):
    """A worker for each file, whose tests share what they made, and one for all journeys, which share a product."""

    def _split_scope(self, nodeid: str) -> str:
        return JOURNEYS if nodeid.startswith(JOURNEYS) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """In the order in which they were collected: what takes longest goes first."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys first: as they are one, whoever began them last would be waited for."""
    items.sort(key=lambda item: not item.nodeid.startswith(JOURNEYS))


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    """PostgreSQL and Redis, up; gives `VAR_DIR`. They die with pytest, even when it is killed."""
    family = Family(lambda name, line: None)
    try:
        product.start_services(family)
        with postgres.owner_connection(django_settings.VAR_DIR, "postgres") as root:
            # A copy of a database is then made in memory; what the tests check is no power failure.
            root.execute("alter system set fsync = off")
            root.execute("alter system set full_page_writes = off")
            root.execute("select pg_reload_conf()")
        yield django_settings.VAR_DIR
    finally:
        family.stop()


@pytest.fixture(scope="session")
def migrated(server: Path, django_db_blocker: Any) -> str:
    """A template with the tables and nothing in them."""
    postgres.create_database(server, MIGRATED)
    with django_db_blocker.unblock(), orm_on(MIGRATED):
        call_command("migrate", verbosity=0)
    return MIGRATED


@pytest.fixture(scope="session")
def seeded(server: Path, migrated: str, django_db_blocker: Any) -> str:
    """A template with people and two draft versions (`factories.seed`)."""
    postgres.create_database(server, SEEDED, template=migrated)
    with django_db_blocker.unblock(), orm_on(SEEDED):
        factories.seed()
    return SEEDED


@pytest.fixture(scope="session")
def django_db_setup(server: Path, seeded: str) -> Iterator[None]:
    """Tests with `db` run on a copy of the seeded template, as the app's own role, inside a transaction."""
    postgres.create_database(server, django_settings.DATABASES["default"]["NAME"], template=seeded)
    yield
    for alias in connections:
        connections[alias].close()


@pytest.fixture
def empty_database(server: Path, migrated: str) -> Iterator[str]:
    """The name of a throw-away database with empty tables."""
    with copy_of(server, migrated) as name:
        yield name


@pytest.fixture
def throwaway_database(server: Path, seeded: str) -> Iterator[str]:
    """The name of a throw-away database with the seeded people and versions, for several processes at once."""
    with copy_of(server, seeded) as name:
        yield name


@pytest.fixture
def committed(throwaway_database: str, django_db_blocker: Any) -> Iterator[str]:
    """The ORM on a throw-away database: commits are commits, and threads and other processes see them."""
    with django_db_blocker.unblock(), orm_on(throwaway_database):
        yield throwaway_database


@pytest.fixture
def owner(server: Path, throwaway_database: str) -> Iterator[psycopg.Connection]:
    """A session as the owner of the throw-away database's tables."""
    with postgres.owner_connection(server, throwaway_database) as connection:
        yield connection


@pytest.fixture
def process_environment(server: Path) -> Callable[[str], dict[str, str]]:
    """The environment of a process of the product that works on the named database."""

    def environment(database: str) -> dict[str, str]:
        own = {"DJANGO_SETTINGS_MODULE": "portal.settings", "EMBEDDED_DATABASE": database}
        return {**os.environ, **product.ONE_THREAD, **own}

    return environment


@pytest.fixture
def artifact_dir(tmp_path: Path, settings: Any) -> Path:
    """A store of the test's own with the seeded files, to be harmed at will."""
    for file in Path(settings.ARTIFACT_DIR).rglob("*"):
        if file.is_file():
            copy = tmp_path / "artifacts" / file.relative_to(settings.ARTIFACT_DIR)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    settings.ARTIFACT_DIR = tmp_path / "artifacts"
    return settings.ARTIFACT_DIR


@pytest.fixture
def lead(db: None) -> User:
    """An ML lead, who registers and submits."""
    return factories.person("lead")


@pytest.fixture
def second_lead(db: None) -> User:
    """Another ML lead, who approves."""
    return factories.person("second_lead")


@pytest.fixture
def compliance(db: None) -> User:
    """The compliance officer."""
    return factories.person("compliance")


@pytest.fixture
def support(db: None) -> User:
    """A support agent."""
    return factories.person("support")


@pytest.fixture
def auditor(db: None) -> User:
    """An external auditor, who reads."""
    return factories.person("auditor")


@pytest.fixture
def outsider(db: None) -> User:
    """Somebody who may sign in and has no role."""
    return factories.person("outsider")


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """A browser in which the person has just signed in, or long ago."""

    def client(user: User, *, fresh: bool = True) -> Client:
        browser = Client()
        browser.force_login(user)
        session = browser.session
        session["password_given_at"] = time.time() if fresh else 0
        session.save()
        return browser

    return client


@pytest.fixture
def api() -> Callable[..., Client]:
    """A service with a new token of these scopes."""

    def client(*scopes: str) -> Client:
        return Client(headers={"authorization": f"Bearer {factories.make_token(*scopes)}"})

    return client
