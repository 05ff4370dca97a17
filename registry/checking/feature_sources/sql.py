"""Features in two SQL tables, behind any DB-API connection: the history, and what is served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from registry.checking.feature_sources.source import SourceFailed

# As many keys as one statement asks for.
KEYS_AT_ONCE = 500
_MARKS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


@dataclass(frozen=True)
class SqlSource:
    """`history` has one row for each entity and `timestamp`, `served` one for each entity."""

    connection: Any
    # The driver's own (PEP 249): qmark for sqlite3, pyformat for psycopg.
    paramstyle: str
    history: str
    served: str
    timestamp: str
    features: Sequence[str]
    # Where times are text, as in SQLite: UTC, written like 2026-03-01 00:00:00.
    times_are_text: bool = False

    @property
    def name(self) -> str:
        """The two tables."""
        return f"SQL tables {self.history} and {self.served}"

    def training(self, keys: pd.DataFrame, at: datetime) -> pd.DataFrame:
        """Of each entity the newest row of the history that is not after the moment (a point-in-time join)."""
        names, time = list(keys.columns), _quoted(self.timestamp)
        moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if self.times_are_text else at
        columns = _list("h", [*names, *self.features])
        newest = f"select {_list('', names)}, max({time}) as newest from {_quoted(self.history)}"
        same = " and ".join(f"h.{_quoted(name)} = n.{_quoted(name)}" for name in names)
        rows: list[Any] = []
        for condition, values in self._conditions(keys):
            statement = (
                f"select {columns} from {_quoted(self.history)} h"
                f" join ({newest} where {time} <= {self._mark} and ({condition}) group by {_list('', names)}) n"
                f" on {same} and h.{time} = n.newest"
            )
            rows += self._run(statement, [moment, *values])
        return self._table(rows, names)

    def serving(self, keys: pd.DataFrame) -> pd.DataFrame:
        """The served rows of these entities."""
        names = list(keys.columns)
        rows: list[Any] = []
        for condition, values in self._conditions(keys):
            columns = _list("", [*names, *self.features])
            rows += self._run(f"select {columns} from {_quoted(self.served)} where {condition}", values)
        return self._table(rows, names)

    @property
    def _mark(self) -> str:
        return _MARKS[self.paramstyle]

    def _conditions(self, keys: pd.DataFrame) -> Iterator[tuple[str, list[Any]]]:
        one = "(" + " and ".join(f"{_quoted(name)} = {self._mark}" for name in keys.columns) + ")"
        rows = keys.astype(object).to_numpy().tolist()
        for start in range(0, len(rows), KEYS_AT_ONCE):
            part = rows[start : start + KEYS_AT_ONCE]
            yield " or ".join([one] * len(part)), [value for row in part for value in row]

    def _run(self, statement: str, values: Sequence[Any]) -> list[Any]:
        cursor = self.connection.cursor()
        try:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
        # A driver's errors have no class in common but this one.
        except Exception as error:  # noqa: BLE001
            raise SourceFailed(f"the database refused: {str(error).splitlines()[0][:200]}") from None
        finally:
            cursor.close()

    def _table(self, rows: list[Any], keys: list[str]) -> pd.DataFrame:
        return pd.DataFrame.from_records(rows, columns=[*keys, *self.features], coerce_float=True)


def _list(table: str, names: Sequence[str]) -> str:
    return ", ".join(f"{table}.{_quoted(name)}" if table else _quoted(name) for name in names)


def _quoted(name: str) -> str:
    """An identifier, or schema and identifier, as standard SQL quotes it. `%` would be taken for a mark."""
    if "%" in name or "\x00" in name:
        raise SourceFailed(f"a name cannot hold % or NUL: {name[:80]!r}")
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
