"""How rows of the database become entries, and how the tree they make is found again."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlalchemy import bindparam, literal_column, select

from bot.domain import Entry, Erased, Event
from bot.errors import NoteError, StorageError
from storage import codec
from storage.leaf import PLAIN
from storage.merkle import leaf_hash
from storage.notes import Verifier, opened
from storage.statement import Statement
from storage.tables import ENTRY, HEAD, TILE
from storage.tree import HEIGHT, Tiles, Tree, grown
from storage.vault import Vault

_HEAD = Statement(select(HEAD.c.size, HEAD.c.note))
_SIZE = Statement(select(ENTRY.c.seq).order_by(ENTRY.c.seq.desc()).limit(literal_column("1")))
_LEAVES = Statement(
    select(ENTRY.c.leaf)
    .where(ENTRY.c.seq > bindparam("after"), ENTRY.c.seq <= bindparam("last"))
    .order_by(ENTRY.c.seq)
)
_LEAF = Statement(select(ENTRY.c.leaf).where(ENTRY.c.seq == bindparam("its_seq")))
_TILE = Statement(
    select(TILE.c.hashes).where(
        TILE.c.level == bindparam("its_level"), TILE.c.position == bindparam("its_position")
    )
)


class Stored(NamedTuple):
    """What of a row makes an entry."""

    seq: int
    leaf: bytes
    key: int
    body: bytes | None
    at: str
    kind: str


STORED = tuple(ENTRY.c[name] for name in Stored._fields)
"""Its columns."""


class Head(NamedTuple):
    """The newest checkpoint, and the size it is of."""

    size: int
    note: str


def newest_head(connection: sqlite3.Connection) -> Head | None:
    """Return the newest checkpoint, whoever signed it."""
    row = _HEAD.run(connection).fetchone()
    return Head(*row) if row else None


def tree_at(connection: sqlite3.Connection, head: Head, verifier: Verifier) -> Tree | None:
    """Return the tree of all there is, if *head* is its checkpoint and signed as it should be."""
    try:
        checkpoint = opened(head.note, [verifier])
        tree = stored_tree(connection, checkpoint.size)
    except (NoteError, KeyError, TypeError, StorageError):
        return None
    newest, *_ = _SIZE.run(connection).fetchone() or (0,)
    genuine = (checkpoint.size, checkpoint.root) == (tree.size, tree.root())
    return tree if genuine and newest == checkpoint.size == head.size else None


def stored_tree(connection: sqlite3.Connection, size: int) -> Tree:
    """Return the tree of the first *size* leaves, where *size* is at the open end.

    Raises:
        KeyError: A tile is missing.
        StorageError: A leaf is missing.
    """
    after = size >> HEIGHT << HEIGHT
    leaves = _LEAVES.run(connection, {"after": after, "last": size}).fetchall()
    if len(leaves) != size - after:
        raise StorageError(codec.UNREADABLE)
    return grown(size, tiles(connection), (leaf_hash(its_leaf) for (its_leaf,) in leaves))


def tiles(connection: sqlite3.Connection) -> Tiles:
    """Return what finds full tiles."""

    def stored(level: int, position: int) -> bytes | None:
        values = {"its_level": level, "its_position": position}
        found = _TILE.run(connection, values).fetchone()
        return found[0] if found else None

    return stored


def leaf_of(connection: sqlite3.Connection, seq: int) -> bytes | None:
    """Return the leaf of entry *seq*, to the byte, if there is one."""
    row = _LEAF.run(connection, {"its_seq": seq}).fetchone()
    return row[0] if row else None


def entry_of(connection: sqlite3.Connection, row: Stored, vault: Vault) -> Entry:
    """Return the entry that *row* of its table holds.

    Raises:
        StorageError: It is damaged, or its key is lost.
    """
    try:
        its_hash = leaf_hash(row.leaf)
    except TypeError as exc:
        raise StorageError(codec.UNREADABLE) from exc
    if row.body is None:
        event: Event = Erased(kind=row.kind)
    else:
        plain = vault.open(connection, row.key, row.body, its_hash)
        event = codec.decode(plain[PLAIN:])
    return Entry(seq=row.seq, at=codec.moment(row.at), event=event, seal=its_hash.hex())
