"""Make a large record out of a small one: week after week, what happened in its first.

Each copied entry has its own number, time, message id, leaf and seal, as the writer would have
given it, so the record verifies. Only the counts of new people are not copied: nobody is new twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from storage import codec
from storage.engine import for_writing, open_engine
from storage.leaf import PLAIN, SALT, commit, who
from storage.merkle import leaf_hash
from storage.notes import Checkpoint, sign
from storage.reading import stored_tree
from storage.signing import epochs_beside, key_beside, read_signer
from storage.statement import driver_of
from storage.tree import Tree
from storage.vault import Vault

WEEK = timedelta(days=7)
_LABELLED = "INSERT INTO label SELECT label, seq + :shift FROM label WHERE seq <= :last"
_SHOWN = """
INSERT INTO outbox SELECT seq + :shift, platform, NULL, NULL FROM outbox WHERE seq <= :last
"""
_TALLIED = """
INSERT INTO tally SELECT everywhere, debate, :span, substr(date(start, :days), 1, :length),
dimension, CASE dimension WHEN 'day' THEN date(value, :days) ELSE value END, sum(count) FROM week
WHERE true GROUP BY 1, 2, 4, 5, 6 ON CONFLICT DO UPDATE SET count = count + excluded.count
"""


@dataclass(slots=True)
class Week:
    """The first entries of a record, to be copied."""

    connection: Connection
    vault: Vault
    tree: Tree
    rows: list[dict[str, Any]]
    """As they are stored, with what is encrypted as ``plain``."""

    def copy(self, number: int) -> None:
        """Add what happened in the first week once more, *number* weeks later."""
        rows, tiles = [], []
        for row in self.rows:
            rows.append(copied := self._row(row, number))
            tiles += [tile._asdict() for tile in self.tree.append(leaf_hash(copied["leaf"]))]
        self._insert("entry", rows)
        self._insert("tile", tiles)
        self._index(number)

    def _row(self, row: dict[str, Any], number: int) -> dict[str, Any]:
        shift, (plain, header) = number * len(self.rows), (row["plain"], json.loads(row["leaf"]))
        at = codec.stamp(codec.moment(row["at"]) + number * WEEK)
        message = row["message_id"] and f"{row['message_id']}.{number}"
        header |= {"seq": row["seq"] + shift, "ts": f"{at[:16]}Z"}
        header["commits"]["who"] = commit(plain[:SALT], who(at, message, row["sender"]))
        turn = row["turn"] and row["turn"] + shift
        if turn:
            header["about"] = turn
            event = codec.canonical(json.loads(plain[PLAIN:]) | {"turn": turn}).encode()
            header["commits"]["what"] = commit(plain[SALT : 2 * SALT], event)
            plain = plain[:PLAIN] + event
        leaf = codec.canonical(header).encode()
        body = self.vault.seal(driver_of(self.connection), row["key"], plain, leaf_hash(leaf))
        own = {"seq": header["seq"], "at": at, "message_id": message, "turn": turn}
        return row | own | {"leaf": leaf, "body": body}

    def _insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            names = [name for name in rows[0] if name != "plain"]
            values = ", ".join(f":{name}" for name in names)
            adding = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})"  # noqa: S608 # our own names
            self.connection.exec_driver_sql(adding, rows)

    def _index(self, number: int) -> None:
        shift = {"shift": number * len(self.rows), "last": len(self.rows)}
        for copying in (_LABELLED, _SHOWN):
            self.connection.execute(text(copying), shift)
        for span, length in (("day", len("2026-01-01")), ("month", len("2026-01"))):
            days = f"+{7 * number} days"
            self.connection.execute(text(_TALLIED), {"span": span, "length": length, "days": days})


def grow(path: Path, entries: int) -> None:
    """Copy the week that the closed record at *path* holds until there are *entries*, about."""
    vault, signer = Vault(epochs_beside(path)), read_signer(key_beside(path))
    vault.load()
    engine = open_engine(path, read_only=False, wait=5)
    with for_writing(engine).begin() as connection:
        connection.exec_driver_sql("PRAGMA cache_size = -400000")
        connection.exec_driver_sql(
            "CREATE TEMP TABLE week AS SELECT * FROM tally "
            "WHERE span = 'day' AND dimension <> 'people'"
        )
        rows = list(_opened(connection, vault))
        week = Week(connection, vault, stored_tree(driver_of(connection), len(rows)), rows)
        for number in range(1, entries // len(rows)):
            week.copy(number)
        size, root = week.tree.size, week.tree.root()
        note = sign(Checkpoint(origin=signer.name, size=size, root=root), signer)
        connection.execute(
            text("UPDATE head SET size = :size, note = :note"), {"size": size, "note": note}
        )
    engine.dispose()


def _opened(connection: Connection, vault: Vault) -> Iterator[dict[str, Any]]:
    found = connection.exec_driver_sql("SELECT * FROM entry ORDER BY seq").mappings().all()
    for row in found:
        plain = vault.open(driver_of(connection), row["key"], row["body"], leaf_hash(row["leaf"]))
        yield {**row, "plain": plain}
