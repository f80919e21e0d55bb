"""The tables the record is kept in. Nothing else in the project declares a table."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""How constraints are named, so that a migration can name them too."""

_REVIEWS = text("kind = 'review'")


def stored(text: str) -> str:
    """Return what a column of `Verbatim` holds for *text*."""
    return encode_basestring_ascii(text)[1:-1]


def verbatim(held: str | None) -> str | None:
    """Return the text for which a column of `Verbatim` holds *held*."""
    return None if held is None else str(json.loads(f'"{held}"'))


class Verbatim(TypeDecorator[str]):
    """Text from a platform, in JSON's escapes: any string is kept, lone surrogates included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else stored(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return verbatim(value)


class Table(SQLModel):
    """What every table shares."""

    metadata = MetaData(naming_convention=NAMES)


class EntryRow(Table, table=True):
    """An event on record: its leaf, its words encrypted, and what it can be found by.

    Rows are added; of an old one nothing changes but what is erased, and the two marks.
    """

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("platform", "room", "message_id"),
        # Covers all that rebuilding a dialogue asks before it reads a single body.
        Index("ix_entry_dialogue", "platform", "room", "sender", "seq", "kind", "said", "ends"),
        Index("ix_entry_person", "platform", "debate", "sender", "seq", "kind"),
        Index("ix_entry_turn", "turn", "kind"),
        Index("ix_entry_kind", "kind", "seq"),
        Index("ix_entry_command", "platform", "room", "command", "seq"),
        # What follows is for the lists that moderators read.
        Index("ix_entry_at", "at"),
        Index("ix_entry_key", "key"),
        Index("ix_entry_within", "within", "seq"),
        Index("ix_entry_language", "language", "seq", sqlite_where=text("language IS NOT NULL")),
        Index("ix_entry_decision", "decision", "seq", sqlite_where=text("decision IS NOT NULL")),
        Index("ix_entry_contested", "seq", sqlite_where=text("contested = 1")),
        Index("ix_entry_reviewed", "seq", sqlite_where=text("reviewed = 1")),
        # These cover all that `storage.listing.findings` asks.
        Index("ix_entry_finding", "seq", "turn", "why", sqlite_where=_REVIEWS),
        Index("ix_entry_finding_within", "within", "seq", "turn", "why", sqlite_where=_REVIEWS),
    )

    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    leaf: bytes = Field(sa_type=LargeBinary)
    """What is hashed, to the byte; see `storage.leaf`."""
    key: int
    """The key its body is encrypted with."""
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Salts and event, encrypted; null once erased."""
    at: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    platform: str | None = Field(default=None, sa_type=Verbatim)
    room: str | None = Field(default=None, sa_type=Verbatim)
    debate: str | None = Field(default=None, sa_type=Verbatim)
    within: str | None = Field(default=None, sa_type=Verbatim)
    """The debate it is listed under: for a review, that of what is reviewed."""
    sender: str | None = Field(default=None, sa_type=Verbatim)
    message_id: str | None = Field(default=None, sa_type=Verbatim)
    said: str | None = Field(default=None, sa_type=Text)
    ends: bool = False
    turn: int | None = None
    command: str | None = Field(default=None, sa_type=Text)
    language: str | None = Field(default=None, sa_type=Text)
    why: str | None = Field(default=None, sa_type=Text)
    move: str | None = Field(default=None, sa_type=Text)
    source: str | None = Field(default=None, sa_type=Text)
    decision: str | None = Field(default=None, sa_type=Text)
    labels: str = Field(default="", sa_type=Text)
    contested: bool = False
    """Whether a later entry contests it."""
    reviewed: bool = False
    """Whether a later entry judges it."""


class LabelRow(Table, table=True):
    """What was found in an entry, so that the rare can be listed quickly."""

    __tablename__ = "label"
    __table_args__ = ({"sqlite_with_rowid": False},)

    label: str = Field(sa_column=Column(Text, primary_key=True))
    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))


class KeyRow(Table, table=True):
    """A key for the words of one person in one debate, wrapped; the newest of theirs counts."""

    __tablename__ = "key"
    __table_args__ = (
        Index("ix_key_owner", "platform", "debate", "sender", "id"),
        {"sqlite_autoincrement": True},  # the number of a deleted key is never given again
    )

    id: int | None = Field(default=None, primary_key=True)
    platform: str = Field(sa_type=Verbatim)
    debate: str = Field(sa_type=Verbatim)
    sender: str = Field(sa_type=Verbatim)
    """Empty, as the others, for the key of what belongs to nobody."""
    epoch: int
    wrapped: bytes = Field(sa_type=LargeBinary)


class TileRow(Table, table=True):
    """A full tile of the tree; see `storage.tree`."""

    __tablename__ = "tile"

    level: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    hashes: bytes = Field(sa_type=LargeBinary)


class HeadRow(Table, table=True):
    """The newest checkpoint. One row."""

    __tablename__ = "head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False), default=1)
    size: int
    note: str = Field(sa_type=Text)


class CheckpointRow(Table, table=True):
    """A checkpoint that is kept: the last of a day, or one that a witness cosigned."""

    __tablename__ = "checkpoint"

    size: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    note: str = Field(sa_type=Text)
    at: str = Field(sa_type=Text)


class TallyRow(Table, table=True):
    """How often something happened in a debate on a day: counted on, never back.

    Each fact is counted four times, in its debate and everywhere, on its day and in its month: a
    page reads few rows of a record of years.
    """

    __tablename__ = "tally"
    __table_args__ = ({"sqlite_with_rowid": False},)

    everywhere: bool = Field(sa_column=Column(Boolean, primary_key=True))
    debate: str = Field(sa_column=Column(Verbatim, primary_key=True))
    """Empty for everywhere, and for what belongs to no debate."""
    span: str = Field(sa_column=Column(Text, primary_key=True))
    """``day`` or ``month``."""
    start: str = Field(sa_column=Column(Text, primary_key=True))
    """The ISO date of the day, or as much of it as names the month."""
    dimension: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    count: int


class InboxRow(Table, table=True):
    """A message that came in. Once answered, only its id stays."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("platform", "event_id"),
        Index("ix_inbox_waiting", "platform", "done", "position"),
        Index("ix_inbox_room", "platform", "room"),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True)
    platform: str = Field(sa_type=Verbatim)
    event_id: str = Field(sa_type=Verbatim)
    room: str = Field(sa_type=Verbatim)
    sender: str = Field(sa_type=Verbatim)
    message: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What was written, encrypted, until it is answered: what may be kept is in the entry."""
    received_at: str = Field(sa_type=Text)
    done: bool = False


class CursorRow(Table, table=True):
    """How far a platform has been read."""

    __tablename__ = "cursor"

    platform: str = Field(primary_key=True, sa_type=Verbatim)
    value: str = Field(sa_type=Verbatim)


class OutboxRow(Table, table=True):
    """A reply that was decided."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_unsent", "platform", "delivered", "seq"),
        Index("ix_outbox_shown", "platform", "external_id"),
    )

    seq: int = Field(
        sa_column=Column(Integer, ForeignKey("entry.seq"), primary_key=True, autoincrement=False)
    )
    """The entry that holds it."""
    platform: str = Field(sa_type=Verbatim)
    delivered: int | None = Field(default=None, foreign_key="entry.seq")
    """The entry that says what became of it."""
    external_id: str | None = Field(default=None, sa_type=Verbatim)
    """The platform's id for it."""


ENTRY, LABEL, KEY, TILE, HEAD, CHECKPOINT, TALLY, INBOX, CURSOR, OUTBOX = (
    Table.metadata.tables[name]
    for name in (
        *("entry", "label", "key", "tile", "head", "checkpoint", "tally"),
        *("inbox", "cursor", "outbox"),
    )
)
"""The same tables, for statements that need no object a row."""
