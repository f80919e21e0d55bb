"""Open SQLite as the record needs it, and say in plain words what it complains of."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ConfigError, StorageError
from storage.verify import reading_uri

_REASONS = {
    "SQLITE_FULL": "The disk is full: make room, nothing is lost.",
    "SQLITE_READONLY": "The database may not be written: give this user the right to.",
    "SQLITE_BUSY": "Another process keeps the database locked: stop it, or try again.",
    "SQLITE_CANTOPEN": "The database cannot be opened: check that its directory may be written.",
    "SQLITE_IOERR": "The disk failed: check it, and the space left on it.",
    "SQLITE_CORRUPT": "The database is damaged: restore a backup.",
    "SQLITE_NOTADB": "The file is no database: name another, or restore a backup.",
}
_OTHER = "The database refused: run `socrate audit verify`."


def open_engine(path: Path, *, read_only: bool, wait: float) -> Engine:
    """Return the engine for the file at *path*; a lock is waited for *wait* seconds."""
    uri = reading_uri(path) if read_only else f"{path.absolute().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False
        )

    # Parameters hold what citizens wrote: they must not show in an error.
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True)
    if not read_only:
        event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def for_writing(engine: Engine) -> Engine:
    """Return *engine* with transactions that exclude every other writer from their start."""
    return engine.execution_options(writes=True)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Exclude every other writer; commit what is done within, or undo all of it.

    SQLAlchemy's own transaction takes as long as most of what is done in one.
    """
    connection.execute("BEGIN IMMEDIATE").close()
    try:
        yield
        connection.commit()
    except BaseException:  # whatever it is, a stop included: nothing stays half done
        with suppress(sqlite3.Error):  # a disk that failed may have undone it already
            connection.rollback()
        raise


def make_file(path: Path) -> None:
    """See that there is a file at *path* which may be written; a new one is its owner's alone.

    Raises:
        ConfigError: There can be none.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise ConfigError(f"{path.parent} is missing or may not be written: make it writable.")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        raise ConfigError(f"The record cannot be written to {path}: {exc.strerror}.") from exc


def empty_log(path: Path) -> None:
    """Empty the write-ahead log, so that what was erased is in no file; readers go first."""
    with (
        suppress(sqlite3.Error),  # some other time, then
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)) as it,
    ):
        it.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StorageError` for whatever the database complains of."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, OverflowError) as exc:
        raise StorageError(f"The record cannot be used. {reason(exc)}") from exc


def reason(exc: BaseException) -> str:
    """Return what *exc* means and what to do, without a word of what was to be stored."""
    code = getattr(getattr(exc, "orig", exc), "sqlite_errorname", "")
    return next((said for name, said in _REASONS.items() if code.startswith(name)), _OTHER)


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # what is erased must not linger in the file
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
