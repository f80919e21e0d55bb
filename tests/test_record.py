"""The promises of the record and the mailbox, kept by every engine."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as hooks

from bot.domain import (
    Asked,
    Attempt,
    Consent,
    Contest,
    Delivery,
    Dialogue,
    Draft,
    Entry,
    Idea,
    Kind,
    Message,
    Move,
    Reply,
    Review,
    Room,
    Turn,
)
from bot.errors import ConfigError, StorageError
from storage.memory import MemoryRecord
from storage.signing import read_signer
from storage.sql import SqlRecord
from storage.statement import driver_of
from storage.verify import verify

ROOT = Path(__file__).parent.parent
ROOM = Room("matrix", "!café:example.org")
ELSEWHERE = Room("matrix", "!other:example.org")
SIX = datetime(2027, 1, 31, 18, tzinfo=UTC)
PRIVATE = "Pflaumenkuchen"


def clock():
    seconds = count()
    return lambda: SIX + timedelta(seconds=next(seconds))


def message(name: str = "$1", text: str = "More trees", **others) -> Message:
    return replace(Message(id=name, room=ROOM, sender="P1", text=text, sent_at=SIX), **others)


def reply(to: Message, text: str = "Why trees?", kind: Kind = Kind.QUESTION) -> Reply:
    return Reply(room=to.room, to=to.id, text=text, kind=kind, language="en")


def turn(
    name: str = "$1", text: str = "More trees", *, says: Kind | None = Kind.QUESTION, **others
) -> Turn:
    """A turn that answers *text* with something of the kind *says*."""
    about = {key: others.pop(key) for key in ("room", "sender") if key in others}
    asked = message(name, text, **about)
    answer = says and reply(asked, f"{says.value} on {name}", says)
    return replace(Turn(message=asked, language="en", reply=answer, move=Move.REASONS), **others)


def consent(name: str, *, granted: bool = True, **about) -> Consent:
    return Consent(message=message(name, "/yes", **about), granted=granted, notice="en:1@abc")


async def on_record(record) -> list[Entry]:
    return [entry async for entry in record.entries()]


async def whole(record: SqlRecord, entries: int) -> bool:
    """Whether the record is sound and has that many entries."""
    report = await record.verify()
    return report.sound and report.words and report.entries == entries


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "record.db"


@pytest.fixture
async def sql(path) -> AsyncIterator[SqlRecord]:
    async with SqlRecord(path, clock=clock(), random=bytes, wait=0.2) as record:
        yield record


@pytest.fixture(params=["memory", "sqlite"])
def record(request):
    return (
        MemoryRecord(clock=clock()) if request.param == "memory" else request.getfixturevalue("sql")
    )


# What every engine promises


async def test_entries_come_back_in_order_as_they_were_appended(record):
    events = [
        turn("$1"),
        Delivery(turn=1, external_id="$9"),
        turn("$2"),
        Review(turn=1, moderator="M", finding="fair"),
    ]

    appended = [await record.append(event) for event in events]

    assert await on_record(record) == appended
    assert [entry.event for entry in appended] == events
    assert [entry.seq for entry in appended] == [1, 2, 3, 4]
    assert [entry.at for entry in appended] == sorted(entry.at for entry in appended)


async def test_entries_can_be_read_on_from_any_number(record):
    for number in range(4):
        await record.append(turn(f"${number}"))

    assert [entry.seq async for entry in record.entries(after=2)] == [3, 4]
    assert [entry.seq async for entry in record.entries(after=4)] == []


async def test_a_second_answer_to_a_message_is_not_recorded(record):
    first = await record.append(turn("$1"))

    second = await record.append(turn("$1", "Other words", says=None))
    third = await record.append(Contest(message=message("$1"), turn=1))

    assert first == second == third
    assert await on_record(record) == [first]


async def test_messages_of_the_same_name_in_two_rooms_are_two_messages(record):
    await record.append(turn("$1"))
    await record.append(turn("$1", room=ELSEWHERE))
    await record.append(turn("$1", room=Room("discord", ROOM.id)))

    assert len(await on_record(record)) == 3


async def test_a_message_waits_until_an_entry_answers_it(record):
    await record.receive(message("$1"), "s1")
    await record.receive(message("$2"), "s2")
    await record.receive(message("$3", room=Room("discord", "7")), "s3")

    await record.append(turn("$1"))

    assert await record.waiting("matrix") == [message("$2")]
    assert await record.waiting("discord") == [message("$3", room=Room("discord", "7"))]


async def test_messages_wait_in_the_order_they_came(record):
    names = ["$b", "$a", "$c", "$0"]
    for name in names:
        await record.receive(message(name, sent_at=SIX - timedelta(days=ord(name[1]))), name)

    assert [each.id for each in await record.waiting("matrix")] == names


async def test_a_message_known_already_moves_the_cursor_only(record):
    assert await record.receive(message("$1"), "s1")
    assert not await record.receive(message("$1", "Other words"), "s2")

    assert await record.waiting("matrix") == [message("$1")]
    assert await record.cursor("matrix") == "s2"


async def test_a_message_answered_already_is_not_received_again(record):
    await record.append(turn("$1"))
    await record.receive(message("$2"), "s2")
    await record.append(turn("$2"))

    assert not await record.receive(message("$1"), "s3")
    assert not await record.receive(message("$2"), "s4")
    assert await record.waiting("matrix") == []


async def test_each_platform_has_its_own_cursor(record):
    assert await record.cursor("matrix") is None

    await record.receive(message("$1"), "s1")
    await record.receive(message("$2", room=Room("discord", "7")), "d1")

    assert await record.cursor("matrix") == "s1"
    assert await record.cursor("discord") == "d1"


@pytest.mark.parametrize("outcome", [{"external_id": "$9"}, {"failure": "forbidden"}])
async def test_a_reply_is_unsent_until_its_delivery_is_on_record(record, outcome):
    first = await record.append(turn("$1"))
    await record.append(turn("$2", says=None))
    third = await record.append(Contest(message=message("$3"), turn=1, reply=reply(message("$3"))))

    assert await record.unsent("matrix") == [first, third]
    assert await record.unsent("discord") == []

    await record.append(Delivery(turn=1, **outcome))

    assert await record.unsent("matrix") == [third]


async def test_a_delivery_of_which_nothing_is_known_leaves_the_reply_unsent(record):
    first = await record.append(turn("$1"))
    await record.append(Delivery(turn=1))
    await record.append(Delivery(turn=99, external_id="$9"))

    assert await record.unsent("matrix") == [first]


async def test_a_delivery_told_twice_is_no_harm(record):
    for _ in range(2):
        await record.append(turn("$1"))
        await record.append(Delivery(turn=1, external_id="$9"))

    assert await record.unsent("matrix") == []
    assert [entry.seq for entry in await on_record(record)] == [1, 2, 3]


async def test_many_tasks_at_once_keep_one_chain_without_gaps(record):
    appended = await asyncio.gather(
        *(record.append(turn(f"${n % 150}", sender=f"P{n}")) for n in range(300))
    )

    entries = await on_record(record)
    assert [entry.seq for entry in entries] == list(range(1, 151))
    assert {entry.seq for entry in appended} == set(range(1, 151))
    assert len({entry.seal for entry in entries}) == 150


@pytest.mark.parametrize(
    "text", ["", "\ud800", "a\0b", "مرحبا \u202e", "\\ud800", '"', "%_'", "x" * 25_000, "🙂" * 4000]
)
async def test_whatever_people_write_and_platforms_send_is_kept_to_the_letter(record, text):
    odd = Message(id=text, room=Room(text, text), sender=text, text=text, sent_at=SIX)

    await record.receive(odd, text)
    assert await record.waiting(text) == [odd]
    entry = await record.append(Turn(message=odd, language="ar", reply=reply(odd, text)))

    assert await record.cursor(text) == text
    assert await record.waiting(text) == []
    assert await record.unsent(text) == [entry]
    assert await on_record(record) == [entry]
    assert (await record.dialogue(odd.room, text)).last == entry.event
    assert await record.append(Turn(message=odd, language="ar")) == entry


async def test_a_date_without_a_time_zone_is_not_recorded(record):
    timeless = message("$1", sent_at=SIX.replace(tzinfo=None))

    with pytest.raises(StorageError, match="time zone"):
        await record.append(Turn(message=timeless, language="en"))

    assert await on_record(record) == []


# Where a dialogue stands


async def test_nothing_is_known_of_a_stranger(record):
    await record.append(turn("$1", sender="P2"))
    await record.append(turn("$2", room=ELSEWHERE))

    assert await record.dialogue(ROOM, "P1") == Dialogue(room=ROOM, sender="P1")


async def test_the_latest_consent_counts(record):
    await record.append(consent("$1"))
    await record.append(consent("$2", granted=False, sender="P2"))
    assert (await record.dialogue(ROOM, "P1")).consented

    await record.append(turn("$3"))
    await record.append(consent("$4", granted=False))
    assert not (await record.dialogue(ROOM, "P1")).consented
    assert not (await record.dialogue(ROOM, "P2")).consented


async def test_whoever_was_answered_once_has_been_greeted(record):
    await record.append(turn("$1", "", says=Kind.NOTICE))
    await record.append(consent("$2", granted=False, sender="P2"))

    assert (await record.dialogue(ROOM, "P1")).greeted
    assert (await record.dialogue(ROOM, "P2")).greeted


async def test_the_language_is_that_of_the_latest_turn(record):
    await record.append(turn("$1", language="fr"))
    await record.append(turn("$2", language="ar", says=None))
    await record.append(consent("$3"))

    assert (await record.dialogue(ROOM, "P1")).language == "ar"


async def test_the_idea_is_what_was_said_and_asked_since_the_last_one_ended(record):
    await record.append(turn("$1", "old"))
    await record.append(turn("$2", "old too", ends=True))
    await record.append(turn("$3", "Trees"))
    await record.append(turn("$4", "In the square", says=Kind.RECAP))
    await record.append(turn("$5", "P2's own", sender="P2"))

    idea = (await record.dialogue(ROOM, "P1")).idea

    assert idea == Idea(
        texts=("Trees", "In the square"), asked=(Asked("question on $3", Move.REASONS),)
    )


async def test_an_idea_just_ended_leaves_nothing_but_its_last_question(record):
    await record.append(turn("$1", "Trees"))
    question = await record.append(turn("$2", "In the square", ends=True))
    await record.append(turn("$3", "", command="stop", says=Kind.GOODBYE, ends=True))

    dialogue = await record.dialogue(ROOM, "P1")

    assert dialogue.idea == Idea()
    assert (dialogue.last, dialogue.last_seq) == (question.event, 2)


@pytest.mark.parametrize("says", [Kind.NOTICE, Kind.DECLINE, Kind.HELP, Kind.GOODBYE, None])
async def test_what_was_not_taken_up_is_no_part_of_the_idea(record, says):
    await record.append(turn("$1", "Trees"))
    await record.append(turn("$2", "Vote for me", says=says))

    assert (await record.dialogue(ROOM, "P1")).idea.texts == ("Trees",)


async def test_a_command_is_no_contribution_but_its_question_was_asked(record):
    await record.append(turn("$1", "Trees"))
    await record.append(turn("$2", "skip", command="skip"))
    await record.append(turn("$3", ""))

    idea = (await record.dialogue(ROOM, "P1")).idea

    assert idea.texts == ("Trees",)
    assert [asked.text for asked in idea.asked] == [f"question on ${n}" for n in (1, 2, 3)]


async def test_a_question_is_remembered_as_its_last_attempt_worded_it(record):
    drafts = [
        Draft(text="a", move=Move.EXAMPLE, frame="e1"),
        Draft(text="b", move=Move.PEOPLE, frame="p2"),
    ]
    await record.append(turn("$1", attempts=tuple(Attempt(draft, ()) for draft in drafts)))

    assert (await record.dialogue(ROOM, "P1")).idea.asked == (
        Asked("question on $1", Move.PEOPLE, "p2"),
    )


THREAD = Room(ROOM.platform, "$thread", debate=ROOM.id)
STEPS = st.lists(
    st.one_of(
        st.builds(dict, granted=st.booleans()),
        st.builds(
            dict,
            text=st.sampled_from(["", "Trees", "Benches"]),
            says=st.none() | st.sampled_from(Kind),
            ends=st.integers(0, 4).map(lambda n: n == 0),
            command=st.sampled_from([None, None, "skip"]),
            language=st.sampled_from(["fr", "ar"]),
            room=st.sampled_from([ROOM, THREAD]),
        ),
        st.just({"contest": True}),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_every_engine_remembers_the_same_dialogue(empty, steps):
    async def run(folder: Path) -> None:
        memory = MemoryRecord()
        async with SqlRecord(
            shutil.copytree(empty, folder, dirs_exist_ok=True) / "record.db"
        ) as sql:
            for number, step in enumerate(steps):
                for record in (memory, sql):
                    await record.append(_event(f"${number}", dict(step)))
                for room in (ROOM, THREAD):  # after each step: what is remembered is followed on
                    now = await sql.dialogue(room, "P1")
                    assert now == await memory.dialogue(room, "P1")
        async with SqlRecord(Path(folder) / "record.db") as sql:
            assert await sql.dialogue(THREAD, "P1") == await memory.dialogue(THREAD, "P1")
            assert await sql.dialogue(ROOM, "P1") == await memory.dialogue(ROOM, "P1")

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


def _event(name: str, step: dict) -> Turn | Consent | Contest:
    if "granted" in step:
        return consent(name, granted=step["granted"])
    if "contest" in step:
        return Contest(message=message(name), turn=0, reply=reply(message(name)))
    return turn(name, step.pop("text"), **step)


async def test_a_long_past_is_not_read_again_for_each_message(sql):
    await asyncio.gather(*(sql.append(turn(f"${n}", ends=n == 199)) for n in range(200)))
    await asyncio.gather(*(sql.append(turn(f"?{n}", says=Kind.DECLINE)) for n in range(200)))
    read = []
    hooks.listen(sql._engine, "before_cursor_execute", lambda *args: read.append(args[2:4]))

    await sql.dialogue(ROOM, "P1")

    statement, parameters = read[-1]
    with closing(sqlite3.connect(sql.path)) as connection:
        assert len(connection.execute(statement, parameters).fetchall()) == 2
        plan = [
            step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert all(
        "ix_entry_" in step or "PRIMARY KEY" in step for step in plan if step.startswith("SEARCH")
    )
    assert not [step for step in plan if step.startswith("SCAN")]


# What a file on disk promises


@contextmanager
def sabotage(path: Path, trigger: str) -> Iterator[None]:
    """Have the database refuse whatever *trigger* says."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            f"CREATE TRIGGER refuse BEFORE {trigger} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        yield
        connection.execute("DROP TRIGGER refuse")


@pytest.mark.parametrize(
    "trigger", ["INSERT ON entry", "UPDATE ON inbox", "INSERT ON outbox", "UPDATE ON head"]
)
async def test_after_a_transaction_rolled_back_the_chain_goes_on_where_it_was(sql, trigger):
    await sql.append(turn("$1"))
    await sql.receive(message("$2"), "s2")

    with sabotage(sql.path, trigger):
        for _ in range(2):
            with pytest.raises(StorageError):
                await sql.append(turn("$2"))
        assert len(await on_record(sql)) == 1
        assert await sql.waiting("matrix") == [message("$2")]
        assert [entry.seq for entry in await sql.unsent("matrix")] == [1]
    entry = await sql.append(turn("$2"))

    assert entry.seq == 2
    assert await whole(sql, 2)


async def test_what_cannot_be_recorded_does_not_take_others_down_with_it(sql):
    with sabotage(sql.path, "INSERT ON entry WHEN NEW.message_id = '$7'"):
        results = await asyncio.gather(
            *(sql.append(turn(f"${n}")) for n in range(20)), return_exceptions=True
        )

    assert [n for n, result in enumerate(results) if isinstance(result, StorageError)] == [7]
    assert await whole(sql, 19)


@pytest.mark.parametrize("trigger", ["INSERT ON inbox", "INSERT ON cursor"])
async def test_a_message_and_its_cursor_are_kept_both_or_neither(sql, trigger):
    with sabotage(sql.path, trigger), pytest.raises(StorageError):
        await sql.receive(message("$1"), "s1")

    assert await sql.waiting("matrix") == []
    assert await sql.cursor("matrix") is None


async def test_no_error_repeats_what_a_citizen_wrote(sql):
    with sabotage(sql.path, "INSERT ON entry"), sabotage_inbox(sql.path):
        for attempt in (sql.append(turn("$1", PRIVATE)), sql.receive(message("$1", PRIVATE), "s1")):
            with pytest.raises(StorageError) as caught:
                await attempt
            assert PRIVATE not in "".join(traceback.format_exception(caught.value))


@contextmanager
def sabotage_inbox(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER no_inbox BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        yield
        connection.execute("DROP TRIGGER no_inbox")


async def test_what_was_not_consented_to_is_nowhere_in_the_clear_and_gone_once_answered(path):
    def holding() -> list[str]:
        return [
            file.name for file in path.parent.iterdir() if PRIVATE.encode() in file.read_bytes()
        ]

    async with SqlRecord(path) as record:
        await record.receive(message("$1", PRIVATE), "s1")
        assert holding() == []
        await record.append(turn("$1", "", says=Kind.NOTICE))
        assert await record.waiting("matrix") == []
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT message FROM inbox").fetchall() == [(None,)]
    assert holding() == []


async def test_everything_is_still_there_when_the_file_is_opened_again(path):
    async with SqlRecord(path) as record:
        await record.receive(message("$1"), "s1")
        await record.receive(message("$2"), "s2")
        await record.append(consent("$0"))
        await record.append(turn("$1"))
        before = (
            await on_record(record),
            await record.dialogue(ROOM, "P1"),
            await record.unsent("matrix"),
        )

    async with SqlRecord(f"sqlite:///{path}") as record:
        assert (
            await on_record(record),
            await record.dialogue(ROOM, "P1"),
            await record.unsent("matrix"),
        ) == before
        assert [each.id for each in await record.waiting("matrix")] == ["$2"]
        assert await record.cursor("matrix") == "s2"
        assert (await record.append(turn("$2"))).seq == 3
        assert (await record.verify()).sound


async def test_two_that_write_to_one_file_make_one_chain(sql, path):
    async with SqlRecord(path) as other:
        for number in range(0, 20, 2):
            await sql.append(turn(f"${number}"))
            await other.append(turn(f"${number + 1}"))
        await asyncio.gather(*((sql, other)[n % 2].append(turn(f"?{n}")) for n in range(100)))
        assert await sql.append(turn("?1")) == await other.append(turn("?1"))

    assert await whole(sql, 120)


async def test_the_record_can_be_read_and_verified_while_it_grows(sql, path):
    async def grow() -> None:
        await asyncio.gather(*(sql.append(turn(f"${n}")) for n in range(200)))

    async with SqlRecord(path, read_only=True) as reader, asyncio.TaskGroup() as tasks:
        growing = tasks.create_task(grow())
        while not growing.done():
            assert (await reader.verify()).sound
            entries = await on_record(reader)
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        with pytest.raises(StorageError, match="not open for writing"):
            await reader.append(turn("?"))


async def test_a_file_locked_for_too_long_is_an_error_and_then_none(sql, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await sql.append(turn("$1"))
        other.execute("ROLLBACK")

    assert (await sql.append(turn("$1"))).seq == 1


@pytest.mark.parametrize(
    "damage", ["DELETE FROM entry WHERE seq = 2", "DELETE FROM head", "UPDATE head SET note = 'x'"]
)
async def test_nothing_is_added_to_a_record_that_was_cut(path, damage):
    async with SqlRecord(path) as record:
        await record.append(turn("$1"))
        await record.append(turn("$2"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(damage)

    async with SqlRecord(path) as record:
        with pytest.raises(StorageError, match="audit verify"):
            await record.append(turn("$3"))


async def test_a_damaged_entry_is_an_error_that_says_what_to_do(sql, path):
    await sql.append(turn("$1"))
    for damage in ("body = 'x'", "body = CAST(x'ff' AS TEXT)", "at = 'never'", "at = x'00'"):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"UPDATE entry SET {damage}")  # noqa: S608 # our own words
        with pytest.raises(StorageError, match="audit verify"):
            await on_record(sql)


async def test_a_full_disk_is_an_error_and_nothing_is_half_written(sql, path):
    with closing(sqlite3.connect(path)) as connection:
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()

    driver_of(sql._writing).execute(f"PRAGMA max_page_count={pages + 8}").close()
    kept = []
    with pytest.raises(StorageError, match="disk is full") as caught:  # noqa: PT012 # how many fit is not ours to know
        for number in range(20):
            await sql.receive(message(f"${number}"), str(number))
            kept.append(await sql.append(turn(f"${number}", PRIVATE * 500)))

    assert PRIVATE not in "".join(traceback.format_exception(caught.value))
    assert await on_record(sql) == kept != []
    assert (await sql.verify()).sound
    driver_of(sql._writing).execute("PRAGMA max_page_count=1000000").close()
    assert (await sql.append(turn("?", PRIVATE * 500))).seq == len(kept) + 1


async def test_a_file_that_turns_read_only_is_an_error(sql):
    await sql.append(turn("$1"))
    driver_of(sql._writing).execute("PRAGMA query_only=ON").close()

    with pytest.raises(StorageError, match="right"):
        await sql.append(turn("$2"))
    assert len(await on_record(sql)) == 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder, visited as somebody whom file permissions bind."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o777)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield path
    if root:
        os.seteuid(0)
    shutil.rmtree(path)


async def test_a_folder_that_may_not_be_written_is_named(folder):
    locked = folder / "locked"
    locked.mkdir(0o500)

    with pytest.raises(ConfigError, match=r"locked.* writable"):
        await SqlRecord(locked / "record.db").__aenter__()
    assert list(locked.iterdir()) == []


async def test_a_file_that_may_not_be_written_is_named_but_can_be_read(folder):
    path = folder / "record.db"
    async with SqlRecord(path) as record:
        await record.append(turn("$1"))
    path.chmod(0o400)

    with pytest.raises(ConfigError, match="cannot be written"):
        await SqlRecord(path).__aenter__()
    async with SqlRecord(path, read_only=True) as record:
        assert len(await on_record(record)) == 1
        assert (await record.verify()).sound


async def test_a_copy_on_a_read_only_medium_can_be_audited(folder):
    medium = folder / "medium"
    medium.mkdir()
    async with SqlRecord(medium / "record.db") as record:
        await record.append(turn("$1"))
    medium.chmod(0o500)

    async with SqlRecord(medium / "record.db", read_only=True) as record:
        assert len(await on_record(record)) == 1
        assert (await record.verify()).sound
    medium.chmod(0o700)


async def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="missing"):
        await SqlRecord(tmp_path / "none" / "record.db").__aenter__()


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\1" * 5000])
async def test_a_file_that_is_no_database_is_named_and_left_alone(path, content):
    path.write_bytes(content)

    for read_only in (False, True):
        with pytest.raises(ConfigError, match=r"record\.db cannot be used"):
            await SqlRecord(path, read_only=read_only).__aenter__()
    assert path.read_bytes() == content


async def test_a_record_whose_key_is_gone_is_not_given_another(path):
    async with SqlRecord(path) as record:
        await record.append(turn("$1"))
    path.with_name("record.db.key").unlink()

    with pytest.raises(ConfigError, match="key that signs"):
        await SqlRecord(path).__aenter__()
    assert not path.with_name("record.db.key").exists()


async def test_the_key_can_be_kept_elsewhere(path, tmp_path):
    key = tmp_path / "safe.key"
    async with SqlRecord(path, key=key) as record:
        await record.append(turn("$1"))
        assert (await record.verify()).sound

    kept = sorted(file.name for file in tmp_path.iterdir())
    assert kept == ["record.db", "record.db.epochs", "safe.key"]
    assert read_signer(key)


async def test_the_files_are_for_their_owner_alone(sql, path):
    await sql.append(turn("$1"))

    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_an_engine_nobody_built_is_refused():
    with pytest.raises(ConfigError, match="SQLite"):
        SqlRecord("postgresql://localhost/record")


async def test_a_closed_record_says_so(path):
    async with SqlRecord(path) as record:
        pass

    with pytest.raises(StorageError, match="not open"):
        await record.append(turn("$1"))
    with pytest.raises(StorageError, match="not open"):
        await record.cursor("matrix")


async def test_what_was_asked_for_before_closing_is_still_written(path):
    async with SqlRecord(path) as record:
        tasks = [asyncio.ensure_future(record.append(turn(f"${n}"))) for n in range(100)]
        await asyncio.sleep(0)

    assert [entry.seq for entry in await asyncio.gather(*tasks)] == list(range(1, 101))
    assert (verify(path).sound, verify(path).entries) == (True, 100)


async def test_a_task_given_up_leaves_the_record_whole(sql):
    tasks = [asyncio.ensure_future(sql.append(turn(f"${n}"))) for n in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sql.append(turn("?"))

    entries = await on_record(sql)
    assert {f"${n}" for n in range(1, 50, 2)} < {entry.event.message.id for entry in entries}
    assert await whole(sql, len(entries))


# What a process killed at any moment leaves behind

APPENDING = """
import asyncio, sys
from tests.test_record import message, turn
from storage.sql import SqlRecord

async def main(path, who):
    async with SqlRecord(path) as record:
        for number in range(200):
            name = f"{who}-{number}"
            await record.receive(message(name), name)
            print((await record.append(turn(name))).seq, name, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def appending(path: Path, who: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # our own words
        [sys.executable, "-c", APPENDING, str(path), who],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_whatever_was_acknowledged_survives_a_kill(path):
    acknowledged = {}
    for kill in range(4):
        with appending(path, f"{kill}") as child:
            for _ in range(random.randrange(1, 180)):  # noqa: S311 # any moment will do
                seq, name = child.stdout.readline().split()
                acknowledged[int(seq)] = name
            child.send_signal(signal.SIGKILL)
            for line in child.stdout:
                if line.endswith("\n"):
                    acknowledged[int(line.split()[0])] = line.split()[1]

        assert verify(path).sound
        async with SqlRecord(path) as record:
            entries = await on_record(record)
            assert (
                acknowledged.items()
                <= {entry.seq: entry.event.message.id for entry in entries}.items()
            )
            assert len(entries) - len(acknowledged) <= kill + 1
            answered = {entry.event.message.id for entry in entries}
            assert not answered & {each.id for each in await record.waiting("matrix")}
            assert len(await record.unsent("matrix")) == len(entries)


async def test_two_processes_that_start_together_make_one_chain(path):
    with appending(path, "a") as one, appending(path, "b") as two:
        lines = one.stdout.read().splitlines() + two.stdout.read().splitlines()

    assert sorted(int(line.split()[0]) for line in lines) == list(range(1, 401))
    assert (verify(path).sound, verify(path).entries) == (True, 400)


KILLED_AT_A_STATEMENT = """
import asyncio, os, signal, sys
from itertools import count
from tests.test_record import message, turn
from storage.sql import SqlRecord
from storage.statement import driver_of

async def main(path, stop_at):
    async with SqlRecord(path) as record:
        statements = count()

        def kill(*_):
            if next(statements) == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)

        driver_of(record._writing).set_trace_callback(kill)
        await record.receive(message("$1"), "s1")
        await record.append(turn("$1"))

for stop_at in range(60):
    if (child := os.fork()) == 0:
        asyncio.run(main(f"{sys.argv[1]}/{stop_at}/record.db", stop_at))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(stop_at)
"""


def killed_at_each_statement(folder: Path) -> int:
    """Do the same work in one record after the other; return how many were left by a kill."""
    done = subprocess.run(  # our own words
        [sys.executable, "-c", KILLED_AT_A_STATEMENT, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


async def test_a_kill_between_any_two_statements_leaves_all_or_nothing(empty, tmp_path):
    for stop_at in range(60):
        shutil.copytree(empty, tmp_path / f"{stop_at}")

    kills = killed_at_each_statement(tmp_path)

    stages = [
        await _left_behind(tmp_path / f"{stop_at}" / "record.db") for stop_at in range(kills + 1)
    ]
    nothing, received, answered = (None, [], 0), ("s1", ["$1"], 0), ("s1", [], 1)
    assert stages == sorted(stages, key=[nothing, received, answered].index)
    assert set(map(str, stages)) == set(map(str, (nothing, received, answered)))
    assert kills > 12


async def _left_behind(path: Path) -> tuple[str | None, list[str], int]:
    async with SqlRecord(path) as record:
        entries, waiting = await on_record(record), await record.waiting("matrix")
        assert (await record.verify()).sound
        assert len(await record.unsent("matrix")) == len(entries)
        return await record.cursor("matrix"), [each.id for each in waiting], len(entries)
