"""The tables the record is kept in. Nothing else in the project declares a table."""

from __future__ import annotations

import json

from sqlalchemy import (
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
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


class Verbatim(TypeDecorator[str]):
    """Text from a platform, in JSON's escapes: any string is kept, lone surrogates included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value)[1:-1]

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(json.loads(f'"{value}"'))


class Table(SQLModel):
    """What every table shares."""

    metadata = MetaData(naming_convention=NAMES)


class EntryRow(Table, table=True):
    """An event on record. Rows are added, never changed."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("platform", "room", "message_id"),
        # Covers all that rebuilding a dialogue asks before it reads a single body.
        Index("ix_entry_dialogue", "platform", "room", "sender", "seq", "kind", "said", "ends"),
        Index("ix_entry_person", "platform", "debate", "sender", "seq", "kind"),
        Index("ix_entry_turn", "turn", "kind"),
        Index("ix_entry_kind", "kind", "seq"),
        Index("ix_entry_command", "platform", "room", "command", "seq"),
    )

    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    """The event as canonical JSON; empty once erased."""
    salt: str = Field(sa_column=Column(Text, nullable=False, server_default=text("''")))
    """Goes with the body: then nobody can try out what it was."""
    digest: str = Field(sa_column=Column(Text, nullable=False, server_default=text("''")))
    """Of salt and body: what is sealed."""
    seal: str = Field(sa_type=Text)
    platform: str | None = Field(default=None, sa_type=Verbatim)
    room: str | None = Field(default=None, sa_type=Verbatim)
    debate: str | None = Field(default=None, sa_type=Verbatim)
    sender: str | None = Field(default=None, sa_type=Verbatim)
    message_id: str | None = Field(default=None, sa_type=Verbatim)
    said: str | None = Field(default=None, sa_type=Text)
    ends: bool = False
    turn: int | None = None
    command: str | None = Field(default=None, sa_type=Text)


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
    message: str | None = Field(default=None, sa_type=Text)
    """What was written, until it is answered: what may be kept of it is in the entry."""
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


class HeadRow(Table, table=True):
    """The newest entry, as the record's keeper signed it. One row."""

    __tablename__ = "head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False), default=1)
    seq: int
    seal: str = Field(sa_type=Text)
    signature: bytes


ENTRY, INBOX, CURSOR, OUTBOX, HEAD = (
    Table.metadata.tables[name] for name in ("entry", "inbox", "cursor", "outbox", "head")
)
"""The same tables, for statements that need no object a row."""
