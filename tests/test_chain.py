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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Consent, Delivery, Kind, Message, Reply, Review, Room, Turn
from bot.errors import ConfigError
from storage import chain
from storage.chain import GENESIS, Head, HeadState, Report, Row, first_break
from storage.sql import SqlRecord
from storage.verify import verify

law = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # cores are shared

ROOM = Room("matrix", "!café:example.org")
SIX = datetime(2027, 1, 31, 18, tzinfo=UTC)


def links(*bodies: bytes) -> list[Row]:
    rows, previous = [], GENESIS
    for seq, body in enumerate(bodies, start=1):
        digest = chain.digest(body, "")
        previous = chain.seal(previous, seq, at=b"now", kind=b"turn", digest=digest)
        rows.append(Row(seq, b"now", b"turn", digest.encode(), previous.encode()))
    return rows


def flipped(value: bytes, place: int, bit: int) -> bytes:
    return value[:place] + bytes([value[place] ^ 1 << bit]) + value[place + 1 :]


@law
@given(st.lists(st.binary(max_size=20), max_size=5))
def test_an_untouched_chain_holds(bodies):
    assert first_break(links(*bodies)) is None


@law
@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5), st.data())
def test_any_flipped_bit_breaks_the_chain_where_it_is(bodies, data):
    rows = links(*bodies)
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["at", "kind", "digest", "seal"]))
    value = getattr(rows[at], column)
    place, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))

    rows[at] = rows[at]._replace(**{column: flipped(value, place, bit)})

    assert first_break(rows) == at + 1


@law
@given(st.integers(0, 3), st.integers())
def test_an_entry_cannot_change_its_number(at, seq):
    rows = links(b"a", b"b", b"c", b"d")

    rows[at] = rows[at]._replace(seq=seq)

    assert first_break(rows) == (None if seq == at + 1 else at + 1)


def test_a_missing_or_swapped_entry_breaks_the_chain():
    one, two, three = links(b"a", b"b", b"c")

    assert first_break([one, three]) == 2
    assert first_break([two, three]) == 1
    assert first_break([one, three, two]) == 2
    assert first_break([one, one, two]) == 2


@law
@given(st.lists(st.builds(Row, st.integers(), *[st.binary()] * 4)))
def test_walking_raises_nothing_whatever_the_rows(rows):
    met = chain.walk(rows)

    assert met.entries == len(rows)
    assert met.broken == (1 if rows else None)


def test_parts_of_an_entry_cannot_lend_each_other_bytes():
    assert chain.seal(GENESIS, 1, at=b"ab", kind=b"c", digest="") != chain.seal(
        GENESIS, 1, at=b"a", kind=b"bc", digest=""
    )


def test_a_record_sealed_today_can_be_verified_for_ever():
    assert GENESIS == "d571b7e50581608b5de9cc96e9a3e67abe06c7b31a763ef26afc2aae98df178a"
    digest = chain.digest(b"{}", "")
    assert chain.seal(GENESIS, 1, at=b"now", kind=b"turn", digest=digest) == (
        "987296ce25e5d32ec2d1f6f21d0b79d12c7d6064e6eea88cde13288c5466b58c"
    )


@law
@given(st.integers(), st.text(), st.binary())
def test_a_head_not_signed_by_the_key_is_never_taken_for_signed(seq, seal, signature):
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()

    assert not chain.signed(Head(seq, seal, signature), key)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "record.key"

    first, second = chain.make_key(path), chain.make_key(path)

    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["record.key"]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "record.key"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="restore it"):
        chain.make_key(path)
    assert path.read_bytes() == content
    assert chain.read_public_key(path) is None


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

    assert report == Report(entries=4, broken=None, head=HeadState.OK)
    assert report.sound


@pytest.mark.parametrize(
    "column", ["at", "kind", "body", "seal", "platform", "room", "sender", "message_id", "said"]
)
def test_every_flipped_byte_of_an_entry_is_found(path, column):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        rows = connection.execute(f"SELECT seq, CAST({column} AS BLOB) FROM entry").fetchall()  # noqa: S608 # our own name
        update = f"UPDATE entry SET {column} = CAST(? AS TEXT) WHERE seq = ?"  # noqa: S608 # likewise
        for seq, value in rows:
            for place in range(len(value or b"")):
                connection.execute(update, (flipped(value, place, (place + seq) % 8), seq))
                assert verify(path).broken == seq, (seq, place)
            connection.execute(update, (value, seq))
    assert verify(path).sound


@pytest.mark.parametrize("seq", [-(2**63), -1, 0, 5, 6, 2**63 - 1])
def test_a_changed_number_is_found(path, seq):
    change(path, "UPDATE entry SET seq = ? WHERE seq = 4", seq)

    assert verify(path).broken == (1 if seq < 1 else 4)


def test_a_turn_said_to_end_an_idea_is_found(path):
    change(path, "UPDATE entry SET ends = 1 WHERE seq = 2")

    assert verify(path).broken == 2


@pytest.mark.parametrize("column", ["seal", "signature"])
def test_every_flipped_byte_of_the_head_is_found(path, column):
    with closing(sqlite3.connect(path)) as connection:
        [(value,)] = connection.execute(f"SELECT CAST({column} AS BLOB) FROM head").fetchall()  # noqa: S608 # our own name
    cast = "CAST(? AS TEXT)" if column == "seal" else "?"
    for place in range(len(value)):
        change(path, f"UPDATE head SET {column} = {cast}", flipped(value, place, place % 8))  # noqa: S608 # likewise
        assert verify(path) == Report(entries=4, broken=None, head=HeadState.FORGED)


@pytest.mark.parametrize("seq", [0, 3, 5, -1, 2**62, "four", b"4", 4.5])
def test_a_changed_number_in_the_head_is_found(path, seq):
    change(path, "UPDATE head SET seq = ?", seq)

    assert verify(path).head is HeadState.FORGED


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_tail_cut_off_is_found(path, left):
    change(path, "DELETE FROM entry WHERE seq > ?", left)

    assert verify(path) == Report(entries=left, broken=None, head=HeadState.TRUNCATED)


def test_a_missing_head_is_found_even_of_an_emptied_record(path):
    change(path, "DELETE FROM head")
    assert verify(path).head is HeadState.MISSING

    change(path, "DELETE FROM entry")
    assert verify(path) == Report(entries=0, broken=None, head=HeadState.MISSING)


def test_a_well_sealed_entry_that_nobody_signed_is_found(path):
    with closing(sqlite3.connect(path)) as connection:
        [(last,)] = connection.execute("SELECT seal FROM entry WHERE seq = 4").fetchall()
    body = '{"finding":"fair","kind":"review","moderator":"M1","note":"","turn":2}'
    digest = chain.digest(body.encode(), "")
    seal = chain.seal(last, 5, at=b"now", kind=b"review", digest=digest)

    change(
        path,
        "INSERT INTO entry (seq, at, kind, body, seal, ends, digest, turn) "
        "VALUES (5, 'now', 'review', ?, ?, 0, ?, 2)",
        body,
        seal,
        digest,
    )

    assert verify(path) == Report(entries=5, broken=None, head=HeadState.DIFFERENT)


def test_a_head_signed_by_another_key_is_found(path, tmp_path):
    other = tmp_path / "other.key"
    chain.make_key(other)

    assert verify(path, other).head is HeadState.FORGED


def test_without_the_key_the_verifier_says_that_it_cannot_tell(path, tmp_path):
    report = verify(path, tmp_path / "none.key")

    assert report == Report(entries=4, broken=None, head=HeadState.NO_KEY)
    assert not report.sound


def test_anyone_with_the_public_key_can_verify(path, tmp_path):
    public = tmp_path / "public.pem"
    key = chain.read_key(path.with_name("record.db.key")).public_key()
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    assert verify(path, public).sound


def test_a_stored_body_flipped_in_the_raw_file_is_found(path):
    raw = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        bodies = [body.encode() for (body,) in connection.execute("SELECT body FROM entry")]
    with path.open("r+b", buffering=0) as file:
        for body in bodies:
            start = raw.index(body)
            for place in range(start, start + len(body), 2):
                _put(file, place, raw[place] ^ 1 << place // 2 % 8)
                assert verify(path).broken is not None
                _put(file, place, raw[place])
    assert verify(path).sound


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

    assert verify(path) == Report(entries=0, broken=1, head=HeadState.MISSING)


def test_a_record_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no record at"):
        verify(tmp_path / "record.db")
