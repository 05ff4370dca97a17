"""Databases to copy: making a copy takes a tenth of a second, migrating takes many."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections, transaction
from psycopg import sql

from portal.embedded import postgres

MIGRATED, SEEDED = "tests_migrated", "tests_seeded"
_numbers = itertools.count(1)


@contextmanager
def orm_on(name: str) -> Iterator[None]:
    """Django's connections lead to the named database, as the app and as the owner; here a commit is a commit."""
    before = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    try:
        _lead_to(dict.fromkeys(before, name))
        yield
    finally:
        _lead_to(before)


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is undone at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def copy_of(var_dir: Path, template: str) -> Iterator[str]:
    """The name of a fresh copy; it is dropped at the end, whoever is still connected."""
    name = f"copy_{next(_numbers)}"
    # Files are copied as they are, at a third of what it costs by way of the log; nothing is synced to a disk here.
    statement = sql.SQL("create database {} template {} strategy file_copy")
    with postgres.owner_connection(var_dir, "postgres") as root:
        root.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        with postgres.owner_connection(var_dir, "postgres") as root:
            root.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _lead_to(names: dict[str, str]) -> None:
    for alias, name in names.items():
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name
