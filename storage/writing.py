"""The statements that a ledger runs, built once: building them costs more than running them."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, literal_column, select, text, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from storage.reading import STORED
from storage.statement import Statement, adding
from storage.tables import CHECKPOINT, CURSOR, ENTRY, HEAD, INBOX, LABEL, OUTBOX, TILE

PLACED = ("seq", "kind", "turn", "key", "platform", "room", "debate")
"""What is read of an entry that another is about."""

_ITS = update(ENTRY).where(ENTRY.c.seq == bindparam("its_seq"))
_THIS_MESSAGE = (
    INBOX.c.platform == bindparam("its_platform"),
    INBOX.c.event_id == bindparam("its_id"),
)
_UPSERT_CURSOR = upsert(CURSOR).values({c.name: bindparam(c.name) for c in CURSOR.columns})
_UPSERT_KEPT = upsert(CHECKPOINT).values({c.name: bindparam(c.name) for c in CHECKPOINT.columns})

ANSWER = Statement(
    select(*STORED).where(
        ENTRY.c.platform == bindparam("platform"),
        ENTRY.c.room == bindparam("room"),
        ENTRY.c.message_id == bindparam("message_id"),
    )
)
CASE = Statement(
    select(*STORED).where(
        ENTRY.c.turn == bindparam("about"), ENTRY.c.kind == literal_column("'case'")
    )
)
REVIEWED_BY = Statement(
    select(*STORED).where(
        ENTRY.c.turn == bindparam("about"), ENTRY.c.kind == literal_column("'review'")
    )
)
ERASE = Statement(_ITS.values(body=None, at=bindparam("minute")))
FORGET = Statement(_ITS.values(body=None, at=bindparam("minute"), sender=None, message_id=None))
_OF_AUTHOR = delete(INBOX).where(
    tuple_(INBOX.c.platform, INBOX.c.room, INBOX.c.sender).in_(
        select(ENTRY.c.platform, ENTRY.c.room, ENTRY.c.sender).where(
            ENTRY.c.seq == bindparam("its_seq"), ENTRY.c.sender.is_not(None)
        )
    )
)
UNKNOWN = Statement(_OF_AUTHOR)
ANSWERED_UNKNOWN = Statement(_OF_AUTHOR.where(INBOX.c.done == literal_column("1")))
CONTENTS = Statement(select(ENTRY.c.at, ENTRY.c.key).where(ENTRY.c.seq == bindparam("its_seq")))
LEFT = Statement(
    select(ENTRY.c.seq, ENTRY.c.leaf, ENTRY.c.body).where(
        ENTRY.c.key == bindparam("its_key"), ENTRY.c.body.is_not(None)
    )
)
MOVE_KEY = Statement(
    update(ENTRY).where(ENTRY.c.key == bindparam("its_key")).values(key=bindparam("to"))
)
SEALED_AGAIN = Statement(_ITS.values(body=bindparam("again")))
ANSWERED = Statement(
    update(INBOX).where(*_THIS_MESSAGE).values(done=literal_column("1"), message=None)
)
SETTLED = Statement(
    update(OUTBOX)
    .where(OUTBOX.c.seq == bindparam("its_seq"), OUTBOX.c.delivered.is_(None))
    .values(delivered=bindparam("by"), external_id=bindparam("shown"))
)
MOVED = Statement(
    _UPSERT_CURSOR.on_conflict_do_update(
        index_elements=["platform"], set_={"value": _UPSERT_CURSOR.excluded.value}
    )
)
CONTESTED = Statement(_ITS.values(contested=literal_column("1")))
REVIEWED = Statement(_ITS.values(reviewed=literal_column("1")))
COUNTED = Statement(
    text(
        "WITH fact AS MATERIALIZED (SELECT json_extract(value, '$[0]') AS debate, "
        "json_extract(value, '$[1]') AS day, json_extract(value, '$[2]') AS dimension, "
        "json_extract(value, '$[3]') AS value, json_extract(value, '$[4]') AS count "
        "FROM json_each(:facts)) "
        "INSERT INTO tally "
        "SELECT everywhere, CASE WHEN everywhere THEN '' ELSE debate END, span, "
        "substr(day, 1, length), dimension, value, count FROM fact, "
        "(SELECT 0 AS everywhere, 'day' AS span, 10 AS length UNION ALL SELECT 0, 'month', 7 "
        "UNION ALL SELECT 1, 'day', 10 UNION ALL SELECT 1, 'month', 7) "
        "WHERE true ON CONFLICT DO UPDATE SET count = count + excluded.count"
    )
)
"""Counts facts four times each with one statement: see `storage.tables.TallyRow`.

They are given as JSON: for each the debate as it is stored, day, dimension, value and count.
"""
KEPT = Statement(
    _UPSERT_KEPT.on_conflict_do_update(
        index_elements=["size"], set_={"note": _UPSERT_KEPT.excluded.note}
    )
)
LAST_KEPT = Statement(
    select(CHECKPOINT.c.at).order_by(CHECKPOINT.c.size.desc()).limit(literal_column("1"))
)
NEW_ENTRY, NEW_LABEL, NEW_TILE = (Statement(adding(table)) for table in (ENTRY, LABEL, TILE))
NEW_REPLY, NEW_HEAD = (Statement(adding(table)) for table in (OUTBOX, HEAD))
_GIVEN = [column for column in INBOX.columns if column.name != "position"]
NEW_MESSAGE = Statement(
    insert(INBOX)
    .prefix_with("OR IGNORE")
    .from_select(
        [column.name for column in _GIVEN],
        select(*(bindparam(column.name, type_=column.type) for column in _GIVEN)).where(
            ~select(ENTRY.c.seq)
            .where(
                ENTRY.c.platform == bindparam("platform"),
                ENTRY.c.room == bindparam("room"),
                ENTRY.c.message_id == bindparam("event_id", type_=ENTRY.c.message_id.type),
            )
            .exists()
        ),
    )
)
"""Adds a message unless it was received before, or answered."""
NEXT_HEAD = Statement(update(HEAD).values(size=bindparam("size"), note=bindparam("note")))


PLACE = Statement(
    select(*(ENTRY.c[name] for name in PLACED)).where(ENTRY.c.seq == bindparam("its_seq"))
)
REVIEWS = Statement(
    select(ENTRY.c.why).where(
        ENTRY.c.turn == bindparam("about"), ENTRY.c.kind == literal_column("'review'")
    )
)
