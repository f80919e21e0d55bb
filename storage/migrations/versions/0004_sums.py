"""Counts of months and of everywhere beside those of a debate's day; findings that are found fast.

A page then reads as much of a large record as of a small one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PLACES = (("0", "debate"), ("1", "''"))
SPANS = (("day", "day"), ("month", "substr(day, 1, 7)"))


def upgrade() -> None:
    op.rename_table("tally", "daily")
    op.create_table(
        "tally",
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        *(sa.Column(n, sa.Text(), nullable=False) for n in ("debate", "span", "start")),
        *(sa.Column(n, sa.Text(), nullable=False) for n in ("dimension", "value")),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("everywhere", "debate", "span", "start", "dimension", "value"),
            name=op.f("pk_tally"),
        ),
        sqlite_with_rowid=False,
    )
    for everywhere, debate in PLACES:
        for span, start in SPANS:
            op.execute(
                f"INSERT INTO tally SELECT {everywhere}, {debate}, '{span}', {start}, dimension, "  # noqa: S608 # our own words
                "value, sum(count) FROM daily GROUP BY 2, 4, 5, 6"
            )
    op.drop_table("daily")
    reviews = sa.text("kind = 'review'")
    for name, columns in (
        ("finding", ["seq", "turn", "why"]),
        ("finding_within", ["within", "seq", "turn", "why"]),
    ):
        op.create_index(f"ix_entry_{name}", "entry", columns, sqlite_where=reviews)
