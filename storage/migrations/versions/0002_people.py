"""What erasing and a debate of several rooms need."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from storage.first import digest

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ENTRY = sa.table(
    "entry",
    *(
        sa.column(name)
        for name in ("seq", "body", "digest", "debate", "room", "turn", "kind", "command")
    ),
)
OUTBOX = sa.table("outbox", sa.column("delivered"), sa.column("external_id"))


def upgrade() -> None:
    op.add_column(
        "entry", sa.Column("salt", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column(
        "entry", sa.Column("digest", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("entry", sa.Column("debate", sa.Text(), nullable=True))
    op.add_column("entry", sa.Column("turn", sa.Integer(), nullable=True))
    op.add_column("entry", sa.Column("command", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("external_id", sa.Text(), nullable=True))
    _fill()
    op.create_index("ix_entry_person", "entry", ["platform", "debate", "sender", "seq", "kind"])
    op.create_index("ix_entry_turn", "entry", ["turn", "kind"])
    op.create_index("ix_entry_kind", "entry", ["kind", "seq"])
    op.create_index("ix_entry_command", "entry", ["platform", "room", "command", "seq"])
    op.create_index("ix_inbox_room", "inbox", ["platform", "room"])
    op.create_index("ix_outbox_shown", "outbox", ["platform", "external_id"])


def _fill() -> None:
    """Give the entries there are what the new columns say of them."""
    connection = op.get_bind()
    connection.execute(sa.update(ENTRY).values(debate=ENTRY.c.room))
    found = connection.execute(sa.select(ENTRY.c.seq, ENTRY.c.kind, ENTRY.c.body)).all()
    for seq, kind, body in found:
        event = json.loads(body)
        connection.execute(
            sa.update(ENTRY)
            .where(ENTRY.c.seq == seq)
            .values(
                digest=digest(body.encode(), ""),
                turn=event.get("turn"),
                command=event.get("command"),
            )
        )
        if kind == "delivery" and event["external_id"] is not None:
            connection.execute(
                sa.update(OUTBOX)
                .where(OUTBOX.c.delivered == seq)
                .values(external_id=json.dumps(event["external_id"])[1:-1])
            )
