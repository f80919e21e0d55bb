from __future__ import annotations

import asyncio

import pytest

from bot.domain import Delivery, Kind, Room, Turn
from bot.errors import StorageError
from bot.runner import Runner
from storage.memory import MemoryRecord
from tests.conftest import BENCHES, Citizen, FakePlatform, service


def runner(platform: FakePlatform, record: MemoryRecord) -> Runner:
    return Runner(service=service(record=record), mailbox=record, platform=platform)


def crowd(rooms: int, texts: list[str]) -> FakePlatform:
    """Return a platform where each of *rooms* says the same texts, mixed together."""
    platform = FakePlatform()
    people = [Citizen(None, sender=f"p{n}", room=Room("fake", f"r{n}")) for n in range(rooms)]  # type: ignore[arg-type]
    platform.inbox = [person.message(text) for text in texts for person in people]
    return platform


async def test_order_holds_within_each_of_many_rooms():
    platform = crowd(20, ["j'accepte", "Il faut des bancs.", "stop"])
    await runner(platform, MemoryRecord()).serve()
    for n in range(20):
        said = [reply.kind for reply in platform.said if reply.room.id == f"r{n}"]
        assert said == [Kind.NOTICE, Kind.QUESTION, Kind.GOODBYE]


async def test_a_message_delivered_twice_is_answered_once():
    platform = crowd(1, ["j'accepte", "Il faut des bancs."])
    platform.inbox = [m for m in platform.inbox for _ in range(3)]
    record = MemoryRecord()
    await runner(platform, record).serve()
    await runner(platform, record).serve()
    assert len(platform.said) == 2


async def test_a_slow_room_does_not_hold_up_the_others():
    record, done = MemoryRecord(), []

    class Slow(FakePlatform):
        async def send(self, reply):
            await asyncio.sleep(0.2 if reply.room.id == "r0" else 0)
            done.append(reply.room.id)
            return await super().send(reply)

    platform = Slow(inbox=crowd(3, ["bonjour"]).inbox)
    await runner(platform, record).serve()
    assert done[-1] == "r0"


async def test_what_was_received_before_a_crash_is_answered_after_it():
    record = MemoryRecord()
    platform = crowd(1, ["j'accepte"])
    message = platform.inbox.pop()
    kept = await service(record=record).admit(message)
    assert await record.receive(kept, "1")
    await runner(platform, record).serve()
    assert len(platform.said) == 1
    assert not await record.waiting("fake")


async def test_what_was_decided_before_a_crash_is_sent_after_it():
    record, platform = MemoryRecord(), crowd(1, [])

    class Crashed(FakePlatform):
        async def send(self, reply):
            raise KeyboardInterrupt

    person = Citizen(service(record=record), Crashed())
    with pytest.raises(KeyboardInterrupt):
        await person.says("bonjour")
    await runner(platform, record).serve()
    assert [reply.send_id for reply in platform.said] == [
        e.event.reply.send_id async for e in record.entries() if isinstance(e.event, Turn)
    ]
    assert [e.event async for e in record.entries()][-1] == Delivery(turn=1, external_id="1")


async def test_a_record_that_fails_ends_the_process_rather_than_losing_a_message():
    class Full(MemoryRecord):
        async def append(self, event):
            raise StorageError("disk full")

    platform, record = crowd(2, ["bonjour"]), Full()
    with pytest.raises(ExceptionGroup) as error:
        await runner(platform, record).serve()
    assert error.group_contains(StorageError)
    assert platform.said == []
    assert await record.waiting("fake")


async def test_a_flood_in_one_room_does_not_hold_up_the_others():
    platform = FakePlatform()
    people = [Citizen(service(), platform, sender=f"p{n}") for n in range(40)]
    quiet = Citizen(people[0].service, platform, sender="eve", room=Room("fake", "elsewhere"))
    for somebody in (*people, quiet):
        somebody.service = quiet.service
        await somebody.says("j'accepte")
    flood = [somebody.message(f"Il faut {n} bancs.") for n, somebody in enumerate(people)]
    platform.inbox = [*flood, quiet.message(BENCHES)]
    before = len(platform.said)

    await Runner(service=quiet.service, mailbox=quiet.service.record, platform=platform).serve()

    answers = [reply.room for reply in platform.said[before:]]
    assert len(answers) == 41
    assert answers.index(quiet.room) <= 5
