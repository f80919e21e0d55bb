"""A statement in SQLAlchemy's words, compiled once and run by the driver.

To run it SQLAlchemy's own way takes ten times as long, and the record runs a dozen of them for each
message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Insert, bindparam, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import Table

_DIALECT = sqlite.dialect()


class Statement:
    """Runs with values by name; rows come back as the driver gives them."""

    def __init__(self, clause: Executable) -> None:
        """Compile *clause*, each of whose values is a ``bindparam``."""
        compiled = clause.compile(dialect=_DIALECT)  # type: ignore[attr-defined] # every one can
        self._sql = str(compiled)
        binds = [compiled.binds[name] for name in compiled.positiontup or ()]
        self._names = [bind.key for bind in binds]
        self._fixed = {bind.key: bind.value for bind in binds if not bind.required}
        made = [(place, bind.type.bind_processor(_DIALECT)) for place, bind in enumerate(binds)]
        self._made: list[tuple[int, Callable[[Any], Any]]] = [
            (place, process) for place, process in made if process
        ]
        """The places of values that are stored otherwise than they are given."""

    def run(
        self, connection: sqlite3.Connection, values: Mapping[str, object] | None = None
    ) -> sqlite3.Cursor:
        """Run it once in the transaction that *connection* is in."""
        return connection.execute(self._sql, self._given(values or {}))

    def run_all(self, connection: sqlite3.Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it for each of *rows*."""
        if rows:
            connection.executemany(self._sql, [self._given(row) for row in rows])

    def _given(self, values: Mapping[str, object]) -> list[object]:
        known = {**self._fixed, **values} if self._fixed else values
        given = [known[name] for name in self._names]
        for place, process in self._made:
            given[place] = process(given[place])
        return given


def adding(table: Table, *without: str) -> Insert:
    """Return what adds a row to *table*, leaving columns *without* to the database."""
    columns = [column.name for column in table.columns if column.name not in without]
    return insert(table).values({name: bindparam(name) for name in columns})


def driver_of(connection: Connection) -> sqlite3.Connection:
    """Return the driver's connection under SQLAlchemy's."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("the record is kept in SQLite")
    return driver
