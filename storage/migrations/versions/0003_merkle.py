"""A Merkle log of headers, the words encrypted apart, what lists and counts need.

The old tables are put aside under other names: `storage.first` brings their contents over, once
every step is done.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIRST = ("entry", "inbox", "head", "outbox")


def upgrade() -> None:
    _put_aside()
    _entry()
    _tree()
    op.create_table(
        "label",
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("label", "seq", name=op.f("pk_label")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("debate", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_key_owner", "key", ["platform", "debate", "sender", "id"])
    op.create_table(
        "tally",
        *(sa.Column(n, sa.Text(), nullable=False) for n in ("debate", "day", "dimension", "value")),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("debate", "day", "dimension", "value", name=op.f("pk_tally")),
        sqlite_with_rowid=False,
    )
    _mailbox()
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM first_head")) == 0:
        for table in reversed(FIRST):  # a new database: there is nothing to bring over
            op.drop_table(f"first_{table}")


def _put_aside() -> None:
    """Rename the tables of the first format; what could be in the way of the new ones goes."""
    for table in FIRST:
        for index in sa.inspect(op.get_bind()).get_indexes(table):
            if name := index["name"]:
                op.drop_index(name, table_name=table)
        op.rename_table(table, f"first_{table}")


def _entry() -> None:
    texts = ("platform", "room", "debate", "within", "sender", "message_id", "said", "command")
    listed = ("language", "why", "move", "source", "decision")
    op.create_table(
        "entry",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in (*texts, *listed)),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Boolean(), nullable=False)
            for name in ("ends", "contested", "reviewed")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_entry")),
        sa.UniqueConstraint(
            "platform", "room", "message_id", name=op.f("uq_entry_platform_room_message_id")
        ),
    )
    for name, columns, where in (
        ("dialogue", ["platform", "room", "sender", "seq", "kind", "said", "ends"], ""),
        ("person", ["platform", "debate", "sender", "seq", "kind"], ""),
        ("turn", ["turn", "kind"], ""),
        ("kind", ["kind", "seq"], ""),
        ("command", ["platform", "room", "command", "seq"], ""),
        ("at", ["at"], ""),
        ("key", ["key"], ""),
        ("within", ["within", "seq"], ""),
        ("language", ["language", "seq"], "language IS NOT NULL"),
        ("decision", ["decision", "seq"], "decision IS NOT NULL"),
        ("contested", ["seq"], "contested = 1"),
        ("reviewed", ["seq"], "reviewed = 1"),
    ):
        only = sa.text(where) if where else None
        op.create_index(f"ix_entry_{name}", "entry", columns, sqlite_where=only)


def _tree() -> None:
    op.create_table(
        "tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_tile")),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_head_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
    )


def _mailbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("position", sa.Integer(), nullable=False),
        *(sa.Column(n, sa.Text(), nullable=False) for n in ("platform", "event_id", "room")),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_inbox")),
        sa.UniqueConstraint("platform", "event_id", name=op.f("uq_inbox_platform_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_waiting", "inbox", ["platform", "done", "position"])
    op.create_index("ix_inbox_room", "inbox", ["platform", "room"])
    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["seq"], ["entry.seq"], name=op.f("fk_outbox_seq")),
        sa.ForeignKeyConstraint(["delivered"], ["entry.seq"], name=op.f("fk_outbox_delivered")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_unsent", "outbox", ["platform", "delivered", "seq"])
    op.create_index("ix_outbox_shown", "outbox", ["platform", "external_id"])
