"""A record begun in the first format goes on in the new one, nothing lost and nothing changed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.domain import Erased, Kind, Message, Rectification, Reply, Review, Room, Turn
from bot.errors import ConfigError
from storage import codec, first
from storage.engine import for_writing, make_file, open_engine
from storage.signing import make_key
from storage.sql import SqlRecord

ROOM = Room("matrix", "!café:example.org")
SIX = datetime(2027, 1, 31, 18, tzinfo=UTC)
AT = "2027-01-31T18:00:00.000000Z"
STEPS = ("0001", "0002")
"""Every released schema before the present one."""


def said(number: int, text: str) -> Turn:
    message = Message(id=f"${number}", room=ROOM, sender="P1", text=text, sent_at=SIX)
    reply = Reply(room=ROOM, to=f"${number}", text="Why?", kind=Kind.QUESTION, language="en")
    return Turn(message=message, language="en", reply=reply)


EVENTS = (
    said(1, "More trees in the square"),
    said(2, "And \ud83d benches \0 too"),
    Rectification(
        message=Message(id="$3", room=ROOM, sender="P1", text="", sent_at=SIX, edits="$2"),
        erased=(2,),
    ),
    Review(turn=1, moderator="M1", finding="leading"),
)


def old_record(path: Path, step: str) -> None:
    """Write a record at *path* as the version at *step* did."""
    make_file(path)
    make_key(path.with_name("record.db.key"))
    engine = open_engine(path, read_only=False, wait=1)
    with for_writing(engine).begin() as connection:
        config = Config()
        config.set_main_option("script_location", "storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, step)
    engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        seal = first.GENESIS
        for seq, event in enumerate(EVENTS, start=1):
            seal = _add(connection, seq, event, seal, step)
        _sign(connection, path, seal)
        connection.execute(
            "INSERT INTO inbox (platform, event_id, room, sender, message, received_at, done) "
            "VALUES ('matrix', '$9', '!caf\\u00e9:example.org', 'P1', ?, ?, 0)",
            (codec.encode_message(said(9, "Waiting").message), AT),
        )
        connection.execute("INSERT INTO outbox (seq, platform) VALUES (1, 'matrix')")
        connection.execute("INSERT INTO cursor VALUES ('matrix', 's7')")


def _add(connection, seq: int, event, previous: str, step: str) -> str:
    emptied = seq == 2 and step != "0001"
    body = codec.encode(event)
    salt = "" if step == "0001" else "ab" * 32
    digest = first.digest(body.encode(), salt)
    kind = codec.kind_of(event)
    seal = first.seal(previous, seq, at=AT.encode(), kind=kind.encode(), digest=digest)
    found = codec.lookup(event)
    row = {"seq": seq, "at": AT, "kind": kind, "body": "" if emptied else body, "seal": seal}
    row |= {"platform": found.platform, "sender": found.sender, "said": found.said}
    row |= {"room": found.room and json.dumps(found.room)[1:-1], "message_id": found.message_id}
    row |= {"ends": found.ends}
    if step != "0001":
        row |= {"salt": "" if emptied else salt, "digest": digest, "turn": found.turn}
        row |= {"debate": row["room"], "command": found.command}
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO entry ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 # our own names
    return seal


def _sign(connection, path: Path, seal: str) -> None:
    key = load_pem_private_key(path.with_name("record.db.key").read_bytes(), password=None)
    vouched = b"cafe-socrate head v1\0" + len(EVENTS).to_bytes(8, "big") + seal.encode()
    head = (1, len(EVENTS), seal, key.sign(vouched))
    connection.execute("INSERT INTO head VALUES (?, ?, ?, ?)", head)


@pytest.fixture(params=STEPS)
def path(request, tmp_path) -> Path:
    old_record(tmp_path / "record.db", request.param)
    return tmp_path / "record.db"


async def test_every_entry_is_there_with_its_old_seal_in_its_leaf(path):
    with closing(sqlite3.connect(path)) as connection:
        seals = [seal for (seal,) in connection.execute("SELECT seal FROM entry ORDER BY seq")]

    async with SqlRecord(path) as record:
        entries = [entry async for entry in record.entries()]
        report = await record.verify()
        leaves = [json.loads(await record.leaf(seq)) for seq in range(1, 5)]

    events = [entry.event for entry in entries]
    assert [codec.kind_of(e) for e in events] == [codec.kind_of(e) for e in EVENTS]
    assert all(now in (then, Erased(kind="turn")) for now, then in zip(events, EVENTS, strict=True))
    assert {entry.at for entry in entries} == {SIX}
    assert [leaf["was"] for leaf in leaves] == seals
    assert report.sound
    assert report.entries == 4


async def test_the_mailbox_goes_on_where_it_was(path):
    async with SqlRecord(path) as record:
        assert [m.text for m in await record.waiting("matrix")] == ["Waiting"]
        assert [e.seq for e in await record.unsent("matrix")] == [1]
        assert await record.cursor("matrix") == "s7"
        assert await record.append(said(1, "again")) == await record.entry(1)
        assert (await record.append(said(9, "Waiting"))).seq == 5
        assert await record.waiting("matrix") == []


async def test_afterwards_nothing_is_left_in_the_clear(path):
    async with SqlRecord(path):
        pass
    for file in path.parent.iterdir():
        assert b"trees" not in file.read_bytes()
        assert b"Waiting" not in file.read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entry SET body = replace(body, 'trees', 'cars.')",
        "DELETE FROM entry WHERE seq = 4",
        "UPDATE head SET signature = x'00'",
    ],
)
async def test_a_damaged_record_is_not_brought_over_and_left_as_it_is(path, damage):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(damage)

    with pytest.raises(ConfigError, match="not as it was sealed"):
        await SqlRecord(path).__aenter__()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(body) FROM entry").fetchone()[0] >= 3
