"""What is remembered of the record is never older than the record."""

from __future__ import annotations

import pytest

from bot.domain import Cafe, Erasure
from storage.sql import SqlRecord
from tests.conftest import ROOM
from tests.test_record import consent, message, turn


@pytest.fixture
async def record(tmp_path):
    async with SqlRecord(tmp_path / "record.db") as made:
        yield made


HERE = message().room


async def stands(record: SqlRecord):
    return await record.dialogue(HERE, "P1")


async def test_an_entry_of_mine_changes_where_my_dialogue_stands(record):
    assert not (await stands(record)).consented
    await record.append(consent("$0"))
    assert (await stands(record)).consented
    await record.append(turn("$1"))
    assert (await stands(record)).idea.texts == ("More trees",)
    assert await stands(record) is await stands(record)


async def test_what_another_process_wrote_is_seen_with_the_next_message(record, tmp_path):
    await record.append(consent("$0"))
    assert (await stands(record)).consented
    async with SqlRecord(tmp_path / "record.db") as other:
        await other.append(consent("$9", granted=False))
        await other.append(Cafe(name="x", state="closed"))
    await record.receive(message("$1"), "c")

    assert not (await stands(record)).consented
    assert [cafe.state for cafe in await record.cafes()] == ["closed"]


async def test_a_debate_that_is_closed_here_is_closed_at_once(record):
    assert await record.cafes() == []
    await record.append(Cafe(name="x", state="open"))
    await record.append(Cafe(name="x", state="closed"))
    assert [cafe.state for cafe in await record.cafes()] == ["closed"]


async def test_what_was_erased_is_not_remembered(record):
    await record.append(consent("$0"))
    await record.append(turn("$1"))
    await stands(record)
    await record.append(Erasure(erased=(1, 2), cause="person"))
    assert (await stands(record)).idea.texts == () and not (await stands(record)).consented


async def test_somebody_elses_entry_leaves_mine_remembered(record):
    await record.append(consent("$0"))
    mine = await stands(record)
    await record.append(turn("$5", sender="P2"))
    assert await stands(record) is mine
    assert HERE != ROOM


async def test_my_entries_are_known_without_reading_their_numbers_again(record, monkeypatch):
    await record.append(consent("$0"))
    assert [entry.seq for entry in await record.theirs(HERE, "P1")] == [1]
    await record.append(turn("$1"))
    await record.append(turn("$5", sender="P2"))
    monkeypatch.setattr(record, "_read", None)

    assert [entry.seq for entry in await record.theirs(HERE, "P1")] == [1, 2]


async def test_entries_of_mine_that_others_wrote_or_erased_are_read_again(record, tmp_path):
    await record.append(consent("$0"))
    assert len(await record.theirs(HERE, "P1")) == 1
    async with SqlRecord(tmp_path / "record.db") as other:
        await other.append(turn("$1"))
    await record.receive(message("$2"), "c")
    assert [entry.seq for entry in await record.theirs(HERE, "P1")] == [1, 2]

    await record.append(Erasure(erased=(1, 2), cause="person"))
    assert await record.theirs(HERE, "P1") == []
