"""What people take back is gone from the record, and the record still verifies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.scripted import ScriptedModel
from bot.domain import Approval, Rectification, Room
from bot.runner import Runner
from storage.memory import MemoryRecord
from storage.sql import SqlRecord
from storage.verify import Fault
from tests.conftest import Citizen, service

WORD = "Pflaumenkuchen"
OPENING = f"Il faudrait plus de bancs près de la {WORD} pour les anciens."


@pytest.fixture(params=["memory", "sqlite"])
async def citizen(request, tmp_path):
    if request.param == "memory":
        made = Citizen(service(record=MemoryRecord()))
        await made.says("j'accepte")
        yield made
        return
    async with SqlRecord(tmp_path / "record.db") as record:
        made = Citizen(service(record=record))
        await made.says("j'accepte")
        yield made


async def edits(citizen: Citizen, message: str, text: str) -> None:
    edit = replace(citizen.message(text), edits=message)
    await citizen.service.handle(await citizen.service.admit(edit), citizen.platform)


async def on_record(citizen: Citizen) -> str:
    return str([entry async for entry in citizen.service.record.entries()])


async def texts(citizen: Citizen) -> tuple[str, ...]:
    found = await citizen.service.record.dialogue(citizen.room, citizen.sender)
    return found.idea.texts


async def test_a_deleted_message_is_gone_with_every_quote_of_it(citizen):
    await citizen.says(OPENING)
    await citizen.says("Surtout le matin.")
    await citizen.says("voir mon idée")
    assert WORD in await on_record(citizen)

    await edits(citizen, "ana-2", "")

    assert WORD not in await on_record(citizen)
    assert await texts(citizen) == ("Surtout le matin.",)


async def test_an_edited_message_counts_as_it_reads_now(citizen):
    await citizen.says(OPENING)
    await citizen.says("Surtout le matin.")

    await edits(citizen, "ana-2", "Il faudrait plus de bancs en ville.")
    await edits(citizen, "ana-3", "Surtout le soir.")
    await edits(citizen, "ana-2", "Il faudrait des bancs partout.")

    assert await texts(citizen) == ("Il faudrait des bancs partout.", "Surtout le soir.")
    kept = await on_record(citizen)
    assert WORD not in kept and "le matin" not in kept and "en ville" not in kept


async def test_after_an_edit_the_conversation_goes_on(citizen):
    first = await citizen.says(OPENING)
    await edits(citizen, "ana-2", "Il faudrait plus de bancs en ville.")

    second = await citizen.says("Surtout le matin.")

    assert second.text != first.text and WORD not in second.text


async def test_an_edit_of_something_unknown_changes_nothing(citizen):
    await citizen.says(OPENING)

    await edits(citizen, "somebody-else", "")

    changes = [
        e.event
        async for e in citizen.service.record.entries()
        if isinstance(e.event, Rectification)
    ]
    assert [c.changes for c in changes] == [()]
    assert await texts(citizen) == (OPENING,)


async def test_nobody_can_edit_anothers_message(citizen):
    await citizen.says(OPENING)
    other = Citizen(citizen.service, citizen.platform, sender="ben")
    await other.says("j'accepte")

    await edits(other, "ana-2", "")

    assert await texts(citizen) == (OPENING,)


async def test_what_was_taken_back_is_in_no_file_and_the_record_is_sound(tmp_path):
    async with SqlRecord(tmp_path / "record.db") as record:
        citizen = Citizen(service(record=record))
        await citizen.says("j'accepte")
        await citizen.says(OPENING)
        await citizen.says("Surtout le matin.")
        await edits(citizen, "ana-2", "")
        assert (await record.verify()).sound
    for path in tmp_path.iterdir():
        assert WORD.encode() not in path.read_bytes(), path


async def test_words_emptied_without_an_entry_that_says_so_are_a_fault(tmp_path):
    async with SqlRecord(tmp_path / "record.db") as record:
        citizen = Citizen(service(record=record))
        await citizen.says("j'accepte")
        await citizen.says(OPENING)
        with record._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE entry SET body = NULL WHERE seq = 3")
        report = await record.verify()
    assert report.faults == (Fault(place="entry 3", what="empty"),)


async def test_what_was_taken_back_is_gone_from_what_others_were_shown(citizen):
    citizen.platform.moderators = Room("fake", "staff")
    await citizen.says(OPENING)
    await citizen.says("question orientée")
    other = Citizen(citizen.service, citizen.platform, sender="ben")
    await other.says("j'accepte")
    word = citizen.service.notices.word("fr", "others")
    assert WORD in (await other.says(word)).text

    await edits(citizen, "ana-2", "")

    assert WORD not in await on_record(citizen)


async def test_an_approved_proposal_says_what_the_edited_message_says_now(citizen):
    await citizen.says(OPENING)
    accept = citizen.service.notices.word("fr", "accept")
    await citizen.says(accept)
    await citizen.says(accept)

    await edits(citizen, "ana-2", "Il faudrait plus de bancs en ville.")

    assert WORD not in await on_record(citizen)
    theirs = await citizen.service.record.theirs(citizen.room, citizen.sender)
    [proposal] = [e.event for e in theirs if isinstance(e.event, Approval)]
    assert [s.text for s in proposal.sentences] == ["Il faudrait plus de bancs en ville."]


async def test_a_deletion_by_nobody_knows_whom_is_the_authors(citizen):
    record, platform = citizen.service.record, citizen.platform
    first = citizen.message(OPENING)
    gone = replace(citizen.message(""), edits=first.id, sender="")
    platform.inbox = [first, gone]

    await Runner(service=citizen.service, mailbox=record, platform=platform).serve()

    assert await texts(citizen) == () and WORD not in await on_record(citizen)


async def test_what_a_model_was_shown_and_answered_goes_with_the_words(tmp_path):
    model = ScriptedModel([f"Qui passe près de la {WORD} ?", f"Quand, près de la {WORD} ?"])
    async with SqlRecord(tmp_path / "record.db") as record:
        citizen = Citizen(service(model, record, model={"strategy": "draft"}))
        await citizen.says("j'accepte")
        await citizen.says(OPENING)
        assert WORD in model.prompts[0].user
        drafts = [a.draft for e in await everything(record) for a in getattr(e, "attempts", ())]
        assert drafts[0].asked == model.prompts[0]

        await edits(citizen, "ana-2", "")

        assert WORD not in await on_record(citizen)


async def everything(record) -> list:
    return [entry.event async for entry in record.entries()]
