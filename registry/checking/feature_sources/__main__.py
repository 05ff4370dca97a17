"""Compares features at their source and writes the parity JSON: `python -m registry.checking.feature_sources feast …`.

It says nothing of anybody: the JSON holds figures alone, and is sent as evidence of kind `feature_parity`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from registry.checking.feature_sources.feast_source import FeastSource
from registry.checking.feature_sources.source import FeatureSource, SourceFailed
from registry.checking.feature_sources.sql import SqlSource
from registry.checking.importing.parity import ParityInvalid, compare

COMPARED, FAILED = 0, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when the comparison was written, whatever it says; 2 when there is none, with the reason."""
    wanted = _parser().parse_args(arguments)
    try:
        keys = pd.read_csv(wanted.keys)
        at = datetime.fromisoformat(wanted.at) if wanted.at else datetime.now(UTC)
        if at.tzinfo is None:
            raise SourceFailed("--at needs an offset, such as 2026-03-01T00:00:00Z")
        source = _source(wanted)
        found = compare(source.training(keys, at), source.serving(keys), list(keys.columns), source=source.name)
    except (OSError, ValueError, ImportError, sqlite3.Error, SourceFailed, ParityInvalid) as error:
        sys.stderr.write(f"Not compared: {error}\n")
        return FAILED
    Path(wanted.output).write_text(json.dumps(found.as_json(), indent=1) + "\n", encoding="utf-8")
    return COMPARED


def _source(wanted: argparse.Namespace) -> FeatureSource:
    if wanted.place == "feast":
        return FeastSource(wanted.repository, wanted.service)
    connection, paramstyle = _connection(wanted.database)
    features = [name.strip() for name in wanted.features.split(",")]
    tables = (wanted.history, wanted.served, wanted.timestamp)
    return SqlSource(connection, paramstyle, *tables, features, times_are_text=paramstyle == sqlite3.paramstyle)


def _connection(url: str) -> tuple[Any, str]:
    """A file of SQLite or a server of PostgreSQL; any other driver's connection can be given to `SqlSource` itself."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True), sqlite3.paramstyle
    import psycopg

    try:
        return psycopg.connect(url, options="-c default_transaction_read_only=on"), psycopg.paramstyle
    except psycopg.Error as error:
        raise SourceFailed(f"the database cannot be reached: {str(error)[:200]}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m registry.checking.feature_sources", description=__doc__)
    places = parser.add_subparsers(dest="place", required=True)
    feast = places.add_parser("feast", help="a feature service of a Feast repository")
    feast.add_argument("--repository", required=True, help="the folder with feature_store.yaml")
    feast.add_argument("--service", required=True, help="the feature service that the model reads")
    sql = places.add_parser("sql", help="two SQL tables")
    sql.add_argument("--database", required=True, help="postgresql://… or sqlite:///path")
    sql.add_argument("--history", required=True, help="table with a row for each entity and time")
    sql.add_argument("--served", required=True, help="table with a row for each entity")
    sql.add_argument("--timestamp", required=True, help="the history's column with each row's time")
    sql.add_argument("--features", required=True, help="columns to compare, separated by commas")
    for place in (feast, sql):
        place.add_argument("--keys", required=True, help="CSV with a row for each entity to compare")
        place.add_argument("--at", default="", help="the moment of training (RFC 3339); now by default")
        place.add_argument("--output", required=True, help="where the parity JSON is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
