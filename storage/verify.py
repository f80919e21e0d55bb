"""Check a record from outside: read every byte, trust none, change nothing.

Reads the file through the standard library alone. `tools/verify_record.py` does the same and
shares no code with this project.
"""

from __future__ import annotations

import json
import os
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import ConfigError, NoteError
from storage.leaf import PLAIN, SALT, commit, where, who
from storage.merkle import leaf_hash
from storage.notes import Kind, Verifier, opened
from storage.signing import epochs_beside, key_beside, read_public_key
from storage.tree import Tree

STEP = 1_000
"""After how many entries it is told how far the reading has come."""
MOST = 1_000
"""Faults that are named; a record as broken as that needs no more."""
_COLUMNS = (
    *("seq", "leaf", "key", "body", "at", "kind"),
    *("platform", "room", "debate", "sender", "message_id"),
    *("said", "ends", "turn", "command", "language", "move", "source"),
)
_ENTRIES = f"SELECT {', '.join(_COLUMNS)} FROM entry ORDER BY seq"  # noqa: S608 # our own names
_NOT_ITS_FAULT = ("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_BUSY", "SQLITE_LOCKED")
_HEADER = ("said", "language", "move", "source")


class HeadState(Enum):
    """What can be said of the newest checkpoint."""

    OK = "ok"
    TRUNCATED = "truncated"
    """Entries it counts are gone."""
    DIFFERENT = "different"
    """Its root is not that of the entries."""
    FORGED = "forged"
    """It is no checkpoint, or its signature is not by the record's key."""
    MISSING = "missing"
    NO_KEY = "no-key"
    """Without the key its signature cannot be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not as it was written."""

    place: str
    """``entry 12``, ``checkpoint 40``, ``tile 0/3``, ``head``."""
    what: str
    """``missing``, ``leaf``, ``index``, ``body``, ``empty``, ``root``, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verifier found."""

    entries: int
    """How many entries were read."""
    head: HeadState
    root: str = ""
    """Over the entries there are, in hexadecimal."""
    words: bool = True
    """Whether the keys were there to check what people wrote, too."""
    faults: tuple[Fault, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the record is as its keeper wrote it, as far as this can be known."""
        return not self.faults and self.head is HeadState.OK


def verify(
    path: Path,
    key: Path | None = None,
    epochs: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Return what is to be said of the record at *path*, however damaged it is.

    *key* is the file of the key that signs it, *epochs* that of the keys its words are encrypted
    with; beside the record by default. *progress* is told now and then how many entries were read.

    Raises:
        ConfigError: There is no file at *path*, or it may not be read.
    """
    if not path.is_file():
        raise ConfigError(f"There is no record at {path}: name its file.")
    public = read_public_key(key or key_beside(path))
    try:
        return _report(path, public, _epoch_keys(epochs or epochs_beside(path)), progress)
    except Exception as exc:  # whatever trips the reader, the record is damaged
        if getattr(exc, "sqlite_errorname", "") in _NOT_ITS_FAULT:
            raise ConfigError(f"{path} cannot be read: check its rights and locks.") from exc
        fault = Fault(place="record", what="unreadable")
        return Report(entries=0, head=HeadState.MISSING, faults=(fault,))


def reading_uri(path: Path) -> str:
    """Return how to open *path* without writing; a copy at rest needs no place for a lock."""
    at_rest = not path.with_name(f"{path.name}-wal").exists()
    fixed = at_rest and not os.access(path.parent, os.W_OK, effective_ids=True)
    return f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if fixed else ''}"


def _epoch_keys(path: Path) -> dict[int, AESGCM]:
    try:
        pairs = (line.split() for line in path.read_text("ascii").splitlines() if line.strip())
        return {int(number): AESGCM(bytes.fromhex(key)) for number, key in pairs}
    except (OSError, ValueError):
        return {}


def _report(
    path: Path,
    public: bytes | None,
    epochs: dict[int, AESGCM],
    progress: Callable[[int], None],
) -> Report:
    with closing(sqlite3.connect(reading_uri(path), uri=True, isolation_level=None)) as connection:
        connection.text_factory = bytes  # damaged text need not be UTF-8
        connection.execute("BEGIN")  # one moment of the record, though it may be growing
        reader = _Reader(connection, epochs, progress)
        reader.read()
        head = reader.head(public)
        return Report(
            entries=reader.entries,
            head=head,
            root=reader.tree.root().hex(),
            words=bool(epochs),
            faults=tuple(reader.faults[:MOST]),
        )


@dataclass(slots=True)
class _Reader:
    """Reads entries, and keeps account of what is wrong with them."""

    connection: sqlite3.Connection
    epochs: dict[int, AESGCM]
    progress: Callable[[int], None]
    entries: int = 0
    tree: Tree = field(default_factory=Tree)
    faults: list[Fault] = field(default_factory=list)
    empty: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    """What entries say was erased."""
    roots: dict[int, bytes] = field(default_factory=dict)
    """Roots at the sizes of which checkpoints are kept."""
    keys: dict[int, AESGCM] = field(default_factory=dict)

    def read(self) -> None:
        """Read everything there is."""
        self.keys = dict(self._keys()) if self.epochs else {}
        kept = dict(self._table("SELECT size, note FROM checkpoint"))
        tiles = {(level, at): h for level, at, h in self._table("SELECT * FROM tile")}
        for values in self._table(_ENTRIES):
            self._entry(dict(zip(_COLUMNS, values, strict=True)), tiles)
            if self.tree.size in kept:
                self.roots[self.tree.size] = self.tree.root()
        self.faults += [Fault(place=f"tile {n}/{at}", what="extra") for n, at in tiles]
        unnamed = sorted(self.empty - self.erased)
        self.faults += [Fault(place=f"entry {seq}", what="empty") for seq in unnamed]
        for size, note in kept.items():
            if not self._vouched(size, note):
                self.faults.append(Fault(place=f"checkpoint {size}", what="root"))

    def head(self, public: bytes | None) -> HeadState:
        """Return what is to be said of the newest checkpoint."""
        heads = list(self._table("SELECT size, note FROM head"))
        if len(heads) != 1 or not isinstance(heads[0][1], bytes):
            return HeadState.MISSING
        if public is None:
            return HeadState.NO_KEY
        try:
            note = heads[0][1].decode()
            # The log may be called as its keeper likes: its key is what counts.
            name = note.partition("\n")[0]
            found = opened(note, [Verifier(name=name, kind=Kind.LOG, key=public)])
        except (NoteError, UnicodeDecodeError):
            return HeadState.FORGED
        if found.size > self.tree.size:
            return HeadState.TRUNCATED
        same = (found.size, found.root) == (self.tree.size, self.tree.root())
        return HeadState.OK if same and heads[0][0] == found.size else HeadState.DIFFERENT

    def _table(self, statement: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self.connection.execute(statement)
        except sqlite3.Error as exc:
            if getattr(exc, "sqlite_errorname", "") in _NOT_ITS_FAULT:
                raise
            self.faults.append(Fault(place="record", what="unreadable"))

    def _keys(self) -> Iterator[tuple[int, AESGCM]]:
        for number, epoch, wrapped in self._table("SELECT id, epoch, wrapped FROM key"):
            try:
                bound = f"key {number}".encode()
                secret = self.epochs[epoch].decrypt(wrapped[:12], wrapped[12:], bound)
                yield number, AESGCM(secret)
            except (InvalidTag, ValueError, KeyError, TypeError):
                self.faults.append(Fault(place=f"key {number}", what="locked"))

    def _entry(self, row: dict[str, Any], tiles: dict[tuple[int, int], bytes]) -> None:
        self.entries += 1
        if self.entries % STEP == 0:
            self.progress(self.entries)
        expected, place = self.tree.size + 1, f"entry {row['seq']}"
        if row["seq"] != expected:
            self.faults.append(Fault(place=f"entry {expected}", what="missing"))
        if not isinstance(row["leaf"], bytes):
            self.faults.append(Fault(place=place, what="leaf"))
            row["leaf"] = b""
        for tile in self.tree.append(leaf_hash(row["leaf"])):
            if tiles.pop((tile.level, tile.position), None) != tile.hashes:
                at = f"tile {tile.level}/{tile.position}"
                self.faults.append(Fault(place=at, what="tile"))
        if what := self._wrong(row):
            self.faults.append(Fault(place=place, what=what))

    def _wrong(self, row: dict[str, Any]) -> str:
        """Return what is wrong with *row*; nothing if nothing is."""
        try:
            header = json.loads(row["leaf"])
            self.erased.update(header.get("erased", ()))
            if not _as_header(row, header):
                return "leaf"
            if row["body"] is None:
                self.empty.add(row["seq"])
                return ""
            if not self.epochs:
                return ""
            return self._body(row, header["commits"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return "leaf"

    def _body(self, row: dict[str, Any], commits: dict[str, str]) -> str:
        sealed, bound = row["body"], leaf_hash(row["leaf"])
        try:
            plain = self.keys[row["key"]].decrypt(sealed[:12], sealed[12:], bound)
            found = _committed(row, plain)
            if found["what"] != commits["what"]:
                return "body"
            if found != commits:
                return "index"
            event = json.loads(plain[PLAIN:])
            return "" if _found_by(event, row) else "index"
        except (InvalidTag, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return "body"

    def _vouched(self, size: object, note: object) -> bool:
        """Tell whether the checkpoint *note* is of the tree as it was at *size*."""
        if not isinstance(note, bytes) or not isinstance(size, int):
            return False
        lines = note.decode("utf-8", "replace").split("\n")
        try:
            checkpoint = (int(lines[1]), lines[2])
        except (IndexError, ValueError):
            return False
        root = self.roots.get(size)
        return root is not None and checkpoint == (size, b64encode(root).decode())


def _committed(row: dict[str, Any], plain: bytes) -> dict[str, str]:
    """Return what the columns and the event of an entry are committed to by."""
    texts = {name: _text(row[name]) for name in ("debate", "platform", "room")}
    at, message, sender = row["at"].decode(), _text(row["message_id"]), _text(row["sender"])
    return {
        "who": commit(plain[:SALT], who(at, message, sender)),
        "what": commit(plain[SALT : 2 * SALT], plain[PLAIN:]),
        "where": commit(plain[2 * SALT : PLAIN], where(**texts)),
    }


def _as_header(row: dict[str, Any], header: dict[str, Any]) -> bool:
    """Tell whether the columns of *row* are what its leaf says."""
    same = header["seq"] == row["seq"] and header["kind"].encode() == row["kind"]
    in_time = row["at"][:16] + b"Z" == header["ts"].encode()
    about = header.get("about") == (row["turn"] or None)
    if row["body"] is None or header["kind"] != "turn":
        return bool(same and in_time and about)
    listed = all((header.get(name) or "").encode() == (row[name] or b"") for name in _HEADER)
    return bool(same and in_time and about and listed)


def _found_by(event: dict[str, Any], row: dict[str, Any]) -> bool:
    """Tell whether *row* is found by what its event says."""
    if event["kind"].encode() != row["kind"]:
        return False
    said = (event.get("reply") or {}).get("kind")
    ends = bool(event.get("ends", False)) or event["kind"] == "approval"
    found = (said, ends, event.get("turn"), event.get("command"))
    return found == (_text(row["said"]), row["ends"] == 1, row["turn"], _text(row["command"]))


def _text(value: bytes | None) -> str | None:
    """Return what a column of text from a platform stands for."""
    return None if value is None else str(json.loads(b'"' + value + b'"'))
