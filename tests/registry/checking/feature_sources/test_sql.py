"""Features in SQL tables: the history as training would have got it, and what is served, on real databases."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from registry.checking.feature_sources.__main__ import main
from registry.checking.feature_sources.source import SourceFailed
from registry.checking.feature_sources.sql import SqlSource
from registry.checking.importing.parity import compare, from_json

AT = datetime(2026, 3, 1, tzinfo=UTC)
APPLICANTS = 1_200
TABLES = """
create table history (applicant integer, seen {time}, pirat {number}, phist text);
create table served (applicant integer, pirat {number}, phist text);
"""


def fill(connection: Any, mark: str, *, wrong: int = 0) -> None:
    """Each applicant has an old row, the one in force at AT, and one after it; `wrong` of them are served another."""
    moments = [AT - timedelta(days=30), AT - timedelta(days=1), AT + timedelta(days=1)]
    rows = [
        (number, moment.strftime("%Y-%m-%d %H:%M:%S") if mark == "?" else moment, number / 7 + turn, "yes")
        for number in range(APPLICANTS)
        for turn, moment in enumerate(moments)
    ]
    served = [(number, number / 7 + (1 if number >= wrong else 2), "yes") for number in range(APPLICANTS)]
    cursor = connection.cursor()
    cursor.executemany(f"insert into history values ({mark}, {mark}, {mark}, {mark})", rows)
    cursor.executemany(f"insert into served values ({mark}, {mark}, {mark})", served)
    connection.commit()


def keys() -> pd.DataFrame:
    return pd.DataFrame({"applicant": range(APPLICANTS)})


def sqlite(path: Path, *, wrong: int = 0) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.executescript(TABLES.format(time="text", number="real"))
    fill(connection, "?", wrong=wrong)
    return connection


def of_sqlite(path: Path, **changes: Any) -> SqlSource:
    facts = {"history": "history", "served": "served", "timestamp": "seen", "features": ["pirat", "phist"], **changes}
    return SqlSource(sqlite(path), sqlite3.paramstyle, times_are_text=True, **facts)


def test_training_gets_what_was_known_then(tmp_path: Path) -> None:
    source = of_sqlite(tmp_path / "features.db")
    training = source.training(keys(), AT.astimezone(timezone(timedelta(hours=5))))
    assert len(training) == APPLICANTS
    assert training.set_index("applicant")["pirat"][7] == 2.0
    assert source.training(keys().head(3), AT - timedelta(days=2)).set_index("applicant")["pirat"][0] == 0.0
    assert compare(training, source.serving(keys()), ["applicant"]).rows == APPLICANTS
    assert source.training(keys(), AT - timedelta(days=60)).empty


def test_on_postgresql_too(owner: psycopg.Connection) -> None:
    owner.autocommit = False
    owner.execute("create schema store; set search_path to store;" + TABLES.format(time="timestamptz", number="float8"))
    fill(owner, "%s", wrong=30)
    source = SqlSource(owner, psycopg.paramstyle, "store.history", "store.served", "seen", ["pirat", "phist"])
    found = compare(source.training(keys(), AT), source.serving(keys()), ["applicant"], source=source.name)
    assert {each.feature: each.mismatches for each in found.features} == {"pirat": 30, "phist": 0}
    assert found.source == "SQL tables store.history and store.served"


def test_names_are_names_and_nothing_else(tmp_path: Path) -> None:
    source = of_sqlite(tmp_path / "features.db", served='served"; drop table history; --')
    with pytest.raises(SourceFailed, match="the database refused: no such table"):
        source.serving(keys())
    assert len(source.training(keys(), AT)) == APPLICANTS
    with pytest.raises(SourceFailed, match="cannot hold %"):
        of_sqlite(tmp_path / "other.db", served="a%s").serving(keys())


def arguments(folder: Path, **changes: str) -> list[str]:
    given = {
        "database": f"sqlite:///{folder / 'features.db'}",
        "history": "history",
        "served": "served",
        "timestamp": "seen",
        "features": "pirat, phist",
        "keys": str(folder / "keys.csv"),
        "at": AT.isoformat(),
        "output": str(folder / "parity.json"),
        **changes,
    }
    return ["sql", *(word for name, value in given.items() for word in (f"--{name}", value))]


def test_the_command_writes_the_parity_json(tmp_path: Path) -> None:
    sqlite(tmp_path / "features.db", wrong=12).close()
    keys().to_csv(tmp_path / "keys.csv", index=False)
    assert main(arguments(tmp_path)) == 0
    found = from_json(json.loads((tmp_path / "parity.json").read_text()))
    assert (found.rows, found.features[0].mismatches) == (APPLICANTS, 12)


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"database": "sqlite:////nowhere/at/all"}, "unable to open"),
        ({"database": "postgresql://127.0.0.1:9/x"}, "the database cannot be reached"),
        ({"features": "pirat, nothing"}, "the database refused"),
        ({"keys": "/nowhere.csv"}, "No such file"),
        ({"at": "2026-03-01T00:00:00"}, "needs an offset"),
        ({"at": "yesterday"}, "Invalid isoformat"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_is_written(tmp_path: Path, capsys, changes: dict, words: str) -> None:
    sqlite(tmp_path / "features.db").close()
    keys().to_csv(tmp_path / "keys.csv", index=False)
    assert main(arguments(tmp_path, **changes)) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "parity.json").exists()
