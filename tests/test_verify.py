"""Nobody can rewrite the record without its showing."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from bot.domain import Consent, Delivery, Kind, Message, Reply, Review, Room, Turn
from bot.errors import ConfigError
from storage.merkle import leaf_hash
from storage.signing import make_key, read_public_key, read_signer
from storage.sql import SqlRecord
from storage.verify import Fault, HeadState, Report, verify

ROOM = Room("matrix", "!café:example.org")
SIX = datetime(2027, 1, 31, 18, tzinfo=UTC)


def flipped(value: bytes, place: int, bit: int) -> bytes:
    return value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :]


def places(report: Report) -> set[str]:
    return {fault.place for fault in report.faults}


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "record.key"

    make_key(path)
    first = path.read_bytes()
    make_key(path)

    assert path.read_bytes() == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["record.key"]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "record.key"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="restore it"):
        make_key(path)
    assert path.read_bytes() == content
    assert read_public_key(path) is None


def message(number: int, text: str = "More trees in the square") -> Message:
    return Message(id=f"${number}", room=ROOM, sender="P1", text=text, sent_at=SIX)


def events() -> list:
    asked = Reply(room=ROOM, to="$2", text="Why?", kind=Kind.QUESTION, language="en")
    return [
        Consent(message=message(1, "/yes"), granted=True, notice="en:1@abc"),
        Turn(message=message(2), language="en", reply=asked),
        Delivery(turn=2, external_id="$9"),
        Review(turn=2, moderator="M1", finding="fair"),
    ]


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A small record at rest, to be copied."""
    path = tmp_path_factory.mktemp("kept") / "record.db"

    async def write() -> None:
        async with SqlRecord(path, clock=lambda: SIX) as record:
            for event in events():
                await record.append(event)

    asyncio.run(write())
    return path


@pytest.fixture
def path(kept, tmp_path) -> Path:
    """The path of a record of four entries, its key beside it."""
    for file in kept.parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / kept.name


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(statement, values)


def test_a_sound_record_is_said_to_be_sound(path):
    report = verify(path)

    assert (report.entries, report.head, report.faults) == (4, HeadState.OK, ())
    assert report.words
    assert report.sound


TEXTS = ("at", "kind", "platform", "room", "debate", "sender", "message_id", "said", "language")


@pytest.mark.parametrize("column", [*TEXTS, "leaf", "body"])
def test_every_flipped_byte_of_an_entry_is_found_where_it_is(path, column):
    kind = "TEXT" if column in TEXTS else "BLOB"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        rows = connection.execute(f"SELECT seq, CAST({column} AS BLOB) FROM entry").fetchall()  # noqa: S608 # our own name
        update = f"UPDATE entry SET {column} = CAST(? AS {kind}) WHERE seq = ?"  # noqa: S608 # likewise
        for seq, value in rows:
            for place in range(len(value or b"")):
                connection.execute(update, (flipped(value, place, (place + seq) % 8), seq))
                assert f"entry {seq}" in places(verify(path)), (seq, place)
            connection.execute(update, (value, seq))
    assert verify(path).sound


@pytest.mark.parametrize("seq", [-(2**63), -1, 0, 5, 6, 2**63 - 1])
def test_a_changed_number_is_found(path, seq):
    change(path, "UPDATE entry SET seq = ? WHERE seq = 4", seq)

    assert f"entry {1 if seq < 1 else 4}" in places(verify(path))


def test_a_turn_said_to_end_an_idea_is_found(path):
    change(path, "UPDATE entry SET ends = 1 WHERE seq = 2")

    assert verify(path).faults == (Fault(place="entry 2", what="index"),)


def test_every_flipped_byte_of_the_newest_checkpoint_is_found(path):
    with closing(sqlite3.connect(path)) as connection:
        [(value,)] = connection.execute("SELECT CAST(note AS BLOB) FROM head").fetchall()
    for place in range(len(value)):
        change(path, "UPDATE head SET note = CAST(? AS TEXT)", flipped(value, place, place % 8))
        assert verify(path).head is HeadState.FORGED, place


@pytest.mark.parametrize("size", [0, 3, 5, -1, 2**62, "four", b"4", 4.5])
def test_a_changed_size_beside_the_newest_checkpoint_is_found(path, size):
    change(path, "UPDATE head SET size = ?", size)

    assert verify(path).head is HeadState.DIFFERENT


def test_a_checkpoint_of_another_tree_is_found_among_those_kept(path):
    with closing(sqlite3.connect(path)) as connection:
        [(note,)] = connection.execute("SELECT note FROM head").fetchall()
    change(path, "INSERT INTO checkpoint VALUES (3, ?, '2027')", note.replace("\n4\n", "\n3\n"))

    assert verify(path).faults == (Fault(place="checkpoint 3", what="root"),)


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_tail_cut_off_is_found(path, left):
    change(path, "DELETE FROM entry WHERE seq > ?", left)

    report = verify(path)
    assert (report.entries, report.head, report.faults) == (left, HeadState.TRUNCATED, ())


def test_a_missing_head_is_found_even_of_an_emptied_record(path):
    change(path, "DELETE FROM head")
    assert verify(path).head is HeadState.MISSING

    change(path, "DELETE FROM entry")
    assert (verify(path).entries, verify(path).head) == (0, HeadState.MISSING)


def test_an_entry_that_nobody_signed_is_found(path):
    change(
        path,
        "INSERT INTO entry SELECT 5, leaf, key, body, at, kind, platform, room, debate, within, "
        "sender, '$x', said, command, language, why, move, source, decision, turn, labels, ends, "
        "contested, reviewed FROM entry WHERE seq = 4",
    )

    assert verify(path).head is HeadState.DIFFERENT
    assert "entry 5" in places(verify(path))


def test_a_head_signed_by_another_key_is_found(path, tmp_path):
    other = tmp_path / "other.key"
    make_key(other)

    assert verify(path, other).head is HeadState.FORGED


def test_without_the_key_the_verifier_says_that_it_cannot_tell(path, tmp_path):
    report = verify(path, tmp_path / "none.key")

    assert (report.entries, report.faults, report.head) == (4, (), HeadState.NO_KEY)
    assert not report.sound


def test_anyone_with_the_public_key_can_verify_all_but_the_words(path, tmp_path):
    public = tmp_path / "public.pem"
    private = path.with_name("record.db.key")
    key = load_pem_private_key(private.read_bytes(), password=None).public_key()
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for name in ("record.db.key", "record.db.epochs"):
        path.with_name(name).unlink()

    report = verify(path, public)

    assert report.sound
    assert not report.words


def test_it_is_told_how_far_the_reading_has_come(path, monkeypatch):
    monkeypatch.setattr("storage.verify.STEP", 2)
    told = []

    verify(path, progress=told.append)

    assert told == [2, 4]


def test_a_seal_is_the_hash_of_the_leaf(path):
    with closing(sqlite3.connect(path)) as connection:
        [(leaf,)] = connection.execute("SELECT leaf FROM entry WHERE seq = 2").fetchall()

    async def entry():
        async with SqlRecord(path, read_only=True) as record:
            return await record.entry(2)

    assert asyncio.run(entry()).seal == leaf_hash(leaf).hex()


def test_a_leaf_holds_nobodys_words_names_or_exact_time(path):
    with closing(sqlite3.connect(path)) as connection:
        leaves = b"".join(leaf for (leaf,) in connection.execute("SELECT leaf FROM entry"))
    for private in (b"trees", b"P1", b"$2", b"!caf", b"18:00:00", b"M1"):
        assert private not in leaves


def test_what_people_wrote_is_nowhere_in_the_clear(path):
    for file in path.parent.iterdir():
        assert b"trees" not in file.read_bytes()


def test_a_lost_key_file_is_named(path):
    path.with_name("record.db.epochs").unlink()

    async def open_it():
        async with SqlRecord(path):
            pass

    with pytest.raises(ConfigError, match=r"record\.db\.epochs"):
        asyncio.run(open_it())


def test_the_log_can_be_given_a_name(tmp_path):
    make_key(tmp_path / "key")

    assert read_signer(tmp_path / "key", "mairie.example/cafe").name == "mairie.example/cafe"
    with pytest.raises(ConfigError, match=r"record\.origin"):
        read_signer(tmp_path / "key", "la mairie")


def test_verifying_raises_nothing_whatever_byte_of_the_file_is_flipped(path):
    raw = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for place in (*range(100), *range(100, len(raw), 97)):
            _put(file, place, raw[place] ^ 1 << place % 8)
            assert isinstance(verify(path), Report)
            _put(file, place, raw[place])


def _put(file, place: int, byte: int) -> None:
    file.seek(place)
    file.write(bytes([byte]))


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_record_is_reported_as_broken(tmp_path, content):
    path = tmp_path / "record.db"
    path.write_bytes(content)

    assert not verify(path).sound
    assert verify(path).head is HeadState.MISSING
    assert verify(path).faults


def test_a_record_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no record at"):
        verify(tmp_path / "record.db")
