"""A statement in SQLAlchemy's words, compiled once and run by the driver.

To run it SQLAlchemy's own way takes ten times as long, and the record runs a dozen of them for each
message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Executable, Insert, bindparam, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import Table

_DIALECT = sqlite.dialect()
_Made: TypeAlias = Callable[[Any], Any] | None


class Statement:
    """Runs with values by name; rows come back as the driver gives them."""

    def __init__(self, clause: Executable) -> None:
        """Compile *clause*, each of whose values is a ``bindparam``."""
        compiled = clause.compile(dialect=_DIALECT)  # type: ignore[attr-defined] # every one can
        self._sql = str(compiled)
        binds = [compiled.binds[name] for name in compiled.positiontup or ()]
        self._fixed = {bind.key: bind.value for bind in binds if not bind.required}
        self._made: list[tuple[str, _Made]] = [
            (bind.key, bind.type.bind_processor(_DIALECT)) for bind in binds
        ]

    def run(
        self, connection: Connection, values: Mapping[str, object] | None = None
    ) -> sqlite3.Cursor:
        """Run it once in the transaction that *connection* is in."""
        return _driver(connection).execute(self._sql, self._given(values or {}))

    def run_all(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it for each of *rows*."""
        if rows:
            _driver(connection).executemany(self._sql, [self._given(row) for row in rows])

    def _given(self, values: Mapping[str, object]) -> list[object]:
        known = {**self._fixed, **values}
        return [made(known[name]) if made else known[name] for name, made in self._made]


def adding(table: Table, *without: str) -> Insert:
    """Return what adds a row to *table*, leaving columns *without* to the database."""
    columns = [column.name for column in table.columns if column.name not in without]
    return insert(table).values({name: bindparam(name) for name in columns})


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("the record is kept in SQLite")
    return driver
