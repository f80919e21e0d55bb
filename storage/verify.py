"""Check a record from outside: read every byte, trust none, change nothing.

Reads the file through the standard library alone, apart from the code that writes it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.errors import ConfigError
from storage.chain import (
    Head,
    HeadState,
    PublicKey,
    Report,
    Row,
    digest,
    judge,
    read_public_key,
    walk,
)

_ENTRIES = """
    SELECT seq, CAST(at AS BLOB), CAST(kind AS BLOB), CAST(digest AS BLOB), CAST(seal AS BLOB),
           CAST(body AS BLOB), CAST(salt AS BLOB),
           platform, room, debate, sender, message_id, said, ends, turn, command
    FROM entry ORDER BY seq
"""
_HEAD = "SELECT seq, CAST(seal AS BLOB), CAST(signature AS BLOB) FROM head"
_NOT_ITS_FAULT = ("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_BUSY", "SQLITE_LOCKED")
_DAMAGED = Row(-1, b"", b"", b"", b"")


def verify(path: Path, key: Path | None = None) -> Report:
    """Return what is to be said of the record at *path*, however damaged it is.

    *key* is the file of the key that signs it, private or public; beside the record by default.

    Raises:
        ConfigError: There is no file at *path*, or it may not be read.
    """
    if not path.is_file():
        raise ConfigError(f"There is no record at {path}: name its file.")
    public = read_public_key(key or key_beside(path))
    try:
        return _report(path, public)
    except Exception as exc:  # whatever trips the reader, the record is damaged
        if getattr(exc, "sqlite_errorname", "") in _NOT_ITS_FAULT:
            raise ConfigError(f"{path} cannot be read: check its rights and locks.") from exc
        return Report(entries=0, broken=1, head=HeadState.MISSING)


def key_beside(path: Path) -> Path:
    """Return where the signing key of the record at *path* is, unless told otherwise."""
    return path.with_name(f"{path.name}.key")


def reading_uri(path: Path) -> str:
    """Return how to open *path* without writing; a copy at rest needs no place for a lock."""
    at_rest = not path.with_name(f"{path.name}-wal").exists()
    fixed = at_rest and not os.access(path.parent, os.W_OK, effective_ids=True)
    return f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if fixed else ''}"


def _report(path: Path, public: PublicKey | None) -> Report:
    with closing(sqlite3.connect(reading_uri(path), uri=True, isolation_level=None)) as connection:
        connection.text_factory = bytes  # damaged text need not be UTF-8
        connection.execute("BEGIN")  # one moment of the record, though it may be growing
        reader = _Reader(connection)
        met = walk(reader.rows())
        broken = min((n for n in (met.broken, reader.emptied()) if n is not None), default=None)
        return Report(
            entries=met.entries, broken=broken, head=judge(_head(connection), public, met)
        )


@dataclass(slots=True)
class _Reader:
    """Reads entries, and keeps account of those without a body."""

    connection: sqlite3.Connection
    empty: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    """What later entries say was erased."""

    def rows(self) -> Iterator[Row]:
        """Yield the entries; one that is not whole, or found as its body says, is a damaged one."""
        try:
            for values in self.connection.execute(_ENTRIES):
                row = Row(*values[:5])
                whole = self._whole(row, values[5], values[6], values[7:])
                yield row if whole else _DAMAGED._replace(seq=row.seq)
        except (sqlite3.Error, UnicodeError):
            yield _DAMAGED

    def emptied(self) -> int | None:
        """Return the first entry without a body that no entry says was erased."""
        return min(self.empty - self.erased, default=None)

    def _whole(self, row: Row, body: bytes, salt: bytes, found_by: tuple[object, ...]) -> bool:
        """Tell whether nothing is missing in *row* and it is found by what its body says."""
        if None in (*row, body, salt):
            return False
        if not body:
            self.empty.add(row.seq)
            return True
        try:
            event = json.loads(body)
            self.erased.update(event.get("erased", ()))
            sealed = digest(body, salt.decode()).encode() == row.digest
            return sealed and _found_by(event, row.kind.decode()) == found_by
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return False


def _found_by(event: dict[str, Any], kind: str) -> tuple[object, ...]:
    """Return what an entry of *event* ought to be found by."""
    if event["kind"] != kind:
        return ()
    said = (event.get("reply") or {}).get("kind")
    ends = int(event.get("ends", False) or kind == "approval")
    command = event.get("command")
    rest = (said and said.encode(), ends, event.get("turn"), command and command.encode())
    if (message := event.get("message")) is None:
        return (*[None] * 5, *rest)
    room = message["room"]
    debate = room.get("debate") or room["id"]
    places = (room["platform"], room["id"], debate, message["sender"], message["id"])
    return (*map(_verbatim, places), *rest)


def _verbatim(value: str) -> bytes:
    return json.dumps(value)[1:-1].encode()


def _head(connection: sqlite3.Connection) -> Head | None:
    heads = connection.execute(_HEAD).fetchall()
    if len(heads) != 1 or None in heads[0]:
        return None
    seq, seal, signature = heads[0]
    return Head(seq, seal.decode("ascii", "replace"), signature)
