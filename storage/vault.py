"""The keys that people's words are encrypted with, and the keys of those keys.

Each person has a key in each debate; it lies in the database wrapped by an epoch key, which lies
outside it. Whoever has only the database can read nothing; a key that is deleted is an erasure.
"""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, delete, literal_column, select, update

from bot.errors import ConfigError, StorageError
from storage.codec import UNREADABLE
from storage.files import replace_file, write_once
from storage.statement import Statement, adding
from storage.tables import INBOX, KEY, verbatim

NONCE = 12
SECRET = 32
REMEMBERED = 10_000
"""Keys kept in mind at most."""

_ALL = select(KEY.c.id, KEY.c.epoch, KEY.c.wrapped)
_FOUND = Statement(_ALL)
_OF_OWNER = Statement(
    select(KEY.c.id)
    .where(
        KEY.c.platform == bindparam("platform"),
        KEY.c.debate == bindparam("debate"),
        KEY.c.sender == bindparam("sender"),
    )
    .order_by(KEY.c.id.desc())
    .limit(literal_column("1"))
)
_OF_ID = Statement(_ALL.where(KEY.c.id == bindparam("its_id")))
_OWNER_OF = Statement(
    select(KEY.c.platform, KEY.c.debate, KEY.c.sender).where(KEY.c.id == bindparam("its_id"))
)
_NEW = Statement(adding(KEY, "id"))
_WRAPPED = Statement(
    update(KEY)
    .where(KEY.c.id == bindparam("its_id"))
    .values(epoch=bindparam("its_epoch"), wrapped=bindparam("its_wrapped"))
)
_GONE = Statement(delete(KEY).where(KEY.c.id == bindparam("its_id")))
_WAITING = Statement(
    select(INBOX.c.position, INBOX.c.event_id, INBOX.c.message).where(INBOX.c.message.is_not(None))
)
_SEALED_AGAIN = Statement(
    update(INBOX)
    .where(INBOX.c.position == bindparam("its_position"))
    .values(message=bindparam("again"))
)

_LOST = (
    "Words on record are encrypted with a key that {path} does not hold: restore that file from "
    "the backup that belongs to this record."
)


class Owner(NamedTuple):
    """Whose words a key is for: a person in a debate, or nobody."""

    platform: str = ""
    debate: str = ""
    sender: str = ""


NOBODY = Owner()


class Vault:
    """Encrypts and decrypts; forgets what a transaction that failed had made."""

    def __init__(self, path: Path) -> None:
        """Keep epoch keys in the file *path*."""
        self.path = path
        self._epochs: dict[int, AESGCM] = {}
        self._read: object = None
        """Which state of the file was read."""
        self._keys: dict[int, AESGCM] = {}
        self._owners: dict[Owner, int] = {}

    def make(self) -> None:
        """Make the first epoch key, unless there is one.

        Raises:
            ConfigError: It can neither be read nor made.
        """
        try:
            if not self.path.exists():
                write_once(self.path, _line(1, os.urandom(SECRET)))
        except OSError as exc:
            raise ConfigError(f"No keys can be written to {self.path}: {exc.strerror}.") from exc
        self.load()

    def load(self) -> None:
        """Read the epoch keys.

        Raises:
            ConfigError: They cannot be read.
        """
        try:
            self._read = self._state()
            lines = self.path.read_text("ascii").splitlines()
            pairs = [line.split() for line in lines if line.strip()]
            self._epochs = {int(n): AESGCM(bytes.fromhex(key)) for n, key in pairs}
        except (OSError, ValueError) as exc:
            raise ConfigError(_LOST.format(path=self.path)) from exc
        if not self._epochs:
            raise ConfigError(_LOST.format(path=self.path))

    def refresh(self) -> None:
        """Read the epoch keys again if another process rotated: to be called in a transaction.

        Raises:
            ConfigError: They cannot be read.
        """
        if self._state() != self._read:
            self.load()

    def since(self) -> datetime:
        """Return when the newest epoch key was made: only making one writes the file.

        Raises:
            ConfigError: The file is gone.
        """
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except OSError as exc:
            raise ConfigError(_LOST.format(path=self.path)) from exc

    def forget(self) -> None:
        """Forget every key that was read from the database."""
        self._keys.clear()
        self._owners.clear()

    def key_of(self, connection: sqlite3.Connection, owner: Owner) -> tuple[int, bool]:
        """Return the id of the key of *owner*, and whether it was made for them just now."""
        if (known := self._owners.get(owner)) is not None:
            return known, False
        row = _OF_OWNER.run(connection, owner._asdict()).fetchone()
        if len(self._owners) >= REMEMBERED:
            self._owners.clear()
        found: int = row[0] if row else self._made(connection, owner)
        self._owners[owner] = found
        return found, row is None

    def seal(
        self, connection: sqlite3.Connection, key: int, plain: bytes, bound_to: bytes
    ) -> bytes:
        """Return *plain* encrypted under *key*, to be read only with *bound_to*."""
        nonce = os.urandom(NONCE)
        return nonce + self._key(connection, key).encrypt(nonce, plain, bound_to)

    def open(
        self, connection: sqlite3.Connection, key: int, sealed: bytes, bound_to: bytes
    ) -> bytes:
        """Return what `seal` was given.

        Raises:
            StorageError: It was changed, or its key is gone.
        """
        try:
            return self._key(connection, key).decrypt(sealed[:NONCE], sealed[NONCE:], bound_to)
        except (InvalidTag, ValueError, TypeError) as exc:
            raise StorageError(UNREADABLE) from exc

    def seal_waiting(self, event_id: str, message: str) -> bytes:
        """Return *message*, which waits in the inbox under *event_id*, encrypted."""
        epoch, nonce = max(self._epochs), os.urandom(NONCE)
        sealed = self._epochs[epoch].encrypt(nonce, message.encode(), _inbox(event_id))
        return epoch.to_bytes(4, "big") + nonce + sealed

    def open_waiting(self, event_id: str, sealed: bytes) -> str:
        """Return the message that `seal_waiting` was given.

        Raises:
            StorageError: It was changed, or its key is gone.
        """
        epoch, nonce, rest = int.from_bytes(sealed[:4], "big"), sealed[4:16], sealed[16:]
        try:
            return self._epoch(epoch).decrypt(nonce, rest, _inbox(event_id)).decode()
        except (InvalidTag, ValueError, TypeError) as exc:
            raise StorageError(UNREADABLE) from exc

    def replaced(self, connection: sqlite3.Connection, key: int) -> int:
        """Return a new key for the owner of *key*, which stays until it is deleted."""
        row = _OWNER_OF.run(connection, {"its_id": key}).fetchone()
        owner = Owner(*(verbatim(part) or "" for part in row))
        self._owners.pop(owner, None)
        return self._made(connection, owner)

    def delete(self, connection: sqlite3.Connection, key: int) -> None:
        """Delete *key*: nothing encrypted with it can be read again."""
        _GONE.run(connection, {"its_id": key})
        self.forget()

    def rotate(self, connection: sqlite3.Connection) -> int:
        """Wrap every key under a new epoch key; return its number.

        The file holds old and new until `forget_epochs` is called, after the commit.
        """
        epoch, secret = max(self._epochs) + 1, os.urandom(SECRET)
        replace_file(self.path, self.path.read_bytes() + _line(epoch, secret))
        self.load()
        for key, old, wrapped in _FOUND.run(connection).fetchall():
            again = self._wrapped(key, epoch, self._unwrapped(key, old, wrapped))
            _WRAPPED.run(connection, {"its_id": key, "its_epoch": epoch, "its_wrapped": again})
        for position, stored, message in _WAITING.run(connection).fetchall():
            event_id = verbatim(stored) or ""
            again = self.seal_waiting(event_id, self.open_waiting(event_id, message))
            _SEALED_AGAIN.run(connection, {"its_position": position, "again": again})
        return epoch

    def forget_epochs(self, before: int) -> None:
        """Delete the epoch keys before number *before*: backups from then cannot be read."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if line.strip() and int(line.split()[0]) >= before]
        replace_file(self.path, b"".join(kept))
        self.load()

    def _state(self) -> object:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _made(self, connection: sqlite3.Connection, owner: Owner) -> int:
        epoch, secret = max(self._epochs), os.urandom(SECRET)
        row = {**owner._asdict(), "epoch": epoch, "wrapped": b""}
        key = _NEW.run(connection, row).lastrowid or 0
        wrapped = self._wrapped(key, epoch, secret)
        _WRAPPED.run(connection, {"its_id": key, "its_epoch": epoch, "its_wrapped": wrapped})
        self._remember(key, secret)
        return key

    def _key(self, connection: sqlite3.Connection, key: int) -> AESGCM:
        if (known := self._keys.get(key)) is not None:
            return known
        row = _OF_ID.run(connection, {"its_id": key}).fetchone()
        if row is None:
            raise StorageError(UNREADABLE)
        return self._remember(key, self._unwrapped(*row))

    def _remember(self, key: int, secret: bytes) -> AESGCM:
        if len(self._keys) >= REMEMBERED:
            self._keys.clear()
        self._keys[key] = AESGCM(secret)
        return self._keys[key]

    def _wrapped(self, key: int, epoch: int, secret: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._epoch(epoch).encrypt(nonce, secret, _bound(key))

    def _unwrapped(self, key: int, epoch: int, wrapped: bytes) -> bytes:
        try:
            return self._epoch(epoch).decrypt(wrapped[:NONCE], wrapped[NONCE:], _bound(key))
        except (InvalidTag, ValueError, TypeError) as exc:
            raise StorageError(UNREADABLE) from exc

    def _epoch(self, epoch: int) -> AESGCM:
        if epoch not in self._epochs:
            self.load()  # another process may have rotated
        if epoch not in self._epochs:
            raise StorageError(_LOST.format(path=self.path))
        return self._epochs[epoch]


def _line(epoch: int, secret: bytes) -> bytes:
    return f"{epoch} {secret.hex()}\n".encode()


def _bound(key: int) -> bytes:
    return f"key {key}".encode()


def _inbox(event_id: str) -> bytes:
    return f"inbox {json.dumps(event_id)[1:-1]}".encode()
